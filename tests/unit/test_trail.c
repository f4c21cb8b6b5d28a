/* Appending to the audit log: gathering, flushing, taking back. */
#include "audit/trail.h"

#include "audit/folder.h"
#include "audit_log.h"

#include <errno.h>

static const struct chain_head no_head = { 0 };

static void an_empty_folder_begins_with_record_one(void **state)
{
	struct audit_log *log = *state;
	struct trail *trail = log_open(log);
	struct stat st;
	char path[128];

	assert_int_equal(trail_head(trail)->seq, 0);
	log_append(trail, 1);
	assert_int_equal(trail_head(trail)->seq, 1);
	trail_close(trail);
	log_path(log, 1, path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	log_assert_verdict(log, &no_head, "", 1);
}

static void records_are_taken_up_where_they_ended(void **state)
{
	struct audit_log *log = *state;
	struct chain_head head;

	log_extend(log, 3);
	log_extend(log, 1);
	head = log_extend(log, 5);
	log_assert_verdict(log, &head, "", 9);
}

static void a_folder_that_is_not_there_is_an_error(void **state)
{
	struct trail_options options = { .folder = "/nonexistent/audit", .key = log_key };
	struct trail *trail;

	(void)state;
	assert_int_equal(trail_open(&trail, &options), COFFER_UNAVAILABLE);
	assert_int_equal(errno, ENOENT);
	assert_null(trail);
	trail_close(trail);
}

/* A symbolic link must not lead the log, or its truncation, to another file. */
static void a_link_in_the_place_of_the_log_is_refused(void **state)
{
	struct audit_log *log = *state;
	struct trail_options options = { .folder = log->folder, .key = log_key };
	struct trail *trail;
	char path[128];

	log_path(log, 1, path);
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_int_equal(trail_open(&trail, &options), COFFER_UNAVAILABLE);
	assert_int_equal(errno, ELOOP);
	assert_null(trail);
}

static void a_closed_log_gives_back_the_room_behind_its_end(void **state)
{
	struct audit_log *log = *state;
	struct trail *trail = log_open(log);
	struct stat during, after;
	char path[128];

	log_append(trail, 2);
	log_path(log, 1, path);
	assert_int_equal(stat(path, &during), 0);
	trail_close(trail);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(during.st_size, after.st_size);
	assert_true(after.st_blocks * 512 < 64 * 1024);
}

static void records_reach_the_file_with_the_flush_and_not_before(void **state)
{
	struct audit_log *log = *state;
	struct trail *trail = log_open(log);

	assert_int_equal(trail_ready(trail, false), COFFER_OK);
	log_gather(trail);
	log_gather(trail);
	log_read(log, 1);
	assert_int_equal(log->len, 0);
	assert_int_equal(trail_flush(trail), COFFER_OK);
	log_read(log, 1);
	assert_true(log_line(log, 1).len > 0);
	assert_int_equal(log_line(log, 2).len, 0);
	assert_int_equal(trail_flush(trail), COFFER_OK);
	trail_close(trail);
}

static void closing_flushes(void **state)
{
	struct audit_log *log = *state;
	struct trail *trail = log_open(log);

	assert_int_equal(trail_ready(trail, false), COFFER_OK);
	log_gather(trail);
	trail_close(trail);
	log_assert_verdict(log, &no_head, "", 1);
}

static void syncing_always_and_by_hand_gives_the_same_log(void **state)
{
	struct audit_log *log = *state;
	struct trail_options options = { .folder = log->folder,
					 .key = log_key,
					 .sync_always = true };
	struct trail *trail;

	assert_int_equal(trail_open(&trail, &options), COFFER_OK);
	log_append(trail, 3);
	assert_int_equal(trail_sync(trail), COFFER_OK);
	trail_close(trail);
	log_assert_verdict(log, &no_head, "", 3);
}

static void a_full_buffer_is_flushed_early(void **state)
{
	struct audit_log *log = *state;
	struct trail *trail = log_open(log);
	struct chain_head head;

	for (size_t i = 0; i < 5000; i++) {
		assert_int_equal(trail_ready(trail, false), COFFER_OK);
		log_gather(trail);
	}
	log_read(log, 1);
	assert_true(log->len > 0);
	assert_int_equal(trail_flush(trail), COFFER_OK);
	head = *trail_head(trail);
	log_assert_verdict(log, &head, "", 5000);
	trail_close(trail);
}

static void a_restarted_record_keeps_its_subject_alone(void **state)
{
	struct audit_log *log = *state;
	struct trail *trail = log_open(log);
	const struct record_subject subject = { .op = SLICE_LITERAL("GetSecrets") };
	struct slice last;

	assert_int_equal(trail_ready(trail, false), COFFER_OK);
	trail_begin(trail, &subject);
	trail_item(trail, SLICE_LITERAL("global"), SLICE_LITERAL("FIRST"), 1);
	trail_item(trail, SLICE_LITERAL("global"), SLICE_LITERAL("SECOND"), 1);
	trail_restart(trail);
	trail_end(trail, COFFER_NOT_FOUND, SLICE_LITERAL("because"));
	last = trail_last(trail);
	assert_null(memmem(last.data, last.len, "secrets", 7));
	assert_null(memmem(last.data, last.len, "FIRST", 5));
	assert_non_null(memmem(last.data, last.len, "\"op\":\"GetSecrets\"", 17));
	assert_non_null(memmem(last.data, last.len, "\"reason\":\"because\"", 18));
	trail_close(trail);
	log_assert_verdict(log, &no_head, "", 1);
}

static void an_undone_record_was_never_made(void **state)
{
	struct audit_log *log = *state;
	struct trail *trail = log_open(log);
	struct chain_head before;

	log_append(trail, 1);
	assert_int_equal(trail_ready(trail, false), COFFER_OK);
	log_gather(trail);
	before = *trail_head(trail);
	log_gather(trail);
	trail_undo(trail);
	assert_true(chain_equal(trail_head(trail), &before));
	assert_int_equal(trail_last(trail).len, 0);
	trail_undo(trail);
	assert_true(chain_equal(trail_head(trail), &before));
	log_gather(trail);
	assert_int_equal(trail_flush(trail), COFFER_OK);
	assert_int_equal(trail_head(trail)->seq, 3);
	trail_close(trail);
	log_assert_verdict(log, &no_head, "", 3);
}

static void a_flushed_record_cannot_be_undone(void **state)
{
	struct audit_log *log = *state;
	struct trail *trail = log_open(log);

	log_append(trail, 1);
	assert_int_equal(trail_last(trail).len, 0);
	trail_undo(trail);
	assert_int_equal(trail_head(trail)->seq, 1);
	trail_close(trail);
	log_assert_verdict(log, &no_head, "", 1);
}

static void reading_and_verifying_see_what_was_gathered(void **state)
{
	struct audit_log *log = *state;
	struct trail *trail = log_open(log);
	struct reader_verdict verdict = { .cursor_len = 0 };
	struct buf out = { log->bytes, 0, LOG_BYTES_MAX };
	uint64_t last;
	bool more;

	log_append(trail, 2);
	log_gather(trail);
	assert_int_equal(trail_read(trail, &(struct reader_query){ 0 }, &out, &last, &more),
			 COFFER_OK);
	assert_int_equal(last, 3);
	assert_false(more);
	log_gather(trail);
	assert_int_equal(trail_verify(trail, 1u << 20, &verdict), COFFER_OK);
	assert_true(verdict.done);
	assert_string_equal(verdict.problem, "");
	assert_int_equal(verdict.last_seq, 4);
	trail_close(trail);
}

static void the_last_record_is_the_line_that_the_file_gets(void **state)
{
	struct audit_log *log = *state;
	struct trail *trail = log_open(log);
	struct slice last;
	uint8_t copy[1024];
	size_t len;

	log_append(trail, 1);
	log_gather(trail);
	log_gather(trail);
	last = trail_last(trail);
	len = last.len;
	assert_true(len > 0 && len < sizeof(copy));
	memcpy(copy, last.data, len);
	trail_close(trail);
	log_read(log, 1);
	last = log_line(log, 2);
	assert_int_equal(last.len, len);
	assert_memory_equal(last.data, copy, len);
}

/* --- what it tells, and other settings -------------------------------------------------------- */

/* The files' sizes added up, and the number in the first one's name. */
static struct trail_extent look(const struct audit_log *log)
{
	struct trail_extent extent = { .oldest = 0 };
	int folder = folder_open(log->folder);
	uint64_t first = 0;

	assert_true(folder >= 0);
	while (folder_oldest(folder, first + 1, &first) == COFFER_OK) {
		char path[128];
		struct stat st;
		log_path(log, first, path);
		assert_int_equal(stat(path, &st), 0);
		extent.bytes += (uint64_t)st.st_size;
		extent.oldest = extent.oldest != 0 ? extent.oldest : first;
	}
	close(folder);
	return extent;
}

static void assert_extent(const struct audit_log *log, const struct trail *trail)
{
	const struct trail_extent found = look(log), told = trail_extent(trail);

	assert_int_equal(told.oldest, found.oldest);
	assert_int_equal(told.bytes, found.bytes);
}

static void the_extent_is_that_of_the_files(void **state)
{
	struct audit_log *log = *state;
	struct trail *trail = log_open_files(log, 4096, 2);

	assert_int_equal(trail_extent(trail).oldest, 0);
	assert_int_equal(trail_extent(trail).bytes, 0);
	for (int i = 0; i < 60; i++) {
		log_append(trail, 1);
		assert_extent(log, trail);
	}
	assert_true(trail_extent(trail).oldest > 1);
	trail_close(trail);
	trail = log_open_files(log, 4096, 2);
	assert_extent(log, trail);
	trail_close(trail);
}

static void other_settings_count_from_then_on(void **state)
{
	struct audit_log *log = *state;
	struct trail *trail = log_open(log);

	for (int i = 0; i < 60; i++)
		log_append(trail, 1);
	assert_int_equal(trail_extent(trail).oldest, 1);
	trail_tune(trail, true, 4096, 2);
	log_append(trail, 60);
	assert_true(trail_extent(trail).oldest > 1);
	assert_true(trail_extent(trail).bytes < 4 * 4096);
	trail_tune(trail, false, 0, 0);
	log_append(trail, 60);
	assert_true(trail_extent(trail).bytes > 4 * 4096);
	trail_close(trail);
}

static void what_was_made_counts_what_was_not_taken_back(void **state)
{
	struct audit_log *log = *state;
	struct trail *trail = log_open(log);
	uint64_t one;

	assert_int_equal(trail_made(trail), 0);
	log_append(trail, 1);
	one = trail_made(trail);
	assert_int_equal(one, trail_extent(trail).bytes);
	assert_int_equal(trail_ready(trail, false), COFFER_OK);
	log_gather(trail);
	assert_int_equal(trail_made(trail), 2 * one);
	trail_undo(trail);
	assert_int_equal(trail_made(trail), one);
	trail_close(trail);
}

#define case_of(name) cmocka_unit_test_setup_teardown(name, log_setup, log_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		case_of(an_empty_folder_begins_with_record_one),
		case_of(records_are_taken_up_where_they_ended),
		case_of(a_folder_that_is_not_there_is_an_error),
		case_of(a_link_in_the_place_of_the_log_is_refused),
		case_of(a_closed_log_gives_back_the_room_behind_its_end),
		case_of(records_reach_the_file_with_the_flush_and_not_before),
		case_of(closing_flushes),
		case_of(syncing_always_and_by_hand_gives_the_same_log),
		case_of(a_full_buffer_is_flushed_early),
		case_of(a_restarted_record_keeps_its_subject_alone),
		case_of(an_undone_record_was_never_made),
		case_of(a_flushed_record_cannot_be_undone),
		case_of(reading_and_verifying_see_what_was_gathered),
		case_of(the_last_record_is_the_line_that_the_file_gets),
		case_of(the_extent_is_that_of_the_files),
		case_of(other_settings_count_from_then_on),
		case_of(what_was_made_counts_what_was_not_taken_back),
	};

	return cmocka_run_group_tests_name("trail", tests, NULL, NULL);
}
