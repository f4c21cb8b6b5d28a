/* Verifying the audit log: every way to tamper with it is found. */
#include "audit/verify.h"

#include "audit_log.h"

#include <errno.h>

#define F1 "00000000000000000001.jsonl"

static const struct chain_head no_head = { 0 };

static void replace(struct audit_log *log, size_t line, const char *old, const char *new)
{
	struct slice text = log_line(log, line);
	uint8_t *at = memmem(text.data, text.len, old, strlen(old));

	assert_non_null(at);
	memcpy(at, new, strlen(new));
}

/* --- one file -------------------------------------------------------------------------------- */

static void an_untouched_log_stands(void **state)
{
	struct audit_log *log = *state;
	struct chain_head head = log_make(log, 20);
	struct reader_verdict verdict = log_verify_by(log, &head, 1u << 20);

	assert_string_equal(verdict.problem, "");
	assert_int_equal(verdict.first_seq, 1);
	assert_int_equal(verdict.last_seq, 20);
	assert_int_equal(verdict.cursor_len, 0);
}

static void an_empty_log_stands_if_no_record_was_made(void **state)
{
	struct audit_log *log = *state;
	struct chain_head one = { .seq = 1 }, many = { .seq = 9 };

	log_assert_verdict(log, &no_head, "", 0);
	log_assert_verdict(log, &one, "record 1 is missing at the end", 0);
	log_assert_verdict(log, &many, "records 1 to 9 are missing at the end", 0);
}

static void records_made_since_the_head_was_taken_are_fine(void **state)
{
	struct audit_log *log = *state;
	struct chain_head early = log_make(log, 5);

	log_extend(log, 3);
	log_assert_verdict(log, &early, "", 8);
}

static void an_edited_record_is_found(void **state)
{
	struct audit_log *log = *state;
	struct chain_head head = log_make(log, 20);

	replace(log, 16, "API_KEY", "NPM_KEY");
	log_write(log, 1, log->bytes, log->len);
	log_assert_verdict(log, &head, "record 17 in " F1 " was altered", 16);
}

