/* The audit log in several files: when the next one begins, which are kept, and what happens when somebody
 * lays hand on them. */
#include "audit/rotate.h"

#include "audit_log.h"
#include "audit/folder.h"

#include <errno.h>

#define FILE_MAX 1000 /* three or four records */
#define FILES    64

static const struct chain_head no_head = { 0 };

/* The numbers of the files, oldest first. */
static size_t list_files(const struct audit_log *log, uint64_t firsts[FILES])
{
	int folder = folder_open(log->folder);
	uint64_t first = 0;
	size_t count = 0;

	assert_true(folder >= 0);
	while (folder_oldest(folder, first + 1, &first) == COFFER_OK) {
		assert_true(count < FILES);
		firsts[count++] = first;
	}
	close(folder);
	return count;
}

static bool has(struct slice line, const char *text)
{
	return memmem(line.data, line.len, text, strlen(text)) != NULL;
}

/* A log of count records beside those that begin files. */
static struct chain_head make(const struct audit_log *log, size_t count, uint64_t keep)
{
	struct trail *trail = log_open_files(log, FILE_MAX, keep);
	struct chain_head head;

	for (size_t i = 0; i < count; i++)
		log_append(trail, 1);
	head = *trail_head(trail);
	trail_close(trail);
	return head;
}

static void remove_file(const struct audit_log *log, uint64_t first)
{
	char path[128];

	log_path(log, first, path);
	assert_int_equal(unlink(path), 0);
}

static void assert_problem(const struct audit_log *log, const struct chain_head *head,
			   const char *format, ...) __attribute__((format(printf, 3, 4)));
