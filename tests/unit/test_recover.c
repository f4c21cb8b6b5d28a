/* Taking up the audit log where it ended: after a crash, and beside a stored anchor. */
#include "audit/recover.h"

#include "audit_log.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

static const struct chain_head no_head = { 0 };

/* Opens what a crash left, appends a record, and checks that the log stands and has want records. */
static void assert_recovers(struct audit_log *log, uint64_t want)
{
	struct chain_head head;
	struct trail *trail;

	log_listen(log);
	trail = log_open(log);
	(void)log_told(log);
	if (trail_head(trail)->seq != want)
		fail_msg("%" PRIu64 " records and not %" PRIu64, trail_head(trail)->seq, want);
	log_append(trail, 1);
	head = *trail_head(trail);
	trail_close(trail);
	log_assert_verdict(log, &head, "", want + 1);
}

static void a_log_cut_at_any_byte_goes_on_behind_its_last_whole_record(void **state)
{
	struct audit_log *log = *state;
	size_t ends[3];

	log_extend(log, 2);
	log_read(log, 1);
	ends[0] = log_line(log, 0).len;
	ends[1] = log->len;
	for (size_t cut = 0; cut <= log->len; cut++) {
		log_empty(log);
		log_write(log, 1, log->bytes, cut);
		assert_recovers(log, cut == ends[1] ? 2 : cut >= ends[0] ? 1 : 0);
	}
}

/* A power cut may leave blocks that were allocated for a line, but not its bytes. */
static void zero_bytes_in_the_tail_are_cut_off(void **state)
{
	static const uint8_t zeros[200000];
	struct audit_log *log = *state;
	const struct {
		size_t keep, zeros;
		bool newline;
	} cases[] = { { 0, 1, false },     { 0, 4096, false }, { 100, 10, false },
		      { 100, 100, true },  { 0, 100, true },   { 0, RECORD_LINE_MAX, false },
		      { 0, 200000, false } };

	log_extend(log, 2);
	log_read(log, 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t first = log_line(log, 0).len, at = first + cases[i].keep;
		uint8_t *torn = malloc(at + cases[i].zeros + 1);

		assert_non_null(torn);
		memcpy(torn, log->bytes, at);
		memcpy(torn + at, zeros, cases[i].zeros);
		torn[at + cases[i].zeros] = '\n';
		log_empty(log);
		log_write(log, 1, torn, at + cases[i].zeros + cases[i].newline);
		free(torn);
		assert_recovers(log, 1);
	}
}

static void a_cut_tail_is_told_in_the_log(void **state)
{
	struct audit_log *log = *state;

	log_extend(log, 2);
	log_read(log, 1);
	log_write(log, 1, log->bytes, log->len - 1);
	log_listen(log);
	trail_close(log_open(log));
	assert_string_equal(log_told(log), "warning: audit log: an unfinished record at the end of "
					   "00000000000000000001.jsonl was cut off\n");
}

static void an_empty_file_behind_a_full_one_is_no_gap(void **state)
{
	struct audit_log *log = *state;

	log_extend(log, 2);
	log_write(log, 3, "", 0);
	assert_recovers(log, 2);
}

static void the_newest_of_several_files_is_gone_on_with(void **state)
{
	struct audit_log *log = *state;

	log_extend(log, 6);
	log_read(log, 1);
	log_split(log, (const size_t[]){ 1, 3, 2 }, 3);
	assert_recovers(log, 6);
	log_read(log, 5);
	assert_true(log_line(log, 2).len > 0);
}

/* Whole lines are evidence, not a torn write: they stay for verification to show. */
static void lines_that_are_no_records_are_kept_and_told(void **state)
{
	struct audit_log *log = *state;
	struct trail *trail;

	log_extend(log, 2);
	log_read(log, 1);
	memcpy(log->bytes + log->len, "not a record\nnor this", 21);
	log_write(log, 1, log->bytes, log->len + 21);
	log_listen(log);
	trail = log_open(log);
	assert_non_null(
	    strstr(log_told(log), "error: audit log: it ends with lines that are not records"));
	log_append(trail, 1);
	trail_close(trail);
	log_read(log, 1);
	assert_int_equal(log_line(log, 2).len, 13);
	log_assert_verdict(log, &no_head,
			   "the line behind record 2 in 00000000000000000001.jsonl is not a record",
			   2);
}