static void every_flip_of_one_bit_is_found(void **state)
{
	struct audit_log *log = *state;
	struct chain_head head = log_make(log, 3);

	for (size_t bit = 0; bit < 8 * log->len; bit++) {
		struct reader_verdict verdict = { .cursor_len = 0 };

		log->bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		log_write(log, 1, log->bytes, log->len);
		verdict = log_verify_by(log, &head, 1u << 20);
		if (verdict.problem[0] == '\0')
			fail_msg("bit %zu of byte %zu", bit % 8, bit / 8);
		log->bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	log_write(log, 1, log->bytes, log->len);
	log_assert_verdict(log, &head, "", 3);
}

static void a_problem_never_quotes_the_record(void **state)
{
	struct audit_log *log = *state;
	struct chain_head head = log_make(log, 3);

	for (size_t byte = 0; byte < log->len; byte++) {
		struct reader_verdict verdict;

		log->bytes[byte] ^= 1;
		log_write(log, 1, log->bytes, log->len);
		verdict = log_verify_by(log, &head, 1u << 20);
		assert_null(strstr(verdict.problem, "API"));
		assert_null(strstr(verdict.problem, "GetSecret"));
		log->bytes[byte] ^= 1;
	}
}

static void a_removed_record_is_found(void **state)
{
	struct audit_log *log = *state;
	struct chain_head head = log_make(log, 5);

	log_write_lines(log, 1, (const size_t[]){ 0, 1, 3, 4 }, 4);
	log_assert_verdict(log, &head, "record 3 is missing in front of record 4 in " F1, 2);
}

static void removed_records_are_named_from_the_first_to_the_last(void **state)
{
	struct audit_log *log = *state;
	struct chain_head head = log_make(log, 9);

	log_write_lines(log, 1, (const size_t[]){ 0, 7, 8 }, 3);
	log_assert_verdict(log, &head, "records 2 to 7 are missing in front of record 8 in " F1, 1);
}

static void the_first_record_cannot_be_removed(void **state)
{
	struct audit_log *log = *state;
	struct chain_head head = log_make(log, 3);

	log_write_lines(log, 1, (const size_t[]){ 1, 2 }, 2);
	log_assert_verdict(log, &head, "record 1 is missing in front of record 2 in " F1, 0);
}

static void reordered_records_are_found(void **state)
{
	struct audit_log *log = *state;
	struct chain_head head = log_make(log, 5);

	log_write_lines(log, 1, (const size_t[]){ 0, 2, 1, 3, 4 }, 5);
	log_assert_verdict(log, &head, "record 2 is missing in front of record 3 in " F1, 1);
}

static void a_repeated_record_is_found(void **state)
{
	struct audit_log *log = *state;
	struct chain_head head = log_make(log, 3);

	log_write_lines(log, 1, (const size_t[]){ 0, 1, 0, 2 }, 4);
	log_assert_verdict(log, &head, "record 1 in " F1 " is out of place, behind record 2", 2);
	log_write_lines(log, 1, (const size_t[]){ 0, 1, 1, 2 }, 4);
	log_assert_verdict(log, &head, "record 2 in " F1 " is out of place, behind record 2", 2);
}

/* Renumbered to fit, as an attacker would. */
static void an_inserted_record_is_found(void **state)
{
	struct audit_log *log = *state;
	struct chain_head head = log_make(log, 3);
	size_t len = log_line(log, 0).len, at = 2 * len;
	uint8_t forged[1024];

	assert_true(len < sizeof(forged));
	memcpy(forged, log->bytes, len);
	memcpy(memmem(forged, len, "\"seq\":1", 7), "\"seq\":3", 7);
	memmove(log->bytes + at + len, log->bytes + at, log->len - at);
	memcpy(log->bytes + at, forged, len);
	log_write(log, 1, log->bytes, log->len + len);
	log_assert_verdict(log, &head, "record 3 in " F1 " was altered", 2);
}

static void a_line_that_is_no_record_is_found(void **state)
{
	struct audit_log *log = *state;
	struct chain_head head = log_make(log, 2);
	size_t at = log_line(log, 0).len;

	memmove(log->bytes + at + 1, log->bytes + at, log->len - at);
	log->bytes[at] = '\n';
	log_write(log, 1, log->bytes, log->len + 1);
	log_assert_verdict(log, &head, "the line behind record 1 in " F1 " is not a record", 1);
}

static void a_line_longer_than_any_record_is_found(void **state)
{
	struct audit_log *log = *state;
	struct chain_head head = log_make(log, 2);

	memset(log->bytes + log->len, 'x', 3 * RECORD_LINE_MAX);
	log->bytes[log->len + 3 * RECORD_LINE_MAX] = '\n';
	log_write(log, 1, log->bytes, log->len + 3 * RECORD_LINE_MAX + 1);
	log_assert_verdict(log, &head, "the line behind record 2 in " F1 " is not a record", 2);
}

static void a_cut_end_is_found_by_the_head(void **state)
{
	struct audit_log *log = *state;
	struct chain_head head = log_make(log, 9);

	log_write_lines(log, 1, (const size_t[]){ 0, 1, 2, 3, 4, 5, 6, 7 }, 8);
	log_assert_verdict(log, &head, "record 9 is missing at the end", 8);
	log_write_lines(log, 1, (const size_t[]){ 0, 1, 2 }, 3);
	log_assert_verdict(log, &head, "records 4 to 9 are missing at the end", 3);
}

static void an_end_of_another_history_is_found_by_the_head(void **state)
{
	struct audit_log *log = *state;
	struct chain_head head = log_make(log, 3);

	head.mac[31] ^= 1;
	log_assert_verdict(log, &head, "record 3 in " F1 " is not the one that was made", 2);
}

static void an_unfinished_line_behind_the_head_is_found(void **state)
{
	struct audit_log *log = *state;
	struct chain_head head = log_make(log, 2);

	memcpy(log->bytes + log->len, "{\"seq\":3", 8);
	for (size_t len = 1; len <= 8; len++) {
		log_write(log, 1, log->bytes, log->len + len);
		log_assert_verdict(log, &head, F1 " ends in the middle of a line, behind record 2",
				   2);
	}
}

static void a_chain_under_another_key_is_found(void **state)
{
	struct audit_log *log = *state;
	struct chain_head head = log_make(log, 2);
	const uint8_t other[CHAIN_KEY_LEN] = { 1 };
	struct reader_verdict verdict = { .cursor_len = 0 };

	assert_int_equal(reader_verify(log->folder, other, &head, 1u << 20, &verdict), COFFER_OK);
	assert_string_equal(verdict.problem, "record 1 in " F1 " was altered");
}

/* --- several files ------------------------------------------------------------------------ */

static void a_log_of_several_files_stands(void **state)
{
	struct audit_log *log = *state;
	struct chain_head head = log_make(log, 12);

	log_split(log, (const size_t[]){ 3, 1, 4, 4 }, 4);
	log_assert_verdict(log, &head, "", 12);
}

static void other_files_in_the_folder_are_passed_over(void **state)
{
	struct audit_log *log = *state;
	struct chain_head head = log_make(log, 3);
	const char *names[] = { "notes.txt",
				"1.jsonl",
				"00000000000000000000.jsonl",
				"99999999999999999999.jsonl",
				"0000000000000000000x.jsonl",
				"00000000000000000002.jsonl~" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[128];
		int fd;

		snprintf(path, sizeof(path), "%s/%s", log->folder, names[i]);
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		assert_true(fd >= 0 && write(fd, "x\n", 2) == 2);
		close(fd);
	}
	log_assert_verdict(log, &head, "", 3);
}

static void a_file_that_is_missing_in_the_middle_is_found(void **state)
{
	struct audit_log *log = *state;
	struct chain_head head = log_make(log, 9);
	char path[128];

	log_split(log, (const size_t[]){ 3, 3, 3 }, 3);
	log_path(log, 4, path);
	assert_int_equal(unlink(path), 0);
	log_assert_verdict(log, &head,
			   "records 4 to 6 are missing in front of 00000000000000000007.jsonl", 3);
}

static void a_file_that_is_missing_at_the_end_is_found(void **state)
{
	struct audit_log *log = *state;
	struct chain_head head = log_make(log, 9);
	char path[128];

	log_split(log, (const size_t[]){ 3, 3, 3 }, 3);
	log_path(log, 7, path);
	assert_int_equal(unlink(path), 0);
	log_assert_verdict(log, &head, "records 7 to 9 are missing at the end", 6);
}

/* Whatever the daemon itself lets go leaves a file that begins in another way: see test_rotate.c. */
static void older_files_that_somebody_removed_are_found(void **state)
{
	struct audit_log *log = *state;
	struct chain_head head = log_make(log, 9);
	char path[128];

	log_split(log, (const size_t[]){ 3, 3, 3 }, 3);
	log_path(log, 1, path);
	assert_int_equal(unlink(path), 0);
	log_assert_verdict(log, &head,
			   "records up to 3 are missing in front of record 4 in "
			   "00000000000000000004.jsonl",
			   0);
}

static void an_edit_in_the_first_file_is_found(void **state)
{
	struct audit_log *log = *state;
	struct chain_head head = log_make(log, 9);

	replace(log, 0, "API_KEY", "NPM_KEY");
	log_split(log, (const size_t[]){ 3, 3, 3 }, 3);
	log_assert_verdict(log, &head, "record 1 in " F1 " was altered", 0);
}

static void an_edit_across_the_border_of_files_is_found(void **state)
{
	struct audit_log *log = *state;
	struct chain_head head = log_make(log, 9);

	replace(log, 3, "API_KEY", "NPM_KEY");
	log_split(log, (const size_t[]){ 3, 3, 3 }, 3);
	log_assert_verdict(log, &head, "record 4 in 00000000000000000004.jsonl was altered", 3);
}

static void a_file_that_was_cut_in_the_middle_of_the_log_is_found(void **state)
{
	struct audit_log *log = *state;
	struct chain_head head = log_make(log, 9);

	log_split(log, (const size_t[]){ 3, 3, 3 }, 3);
	log_write_lines(log, 4, (const size_t[]){ 3, 4 }, 2);
	log_assert_verdict(log, &head, "record 6 is missing in front of 00000000000000000007.jsonl",
			   5);
}

static void a_renamed_file_is_found(void **state)
{
	struct audit_log *log = *state;
	struct chain_head head = log_make(log, 6);
	char from[128], to[128];

	log_split(log, (const size_t[]){ 3, 3 }, 2);
	log_path(log, 4, from);
	log_path(log, 3, to);
	assert_int_equal(rename(from, to), 0);
	log_assert_verdict(log, &head,
			   "00000000000000000003.jsonl is out of place, behind record 3", 3);
	log_path(log, 8, from);
	assert_int_equal(rename(to, from), 0);
	log_assert_verdict(log, &head,
			   "records 4 to 7 are missing in front of 00000000000000000008.jsonl", 3);
}

/* --- in steps ------------------------------------------------------------------------------ */

static void small_steps_come_to_the_same_verdict(void **state)
{
	struct audit_log *log = *state;
	struct chain_head head = log_make(log, 40);
	const size_t budgets[] = { 0, 1, 300, 5000, SIZE_MAX };

	log_split(log, (const size_t[]){ 13, 14, 13 }, 3);
	for (size_t i = 0; i < sizeof(budgets) / sizeof(budgets[0]); i++) {
		struct reader_verdict verdict = log_verify_by(log, &head, budgets[i]);

		assert_string_equal(verdict.problem, "");
		assert_int_equal(verdict.first_seq, 1);
		assert_int_equal(verdict.last_seq, 40);
	}
	replace(log, 29, "API_KEY", "NPM_KEY");
	log_split(log, (const size_t[]){ 13, 14, 13 }, 3);
	for (size_t i = 0; i < sizeof(budgets) / sizeof(budgets[0]); i++) {
		struct reader_verdict verdict = log_verify_by(log, &head, budgets[i]);

		assert_string_equal(verdict.problem,
				    "record 30 in 00000000000000000028.jsonl was altered");
		assert_int_equal(verdict.last_seq, 29);
	}
}

/* A client that keeps nothing but the cursor between the steps. */
static void the_cursor_alone_carries_a_verification_on(void **state)
{
	struct audit_log *log = *state;
	struct chain_head head = log_make(log, 20);
	struct reader_verdict verdict = { .cursor_len = 0 };

	do {
		struct reader_verdict fresh = { .cursor_len = verdict.cursor_len };

		memcpy(fresh.cursor, verdict.cursor, verdict.cursor_len);
		verdict = fresh;
		assert_int_equal(reader_verify(log->folder, log_key, &head, 500, &verdict),
				 COFFER_OK);
		assert_int_equal(verdict.first_seq, 1);
	} while (!verdict.done);
	assert_int_equal(verdict.last_seq, 20);
}

static void a_log_that_grows_between_the_steps_stands(void **state)
{
	struct audit_log *log = *state;
	struct chain_head head = log_make(log, 9);
	struct reader_verdict verdict = { .cursor_len = 0 };

	for (int i = 0; !verdict.done; i++) {
		assert_int_equal(reader_verify(log->folder, log_key, &head, 500, &verdict),
				 COFFER_OK);
		if (i < 10)
			head = log_extend(log, 1);
	}
	assert_string_equal(verdict.problem, "");
	assert_true(verdict.last_seq >= 9);
}

static void a_cursor_that_was_altered_or_made_up_is_refused(void **state)
{
	struct audit_log *log = *state;
	struct chain_head head = log_make(log, 9);
	struct reader_verdict verdict = { .cursor_len = 0 }, bad;

	assert_int_equal(reader_verify(log->folder, log_key, &head, 500, &verdict), COFFER_OK);
	assert_false(verdict.done);
	for (size_t bit = 0; bit < 8 * verdict.cursor_len; bit++) {
		bad = verdict;
		bad.cursor[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(reader_verify(log->folder, log_key, &head, 500, &bad),
				 COFFER_INVALID_ARGUMENT);
	}
	for (size_t len = 1; len <= READER_CURSOR_MAX; len++) {
		bad = verdict;
		bad.cursor_len = len;
		assert_int_equal(reader_verify(log->folder, log_key, &head, 500, &bad),
				 len == verdict.cursor_len ? COFFER_OK : COFFER_INVALID_ARGUMENT);
	}
}

static void a_file_that_is_cut_between_the_steps_is_found(void **state)
{
	struct audit_log *log = *state;
	struct chain_head head = log_make(log, 9);
	struct reader_verdict verdict = { .cursor_len = 0 };

	assert_int_equal(reader_verify(log->folder, log_key, &head, 1000, &verdict), COFFER_OK);
	log_write_lines(log, 1, (const size_t[]){ 0 }, 1);
	assert_int_equal(reader_verify(log->folder, log_key, &head, 1000, &verdict), COFFER_OK);
	assert_true(verdict.done);
	assert_string_equal(verdict.problem, F1 " is shorter than it was");
}

static void a_folder_that_is_not_there_is_an_error(void **state)
{
	struct reader_verdict verdict = { .cursor_len = 0 };

	(void)state;
	assert_int_equal(reader_verify("/nonexistent", log_key, &no_head, 1, &verdict),
			 COFFER_UNAVAILABLE);
	assert_int_equal(errno, ENOENT);
}

#define case_of(name) cmocka_unit_test_setup_teardown(name, log_setup, log_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		case_of(an_untouched_log_stands),
		case_of(an_empty_log_stands_if_no_record_was_made),
		case_of(records_made_since_the_head_was_taken_are_fine),
		case_of(an_edited_record_is_found),
		case_of(every_flip_of_one_bit_is_found),
		case_of(a_problem_never_quotes_the_record),
		case_of(a_removed_record_is_found),
		case_of(removed_records_are_named_from_the_first_to_the_last),
		case_of(the_first_record_cannot_be_removed),
		case_of(reordered_records_are_found),
		case_of(a_repeated_record_is_found),
		case_of(an_inserted_record_is_found),
		case_of(a_line_that_is_no_record_is_found),
		case_of(a_line_longer_than_any_record_is_found),
		case_of(a_cut_end_is_found_by_the_head),
		case_of(an_end_of_another_history_is_found_by_the_head),
		case_of(an_unfinished_line_behind_the_head_is_found),
		case_of(a_chain_under_another_key_is_found),
		case_of(a_log_of_several_files_stands),
		case_of(other_files_in_the_folder_are_passed_over),
		case_of(a_file_that_is_missing_in_the_middle_is_found),
		case_of(a_file_that_is_missing_at_the_end_is_found),
		case_of(older_files_that_somebody_removed_are_found),
		case_of(an_edit_in_the_first_file_is_found),
		case_of(an_edit_across_the_border_of_files_is_found),
		case_of(a_file_that_was_cut_in_the_middle_of_the_log_is_found),
		case_of(a_renamed_file_is_found),
		case_of(small_steps_come_to_the_same_verdict),
		case_of(the_cursor_alone_carries_a_verification_on),
		case_of(a_log_that_grows_between_the_steps_stands),
		case_of(a_cursor_that_was_altered_or_made_up_is_refused),
		case_of(a_file_that_is_cut_between_the_steps_is_found),
		case_of(a_folder_that_is_not_there_is_an_error),
	};

	return cmocka_run_group_tests_name("verify", tests, NULL, NULL);
}