static void assert_problem(const struct audit_log *log, const struct chain_head *head,
			   const char *format, ...)
{
	struct reader_verdict verdict = log_verify_by(log, head, 1u << 20);
	char want[READER_PROBLEM_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(want, sizeof(want), format, args);
	va_end(args);
	assert_string_equal(verdict.problem, want);
}

/* --- beginning files -------------------------------------------------------------------------- */

static void a_file_that_has_grown_is_followed_by_another(void **state)
{
	struct audit_log *log = *state;
	struct chain_head head = make(log, 20, 0);
	uint64_t firsts[FILES], next = 1;
	size_t files = list_files(log, firsts), lines = 0;

	assert_in_range(files, 5, 10);
	for (size_t i = 0; i < files; i++, next += lines, lines = 0) {
		assert_int_equal(firsts[i], next);
		log_read(log, firsts[i]);
		/* The record that did not fit any more is in the next one. */
		assert_true(i + 1 == files || log->len >= FILE_MAX);
		assert_true(log->len < 2 * FILE_MAX);
		assert_int_equal(has(log_line(log, 0), "\"op\":\"AuditRotate\""), i > 0);
		while (log_line(log, lines).len > 0)
			lines++;
		assert_false(has(log_line(log, 1), "AuditRotate"));
	}
	assert_int_equal(head.seq, 20 + files - 1);
	log_assert_verdict(log, &head, "", head.seq);
}

static void the_first_record_of_a_file_says_what_it_continues(void **state)
{
	struct audit_log *log = *state;
	struct chain_head before, want;
	struct record_border border;
	uint64_t firsts[FILES], seq;
	struct slice text, last;
	size_t lines = 0;

	make(log, 5, 0);
	assert_true(list_files(log, firsts) >= 2);
	log_read(log, 1);
	while ((last = log_line(log, lines)).len > 0)
		lines++;
	last = log_line(log, lines - 1);
	assert_int_equal(record_parse(last, &before.seq, &text, before.mac), COFFER_OK);
	assert_false(record_parse_border(text, &border));
	log_read(log, firsts[1]);
	assert_int_equal(record_parse(log_line(log, 0), &seq, &text, want.mac), COFFER_OK);
	assert_true(record_parse_border(text, &border));
	assert_int_equal(border.oldest, 1);
	assert_memory_equal(border.after, before.mac, CHAIN_MAC_LEN);
	assert_true(has(text, "\"outcome\":\"OK\""));
	want.seq = seq;
	chain_extend(log_key, &before, text, &before);
	assert_true(chain_equal(&before, &want));
}

static void a_log_without_a_limit_stays_in_one_file(void **state)
{
	struct audit_log *log = *state;
	struct trail *trail = log_open_files(log, 0, 2);
	uint64_t firsts[FILES];

	log_append(trail, 5000);
	trail_close(trail);
	assert_int_equal(list_files(log, firsts), 1);
}

/* Many requests of one turn: what they have gathered counts, and goes out before. */
static void a_turn_with_many_records_begins_files_in_its_midst(void **state)
{
	struct audit_log *log = *state;
	struct trail *trail = log_open_files(log, FILE_MAX, 0);
	uint64_t firsts[FILES];

	log_append(trail, 40);
	log_assert_verdict(log, trail_head(trail), "", trail_head(trail)->seq);
	trail_close(trail);
	assert_true(list_files(log, firsts) >= 10);
}

static void a_log_is_taken_up_in_its_newest_file(void **state)
{
	struct audit_log *log = *state;
	struct chain_head head = { 0 };
	uint64_t firsts[FILES];

	log_listen(log);
	for (int i = 0; i < 30; i++)
		head = make(log, 1, 3);
	assert_null(strstr(log_told(log), "audit log"));
	assert_int_equal(list_files(log, firsts), 3);
	log_assert_verdict(log, &head, "", head.seq);
}

/* --- keeping files ---------------------------------------------------------------------------- */

static void so_many_files_are_kept_and_that_is_no_damage(void **state)
{
	struct audit_log *log = *state;
	uint64_t firsts[FILES];

	for (uint64_t keep = 1; keep <= 5; keep++) {
		struct chain_head head = make(log, 60, keep);
		struct reader_verdict verdict = log_verify_by(log, &head, 1u << 20);

		assert_int_equal(list_files(log, firsts), keep);
		assert_string_equal(verdict.problem, "");
		assert_int_equal(verdict.first_seq, firsts[0]);
		assert_true(firsts[0] > 1);
		assert_int_equal(verdict.last_seq, head.seq);
		log_empty(log);
	}
}

static void keeping_none_less_keeps_all(void **state)
{
	struct audit_log *log = *state;
	struct chain_head head = make(log, 60, 0);
	uint64_t firsts[FILES];

	assert_true(list_files(log, firsts) > 10);
	assert_int_equal(firsts[0], 1);
	log_assert_verdict(log, &head, "", head.seq);
}

static void fewer_files_are_kept_from_the_next_one_on_and_more_when_there_are_more(void **state)
{
	struct audit_log *log = *state;
	uint64_t firsts[FILES];
	struct chain_head head;

	make(log, 40, 0);
	assert_true(list_files(log, firsts) > 8);
	head = make(log, 12, 2);
	assert_int_equal(list_files(log, firsts), 2);
	log_assert_verdict(log, &head, "", head.seq);
	head = make(log, 4, 5);
	assert_in_range(list_files(log, firsts), 3, 4);
	log_assert_verdict(log, &head, "", head.seq);
	head = make(log, 40, 5);
	assert_int_equal(list_files(log, firsts), 5);
	log_assert_verdict(log, &head, "", head.seq);
}

/* What was left by a crash between the record that lets a file go and its removal. */
static void files_that_are_no_longer_kept_are_removed_later(void **state)
{
	struct audit_log *log = *state;
	struct trail *trail = log_open_files(log, FILE_MAX, 2);
	uint64_t firsts[FILES];
	char path[128], aside[128];

	log_append(trail, 5);
	log_path(log, 1, path);
	snprintf(aside, sizeof(aside), "%s/aside", log->folder);
	assert_int_equal(link(path, aside), 0);
	log_append(trail, 20);
	assert_int_equal(rename(aside, path), 0);
	assert_int_equal(list_files(log, firsts), 3);
	trail_tend(trail);
	assert_int_equal(list_files(log, firsts), 2);
	log_assert_verdict(log, trail_head(trail), "", trail_head(trail)->seq);
	trail_close(trail);
}

/* Also where more would be kept by now: somebody else may have taken it already. */
static void what_was_let_go_is_not_taken_back(void **state)
{
	struct audit_log *log = *state;
	struct trail *trail = log_open_files(log, FILE_MAX, 2);
	uint64_t firsts[FILES], newest;
	char path[128], aside[128];
	struct chain_head head;
	size_t files;

	log_append(trail, 5);
	log_path(log, 1, path);
	snprintf(aside, sizeof(aside), "%s/aside", log->folder);
	assert_int_equal(link(path, aside), 0);
	log_append(trail, 20);
	trail_close(trail);
	assert_int_equal(rename(aside, path), 0);
	files = list_files(log, firsts);
	assert_int_equal(files, 3);
	newest = firsts[files - 1];
	do {
		head = make(log, 1, 4);
		files = list_files(log, firsts);
	} while (firsts[files - 1] == newest);
	assert_int_equal(files, 3);
	assert_true(firsts[0] > 1);
	log_assert_verdict(log, &head, "", head.seq);
}

/* --- what somebody else removes --------------------------------------------------------------- */

static void a_removed_file_is_found_wherever_it_was(void **state)
{
	struct audit_log *log = *state;
	uint64_t firsts[FILES];

	for (uint64_t keep = 0; keep <= 4; keep += 4) {
		for (size_t i = 0;; i++) {
			struct chain_head head = make(log, 40, keep);
			size_t files = list_files(log, firsts);

			if (i == files)
				break;
			firsts[files] = head.seq + 1;
			remove_file(log, firsts[i]);
			if (i == 0)
				assert_problem(log, &head,
					       "records %" PRIu64 " to %" PRIu64
					       " are missing at the beginning",
					       firsts[0], firsts[1] - 1);
			else if (i == files - 1)
				assert_int_equal(memcmp(log_verify_by(log, &head, 1u << 20).problem,
							"record", 6),
						 0);
			else
				assert_problem(log, &head,
					       "records %" PRIu64 " to %" PRIu64
					       " are missing in front of %020" PRIu64 ".jsonl",
					       firsts[i], firsts[i + 1] - 1, firsts[i + 1]);
			log_empty(log);
		}
		log_empty(log);
	}
}

static void what_the_oldest_file_begins_with_cannot_be_cut_off(void **state)
{
	struct audit_log *log = *state;
	struct chain_head head = make(log, 40, 3);
	uint64_t firsts[FILES];
	struct slice line;

	list_files(log, firsts);
	log_read(log, firsts[0]);
	line = log_line(log, 0);
	remove_file(log, firsts[0]);
	log_write(log, firsts[0] + 1, log->bytes + line.len, log->len - line.len);
	assert_problem(log, &head,
		       "records up to %" PRIu64 " are missing in front of record %" PRIu64
		       " in %020" PRIu64 ".jsonl",
		       firsts[0], firsts[0] + 1, firsts[0] + 1);
}

static void every_changed_byte_in_any_file_is_found(void **state)
{
	struct audit_log *log = *state;
	struct chain_head head = make(log, 30, 3);
	uint64_t firsts[FILES];
	size_t files = list_files(log, firsts);

	assert_int_equal(files, 3);
	for (size_t i = 0; i < files; i++) {
		log_read(log, firsts[i]);
		for (size_t byte = 0; byte < log->len; byte++) {
			uint8_t was = log->bytes[byte];

			log->bytes[byte] = (uint8_t)(was ^ (1u << byte % 8));
			log_write(log, firsts[i], log->bytes, log->len);
			if (log_verify_by(log, &head, 1u << 20).problem[0] == '\0')
				fail_msg("byte %zu of file %zu", byte, i);
			log->bytes[byte] = was;
		}
		log_write(log, firsts[i], log->bytes, log->len);
	}
	log_assert_verdict(log, &head, "", head.seq);
}

/* The newest file's word counts also after a restart that keeps all. */
static void what_is_kept_is_known_after_a_restart(void **state)
{
	struct audit_log *log = *state;
	uint64_t firsts[FILES];
	struct chain_head head;

	make(log, 40, 3);
	head = make(log, 10, 0);
	assert_true(list_files(log, firsts) > 3);
	log_assert_verdict(log, &head, "", head.seq);
	remove_file(log, firsts[0]);
	assert_problem(log, &head,
		       "records %" PRIu64 " to %" PRIu64 " are missing at the beginning", firsts[0],
		       firsts[1] - 1);
}

/* Who takes the oldest file away cannot have the daemon itself say that it is not kept. */
static void a_forged_word_on_what_is_kept_is_not_taken(void **state)
{
	struct audit_log *log = *state;
	struct record_border border;
	uint64_t firsts[FILES], forged, seq;
	struct chain_head head;
	struct slice text;
	uint8_t *at;

	make(log, 30, 0);
	forged = firsts[list_files(log, firsts) - 1];
	log_read(log, forged);
	at = memmem(log->bytes, log->len, "\"oldest\":1", 10);
	assert_non_null(at);
	at[9] = '5';
	log_write(log, forged, log->bytes, log->len);
	remove_file(log, 1);
	log_listen(log);
	head = make(log, 8, 0);
	(void)log_told(log);
	assert_problem(log, &head, "record %" PRIu64 " in %020" PRIu64 ".jsonl was altered", forged,
		       forged);
	log_read(log, firsts[list_files(log, firsts) - 1]);
	assert_int_equal(record_parse(log_line(log, 0), &seq, &text, head.mac), COFFER_OK);
	assert_true(seq > forged && record_parse_border(text, &border));
	assert_int_equal(border.oldest, 1);
}

/* --- while the log is open -------------------------------------------------------------------- */

/* The newest file begins with a record that tells what was done to the one before it. */
static void assert_new_file(struct audit_log *log, struct trail *trail, uint64_t seq,
			    const char *reason)
{
	char want[128];

	snprintf(want, sizeof(want),
		 "\"outcome\":\"DATA_LOSS\",\"reason\":\"00000000000000000001.jsonl %s\"", reason);
	log_read(log, seq);
	assert_true(has(log_line(log, 0), want));
	assert_true(has(log_line(log, 0), "\"op\":\"AuditRotate\""));
	assert_int_equal(trail_head(trail)->seq, seq + 1);
}

static void a_file_that_is_removed_is_noticed_before_the_next_record(void **state)
{
	struct audit_log *log = *state;
	struct trail *trail = log_open(log);

	log_append(trail, 3);
	remove_file(log, 1);
	log_listen(log);
	log_append(trail, 1);
	assert_string_equal(log_told(log),
			    "error: audit log: 00000000000000000001.jsonl was removed; "
			    "record 4 begins another file\n");
	assert_new_file(log, trail, 4, "was removed");
	log_assert_verdict(log, trail_head(trail), "records 1 to 3 are missing at the beginning",
			   5);
	trail_close(trail);
	log_extend(log, 1);
}

static void a_file_that_is_cut_is_noticed_before_the_next_record(void **state)
{
	struct audit_log *log = *state;
	struct trail *trail = log_open(log);
	struct stat st;
	char path[128];
	size_t kept;

	log_append(trail, 3);
	log_read(log, 1);
	kept = log_line(log, 0).len;
	log_path(log, 1, path);
	assert_int_equal(truncate(path, (off_t)kept), 0);
	log_listen(log);
	log_append(trail, 1);
	(void)log_told(log);
	assert_new_file(log, trail, 4, "was cut");
	log_assert_verdict(log, trail_head(trail),
			   "records 2 to 3 are missing in front of 00000000000000000004.jsonl", 1);
	trail_close(trail);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, kept);
}

