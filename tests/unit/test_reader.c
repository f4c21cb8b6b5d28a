/* Reading the audit log in pages. */
#include "audit/reader.h"

#include "audit_log.h"

#include <errno.h>

static coffer_err copy_after(const char *folder, uint64_t after, struct buf *out, uint64_t *last,
			     bool *more)
{
	return reader_copy(folder, &(struct reader_query){ .after_seq = after }, out, last, more);
}

/* Copies all above after in pages of cap bytes, and checks that they are the lines of what was read. */
static void assert_copies(const struct audit_log *log, uint64_t after, uint64_t total, size_t cap)
{
	uint8_t *page = malloc(cap);
	uint64_t last = after;
	bool more = true;

	assert_non_null(page);
	while (more) {
		struct buf out = { page, 0, cap };
		const uint8_t *at = page;
		uint64_t first = last;

		assert_int_equal(copy_after(log->folder, first, &out, &last, &more), COFFER_OK);
		assert_true(!more || last > first);
		for (uint64_t seq = first; seq < last; seq++) {
			struct slice line = log_line(log, (size_t)seq);

			assert_memory_equal(at, line.data, line.len);
			at += line.len;
		}
		assert_ptr_equal(at, page + out.len);
	}
	assert_int_equal(last, after > total ? after : total);
	free(page);
}

static void pages_of_any_size_give_every_record_once(void **state)
{
	struct audit_log *log = *state;

	log_make(log, 30);
	log_split(log, (const size_t[]){ 10, 1, 19 }, 3);
	for (size_t cap = 400; cap < 9000; cap += 97)
		assert_copies(log, 0, 30, cap);
}

static void reading_begins_behind_any_record(void **state)
{
	struct audit_log *log = *state;

	log_make(log, 30);
	log_split(log, (const size_t[]){ 10, 1, 19 }, 3);
	for (uint64_t after = 0; after <= 32; after++)
		assert_copies(log, after, 30, 700);
	assert_copies(log, UINT64_MAX, 30, 700);
}

static void a_large_log_is_searched_right(void **state)
{
	struct audit_log *log = *state;

	log_make(log, 3000);
	for (uint64_t after = 0; after <= 3000; after += 61)
		assert_copies(log, after, 3000, 100000);
}

static void an_empty_log_has_nothing_to_copy(void **state)
{
	struct audit_log *log = *state;

	assert_copies(log, 0, 0, 100);
	assert_copies(log, 5, 5, 100);
}

static void a_page_that_is_too_small_for_a_line_is_an_error(void **state)
{
	struct audit_log *log = *state;
	uint8_t room[100];
	struct buf out = { room, 0, sizeof(room) };
	uint64_t last;
	bool more;

	log_make(log, 3);
	assert_int_equal(copy_after(log->folder, 1, &out, &last, &more), COFFER_RESOURCE_EXHAUSTED);
	assert_int_equal(out.len, 0);
	assert_int_equal(last, 1);
}

static void a_page_that_fits_exactly_is_the_last_one(void **state)
{
	struct audit_log *log = *state;
	struct buf out;
	uint64_t last;
	bool more;
	uint8_t page[4096];

	log_make(log, 3);
	assert_true(log->len <= sizeof(page));
	out = (struct buf){ page, 0, log->len };
	assert_int_equal(copy_after(log->folder, 0, &out, &last, &more), COFFER_OK);
	assert_int_equal(last, 3);
	assert_false(more);
	out = (struct buf){ page, 0, log->len - 1 };
	assert_int_equal(copy_after(log->folder, 0, &out, &last, &more), COFFER_OK);
	assert_int_equal(last, 2);
	assert_true(more);
}

static void lines_that_are_no_records_are_skipped(void **state)
{
	struct audit_log *log = *state;
	size_t len, garbage = 200000;
	uint8_t *bytes = malloc(3 * garbage);
	struct slice first, second;
	uint8_t page[4096];
	struct buf out = { page, 0, sizeof(page) };
	uint64_t last;
	bool more;

	assert_non_null(bytes);
	log_make(log, 2);
	first = log_line(log, 0);
	second = log_line(log, 1);
	memset(bytes, 'x', 3 * garbage);
	bytes[garbage - 1] = '\n';
	memcpy(bytes + garbage, first.data, first.len);
	len = garbage + first.len + garbage;
	memcpy(bytes + len - 3, "\n\n\n", 3);
	memcpy(bytes + len, second.data, second.len);
	len += second.len;
	memcpy(bytes + len, "{\"seq\":3", 8);
	log_write(log, 1, bytes, len + 8);
	free(bytes);
	assert_int_equal(copy_after(log->folder, 0, &out, &last, &more), COFFER_OK);
	assert_int_equal(last, 2);
	assert_int_equal(out.len, first.len + second.len);
	assert_memory_equal(page, first.data, first.len);
	assert_memory_equal(page + first.len, second.data, second.len);
	assert_int_equal(copy_after(log->folder, 1, &out, &last, &more), COFFER_OK);
	assert_int_equal(last, 2);
}

/* Somebody who can write the log must not be able to make a reader go in circles. */
static void pages_of_a_reordered_log_come_to_an_end(void **state)
{
	struct audit_log *log = *state;
	uint64_t last = 0, before;
	uint8_t page[400];
	bool more = true;

	log_make(log, 6);
	log_write_lines(log, 1, (const size_t[]){ 4, 0, 1, 5, 2, 3 }, 6);
	while (more) {
		struct buf out = { page, 0, sizeof(page) };

		before = last;
		assert_int_equal(copy_after(log->folder, before, &out, &last, &more), COFFER_OK);
		assert_true(!more || last > before);
	}
	assert_int_equal(last, 6);
}

static void a_folder_that_is_not_there_is_an_error(void **state)
{
	uint8_t room[64];
	struct buf out = { room, 0, sizeof(room) };
	uint64_t last;
	bool more;

	(void)state;
	assert_int_equal(copy_after("/nonexistent", 7, &out, &last, &more), COFFER_UNAVAILABLE);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(last, 7);
	assert_false(more);
}

#define case_of(name) cmocka_unit_test_setup_teardown(name, log_setup, log_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		case_of(pages_of_any_size_give_every_record_once),
		case_of(reading_begins_behind_any_record),
		case_of(a_large_log_is_searched_right),
		case_of(an_empty_log_has_nothing_to_copy),
		case_of(a_page_that_is_too_small_for_a_line_is_an_error),
		case_of(a_page_that_fits_exactly_is_the_last_one),
		case_of(lines_that_are_no_records_are_skipped),
		case_of(pages_of_a_reordered_log_come_to_an_end),
		case_of(a_folder_that_is_not_there_is_an_error),
	};

	return cmocka_run_group_tests_name("reader", tests, NULL, NULL);
}