static void a_last_record_that_was_altered_is_told_and_gone_on_behind(void **state)
{
	struct audit_log *log = *state;
	struct trail *trail;

	log_extend(log, 3);
	log_read(log, 1);
	memcpy(memmem(log_line(log, 2).data, log_line(log, 2).len, "API", 3), "OLD", 3);
	log_write(log, 1, log->bytes, log->len);
	log_listen(log);
	trail = log_open(log);
	assert_string_equal(log_told(log), "error: audit log: record 3 was altered or does not "
					   "continue the log\n");
	log_append(trail, 1);
	trail_close(trail);
	log_assert_verdict(log, &no_head, "record 3 in 00000000000000000001.jsonl was altered", 2);
}

static void the_last_record_is_checked_against_the_file_before(void **state)
{
	struct audit_log *log = *state;

	log_extend(log, 3);
	log_read(log, 1);
	log_split(log, (const size_t[]){ 2, 1 }, 2);
	log_listen(log);
	trail_close(log_open(log));
	assert_string_equal(log_told(log), "");
	memcpy(memmem(log_line(log, 2).data, log_line(log, 2).len, "API", 3), "OLD", 3);
	log_write(log, 3, log_line(log, 2).data, log_line(log, 2).len);
	log_listen(log);
	trail_close(log_open(log));
	assert_non_null(strstr(log_told(log), "record 3 was altered"));
}

static void a_killed_writer_loses_nothing_that_it_had_flushed(void **state)
{
	struct audit_log *log = *state;
	int ends[2], status;
	uint64_t flushed = 0, seq;
	struct trail *trail;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		trail = log_open(log);
		for (;;) {
			if (trail_ready(trail, false) != COFFER_OK)
				_exit(1);
			log_gather(trail);
			seq = trail_head(trail)->seq;
			if (trail_flush(trail) != COFFER_OK ||
			    write(ends[1], &seq, sizeof(seq)) != sizeof(seq))
				_exit(1);
		}
	}
	close(ends[1]);
	while (flushed < 500)
		assert_int_equal(read(ends[0], &flushed, sizeof(flushed)), sizeof(flushed));
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	while (read(ends[0], &seq, sizeof(seq)) == sizeof(seq))
		flushed = seq;
	close(ends[0]);
	trail = log_open(log);
	assert_true(trail_head(trail)->seq >= flushed);
	trail_close(trail);
	log_assert_verdict(log, &no_head, "", log_extend(log, 1).seq);
}

/* --- the anchor: the newest record that the store knows of ----------------------------------------- */

#define MADE 6

/* A log of MADE records: the head after each of them, and their lines. */
struct made {
	struct chain_head heads[MADE + 1];
	uint8_t lines[MADE + 1][512];
	size_t lens[MADE + 1];
};

static void make(const struct audit_log *log, struct made *made)
{
	struct trail *trail = log_open(log);

	*made = (struct made){ 0 };
	for (size_t i = 1; i <= MADE; i++) {
		struct slice last;

		assert_int_equal(trail_ready(trail, false), COFFER_OK);
		log_gather(trail);
		made->heads[i] = *trail_head(trail);
		last = trail_last(trail);
		assert_true(last.len < sizeof(made->lines[i]));
		memcpy(made->lines[i], last.data, last.len);
		made->lens[i] = last.len;
	}
	trail_close(trail);
}

/* Leaves the first count records of the log; 0: an empty folder. */
static void keep(struct audit_log *log, size_t count)
{
	size_t len = 0;

	log_read(log, 1);
	for (size_t i = 0; i < count; i++)
		len += log_line(log, i).len;
	log_empty(log);
	if (len > 0)
		log_write(log, 1, log->bytes, len);
}

static struct trail *open_at(struct audit_log *log, const struct made *made, size_t anchor)
{
	return log_open_behind(log, &made->heads[anchor],
			       (struct slice){ made->lines[anchor], made->lens[anchor] });
}