static void a_file_that_is_moved_or_replaced_is_noticed_in_time(void **state)
{
	struct audit_log *log = *state;
	char path[128], aside[128];

	log_path(log, 1, path);
	snprintf(aside, sizeof(aside), "%s/aside", log->folder);
	for (int replaced = 0; replaced <= 1; replaced++) {
		struct trail *trail = log_open(log);

		log_append(trail, 3);
		assert_int_equal(rename(path, aside), 0);
		if (replaced)
			log_write(log, 1, "x\n", 2);
		log_listen(log);
		trail_tend(trail);
		log_append(trail, 1);
		(void)log_told(log);
		assert_new_file(log, trail, 4, replaced ? "was replaced" : "was moved");
		assert_true(log_verify_by(log, trail_head(trail), 1u << 20).problem[0] != '\0');
		trail_close(trail);
		log_empty(log);
	}
}

static void without_its_folder_the_log_takes_no_record_and_with_it_again(void **state)
{
	struct audit_log *log = *state;
	struct trail *trail = log_open(log);
	char aside[80];

	log_append(trail, 3);
	snprintf(aside, sizeof(aside), "%s.aside", log->folder);
	assert_int_equal(rename(log->folder, aside), 0);
	log_listen(log);
	trail_tend(trail);
	for (int i = 0; i < 3; i++)
		assert_int_equal(trail_ready(trail, false), COFFER_UNAVAILABLE);
	assert_int_equal(rename(aside, log->folder), 0);
	log_append(trail, 1);
	assert_string_equal(log_told(log),
			    "error: audit log cannot be written: No such file or directory\n"
			    "info: audit log can be written again\n");
	log_assert_verdict(log, trail_head(trail), "", 4);
	trail_close(trail);
}

/* The records behind the damage are kept like others, until their file is let go. */
static void once_the_damaged_files_are_let_go_the_log_stands_again(void **state)
{
	struct audit_log *log = *state;
	struct trail *trail = log_open_files(log, FILE_MAX, 3);

	log_append(trail, 3);
	remove_file(log, 1);
	log_listen(log);
	log_append(trail, 1);
	log_append(trail, 40);
	(void)log_told(log);
	log_assert_verdict(log, trail_head(trail), "", trail_head(trail)->seq);
	trail_close(trail);
}

/* --- verification in steps while files come and go ---------------------------------------------- */

static void files_may_come_and_go_between_the_steps_of_a_verification(void **state)
{
	struct audit_log *log = *state;
	const size_t budgets[] = { 1, 400, 1500 };

	for (size_t i = 0; i < sizeof(budgets) / sizeof(budgets[0]); i++) {
		struct trail *trail = log_open_files(log, FILE_MAX, 4);
		struct reader_verdict verdict = { .cursor_len = 0 };

		log_append(trail, 30);
		for (int step = 0; !verdict.done; step++) {
			assert_int_equal(trail_verify(trail, budgets[i], &verdict), COFFER_OK);
			if (step < 40)
				log_append(trail, 2);
		}
		assert_string_equal(verdict.problem, "");
		assert_true(verdict.last_seq > 30);
		trail_close(trail);
		log_empty(log);
	}
}