static void the_anchor_is_compared_with_the_end_of_the_log(void **state)
{
	struct audit_log *log = *state;
	const struct {
		const char *name;
		size_t kept, anchor;
		uint64_t head; /* behind which the log goes on */
		const char *told, *problem;
	} cases[] = {
		{ "no anchor and no log", 0, 0, 0, "", "" },
		{ "no anchor yet", 3, 0, 3, "", "" },
		{ "the anchor is the last record", 3, 3, 3, "", "" },
		{ "the anchor is an older record", 6, 2, 6, "", "" },
		{ "the anchor is the first record", 6, 1, 6, "", "" },
		{ "the anchor's record did not reach the log", 3, 4, 4, "", "" },
		{ "the first record of all did not reach the log", 0, 1, 1, "", "" },
		{ "one record in front of the anchor is missing", 3, 5, 5,
		  "error: audit log: record 4 is missing\n",
		  "record 4 is missing in front of record 5 in 00000000000000000001.jsonl" },
		{ "more of them are missing", 2, 6, 6,
		  "error: audit log: records 3 to 5 are missing\n",
		  "records 3 to 5 are missing in front of record 6 in "
		  "00000000000000000001.jsonl" },
		{ "the whole log is gone", 0, 6, 6,
		  "error: audit log: records 1 to 5 are missing\n",
		  "records 1 to 5 are missing in front of record 6 in "
		  "00000000000000000001.jsonl" },
	};
	struct made made;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reader_verdict verdict;
		struct chain_head head;
		struct trail *trail;

		print_message("%s\n", cases[i].name);
		log_empty(log);
		make(log, &made);
		keep(log, cases[i].kept);
		log_listen(log);
		trail = open_at(log, &made, cases[i].anchor);
		assert_string_equal(log_told(log), cases[i].told);
		assert_int_equal(trail_head(trail)->seq, cases[i].head);
		assert_true(chain_equal(trail_head(trail), &made.heads[cases[i].head]));
		log_append(trail, 2);
		head = *trail_head(trail);
		trail_close(trail);
		verdict = log_verify_by(log, &head, 1u << 20);
		assert_string_equal(verdict.problem, cases[i].problem);
		if (cases[i].problem[0] == '\0')
			assert_int_equal(verdict.last_seq, cases[i].head + 2);
		/* Opened again, nothing is new. */
		log_listen(log);
		trail_close(open_at(log, &made, cases[i].anchor));
		assert_string_equal(log_told(log), "");
	}
}

static void an_appended_anchor_is_in_the_file_when_the_log_is_open(void **state)
{
	struct audit_log *log = *state;
	struct made made;
	struct trail *trail;

	make(log, &made);
	keep(log, 3);
	trail = open_at(log, &made, 4);
	log_read(log, 1);
	assert_int_equal(log_line(log, 3).len, made.lens[4]);
	assert_memory_equal(log_line(log, 3).data, made.lines[4], made.lens[4]);
	trail_close(trail);
}

static void a_torn_anchor_is_made_whole(void **state)
{
	struct audit_log *log = *state;
	struct made made;
	size_t whole;

	make(log, &made);
	log_read(log, 1);
	whole = log->len - made.lens[MADE];
	for (size_t cut = whole; cut < log->len; cut += 7) {
		struct trail *trail;

		log_write(log, 1, log->bytes, cut);
		trail = open_at(log, &made, MADE);
		assert_int_equal(trail_head(trail)->seq, MADE);
		trail_close(trail);
		log_assert_verdict(log, &made.heads[MADE], "", MADE);
	}
}

static void an_anchor_of_another_log_is_told(void **state)
{
	struct audit_log *log = *state;
	struct chain_head other;
	struct made made;

	make(log, &made);
	other = made.heads[4];
	other.mac[0] ^= 1;
	log_listen(log);
	trail_close(log_open_behind(log, &other, (struct slice){ made.lines[4], made.lens[4] }));
	assert_string_equal(log_told(log),
			    "error: audit log: record 4 is not the one that was made\n");
}

static void an_anchor_whose_record_was_taken_out_of_the_log_is_told(void **state)
{
	struct audit_log *log = *state;
	struct slice gone;
	struct made made;

	make(log, &made);
	log_read(log, 1);
	gone = log_line(log, 2);
	memmove(log->bytes + (gone.data - log->bytes), gone.data + gone.len,
		log->len - (size_t)(gone.data - log->bytes) - gone.len);
	log_write(log, 1, log->bytes, log->len - gone.len);
	log_listen(log);
	trail_close(open_at(log, &made, 3));
	assert_string_equal(log_told(log), "error: audit log: record 3 is missing\n");
}

static void an_anchor_that_is_older_than_every_file_is_fine(void **state)
{
	struct audit_log *log = *state;
	struct trail *trail = log_open_files(log, 1000, 1);
	struct chain_head anchor, head;

	log_append(trail, 2);
	anchor = *trail_head(trail);
	log_append(trail, 10);
	head = *trail_head(trail);
	trail_close(trail);
	log_listen(log);
	trail_close(log_open_behind(log, &anchor, SLICE_EMPTY));
	assert_string_equal(log_told(log), "");
	log_assert_verdict(log, &head, "", head.seq);
}