static void a_file_that_somebody_removes_between_the_steps_is_found(void **state)
{
	struct audit_log *log = *state;

	for (size_t gone = 0; gone < 6; gone++) {
		struct chain_head head = make(log, 30, 0);
		struct reader_verdict verdict = { .cursor_len = 0 };
		uint64_t firsts[FILES];

		assert_true(list_files(log, firsts) > 6);
		for (int step = 0; step < 10; step++)
			assert_int_equal(reader_verify(log->folder, log_key, &head, 1, &verdict),
					 COFFER_OK);
		assert_false(verdict.done);
		remove_file(log, firsts[gone]);
		while (!verdict.done)
			assert_int_equal(reader_verify(log->folder, log_key, &head, 1, &verdict),
					 COFFER_OK);
		/* What was read before it went has been verified. */
		if (firsts[gone + 1] <= 10)
			assert_string_equal(verdict.problem, "");
		else
			assert_true(verdict.problem[0] != '\0');
		log_empty(log);
	}
	log_assert_verdict(log, &no_head, "", 0);
}

#define case_of(name) cmocka_unit_test_setup_teardown(name, log_setup, log_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		case_of(a_file_that_has_grown_is_followed_by_another),
		case_of(the_first_record_of_a_file_says_what_it_continues),
		case_of(a_log_without_a_limit_stays_in_one_file),
		case_of(a_turn_with_many_records_begins_files_in_its_midst),
		case_of(a_log_is_taken_up_in_its_newest_file),
		case_of(so_many_files_are_kept_and_that_is_no_damage),
		case_of(keeping_none_less_keeps_all),
		case_of(fewer_files_are_kept_from_the_next_one_on_and_more_when_there_are_more),
		case_of(files_that_are_no_longer_kept_are_removed_later),
		case_of(what_was_let_go_is_not_taken_back),
		case_of(a_removed_file_is_found_wherever_it_was),
		case_of(what_the_oldest_file_begins_with_cannot_be_cut_off),
		case_of(every_changed_byte_in_any_file_is_found),
		case_of(what_is_kept_is_known_after_a_restart),
		case_of(a_forged_word_on_what_is_kept_is_not_taken),
		case_of(a_file_that_is_removed_is_noticed_before_the_next_record),
		case_of(a_file_that_is_cut_is_noticed_before_the_next_record),
		case_of(a_file_that_is_moved_or_replaced_is_noticed_in_time),
		case_of(without_its_folder_the_log_takes_no_record_and_with_it_again),
		case_of(once_the_damaged_files_are_let_go_the_log_stands_again),
		case_of(files_may_come_and_go_between_the_steps_of_a_verification),
		case_of(a_file_that_somebody_removes_between_the_steps_is_found),
	};

	return cmocka_run_group_tests_name("rotate", tests, NULL, NULL);
}