/* A file of one record: it says itself what it continues. */
static void a_first_record_that_was_altered_is_told(void **state)
{
	struct audit_log *log = *state;
	struct chain_head head = { 0 };
	uint8_t *at;

	while (head.seq < 4) {
		struct trail *trail = log_open_files(log, 1, 1);

		log_append(trail, 1);
		trail_close(trail);
		trail = log_open_files(log, 1, 1);
		assert_int_equal(trail_ready(trail, false), COFFER_OK); /* begins a file */
		head = *trail_head(trail);
		trail_close(trail);
	}
	log_listen(log);
	trail_close(log_open(log));
	assert_string_equal(log_told(log), "");
	log_read(log, head.seq);
	assert_int_equal(log_line(log, 1).len, 0);
	at = memmem(log->bytes, log->len, "\"outcome\":\"OK\"", 14);
	assert_non_null(at);
	memcpy(at + 11, "NO", 2);
	log_write(log, head.seq, log->bytes, log->len);
	log_listen(log);
	trail_close(log_open(log));
	assert_non_null(strstr(log_told(log), "was altered or does not continue the log"));
}

/* The last record in the log is a forgery: the anchor behind it does not fit. */
static void an_anchor_that_does_not_continue_the_log_is_told_and_gone_on_behind(void **state)
{
	struct audit_log *log = *state;
	struct chain_head head;
	struct trail *trail;
	struct made made;

	make(log, &made);
	keep(log, 3);
	log_read(log, 1);
	log->bytes[log->len - 10] = log->bytes[log->len - 10] == '0' ? '1' : '0';
	log_write(log, 1, log->bytes, log->len);
	log_listen(log);
	trail = open_at(log, &made, 4);
	assert_non_null(strstr(log_told(log), "record 3 was altered or the one behind it was"));
	assert_true(chain_equal(trail_head(trail), &made.heads[4]));
	log_append(trail, 1);
	head = *trail_head(trail);
	trail_close(trail);
	log_assert_verdict(log, &head, "record 3 in 00000000000000000001.jsonl was altered", 2);
}

static void a_damaged_anchor_leaves_a_gap_and_not_a_bad_line(void **state)
{
	struct audit_log *log = *state;
	struct chain_head head;
	struct trail *trail;
	struct made made;

	make(log, &made);
	keep(log, 3);
	log_read(log, 1);
	for (size_t cut = 1; cut <= made.lens[4]; cut += (made.lens[4] - 1) / 4) {
		const char *told;

		log_empty(log);
		log_write(log, 1, log->bytes, log->len);
		log_listen(log);
		trail = log_open_behind(log, &made.heads[4],
					(struct slice){ made.lines[4], made.lens[4] - cut });
		told = log_told(log);
		assert_non_null(strstr(told, "error: audit log: record 4 is missing\n"));
		assert_true(cut == made.lens[4] ||
			    strstr(told, "the stored copy of record 4 is damaged\n") != NULL);
		assert_int_equal(trail_head(trail)->seq, 4);
		log_append(trail, 1);
		head = *trail_head(trail);
		trail_close(trail);
		log_assert_verdict(log, &head,
				   "record 4 is missing in front of record 5 in "
				   "00000000000000000001.jsonl",
				   3);
	}
}

#define case_of(name) cmocka_unit_test_setup_teardown(name, log_setup, log_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		case_of(a_log_cut_at_any_byte_goes_on_behind_its_last_whole_record),
		case_of(zero_bytes_in_the_tail_are_cut_off),
		case_of(a_cut_tail_is_told_in_the_log),
		case_of(an_empty_file_behind_a_full_one_is_no_gap),
		case_of(the_newest_of_several_files_is_gone_on_with),
		case_of(lines_that_are_no_records_are_kept_and_told),
		case_of(a_last_record_that_was_altered_is_told_and_gone_on_behind),
		case_of(the_last_record_is_checked_against_the_file_before),
		case_of(a_killed_writer_loses_nothing_that_it_had_flushed),
		case_of(the_anchor_is_compared_with_the_end_of_the_log),
		case_of(an_appended_anchor_is_in_the_file_when_the_log_is_open),
		case_of(a_torn_anchor_is_made_whole),
		case_of(an_anchor_of_another_log_is_told),
		case_of(an_anchor_whose_record_was_taken_out_of_the_log_is_told),
		case_of(an_anchor_that_is_older_than_every_file_is_fine),
		case_of(a_first_record_that_was_altered_is_told),
		case_of(an_anchor_that_does_not_continue_the_log_is_told_and_gone_on_behind),
		case_of(a_damaged_anchor_leaves_a_gap_and_not_a_bad_line),
	};

	return cmocka_run_group_tests_name("recover", tests, NULL, NULL);
}
