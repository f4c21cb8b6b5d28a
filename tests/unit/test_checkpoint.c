/* Comparing the audit log with a checkpoint that somebody has kept: "did it still hold what it held then?" */
#include "audit/verify.h"

#include "audit_log.h"

#define COUNT 30

/* Rotated, some files let go; the head after each record, by its number. */
struct past {
	struct chain_head heads[4 * COUNT];
	struct chain_head newest;
};

static void make(const struct audit_log *log, uint64_t keep, struct past *past)
{
	struct trail *trail = log_open_files(log, 1000, keep);

	*past = (struct past){ 0 };
	for (size_t i = 0; i < COUNT; i++) {
		assert_int_equal(trail_ready(trail, false), COFFER_OK);
		past->heads[trail_head(trail)->seq] = *trail_head(trail);
		log_gather(trail);
		assert_int_equal(trail_flush(trail), COFFER_OK);
		past->heads[trail_head(trail)->seq] = *trail_head(trail);
	}
	past->newest = *trail_head(trail);
	trail_close(trail);
}

static struct reader_verdict compare(const struct audit_log *log, const struct chain_head *head,
				     const struct chain_head *checkpoint, size_t budget)
{
	struct reader_verdict verdict = { .checkpoint = *checkpoint };

	while (!verdict.done)
		assert_int_equal(reader_verify(log->folder, log_key, head, budget, &verdict),
				 COFFER_OK);
	return verdict;
}

static void a_log_that_stands_tells_the_mac_of_its_newest_record(void **state)
{
	struct audit_log *log = *state;
	struct past past;
	struct reader_verdict verdict;

	make(log, 0, &past);
	verdict = log_verify_by(log, &past.newest, 500);
	assert_string_equal(verdict.problem, "");
	assert_int_equal(verdict.last_seq, past.newest.seq);
	assert_memory_equal(verdict.last_mac, past.newest.mac, CHAIN_MAC_LEN);
}

static void every_record_that_is_kept_can_be_compared(void **state)
{
	struct audit_log *log = *state;
	const size_t budgets[] = { 1, 1500, 1u << 20 };
	struct past past;
	uint64_t first;

	make(log, 3, &past);
	first = log_verify_by(log, &past.newest, 1u << 20).first_seq;
	assert_true(first > 2);
	for (size_t i = 0; i < sizeof(budgets) / sizeof(budgets[0]); i++) {
		/* What the oldest file continues is the last that can be. */
		for (uint64_t seq = first - 1; seq <= past.newest.seq; seq++) {
			struct chain_head wrong = past.heads[seq];

			assert_int_equal(wrong.seq, seq);
			assert_string_equal(
			    compare(log, &past.newest, &past.heads[seq], budgets[i]).problem, "");
			wrong.mac[seq % CHAIN_MAC_LEN] ^= 4;
			assert_non_null(
			    strstr(compare(log, &past.newest, &wrong, budgets[i]).problem,
				   "is not the one of the checkpoint"));
		}
	}
}

static void a_record_that_is_no_longer_kept_cannot_be_compared_and_that_is_said(void **state)
{
	struct audit_log *log = *state;
	struct past past;
	uint64_t first;
	char want[160];

	make(log, 3, &past);
	first = log_verify_by(log, &past.newest, 1u << 20).first_seq;
	snprintf(
	    want, sizeof(want),
	    "record 1, of the checkpoint, is no longer kept: the log begins with record %" PRIu64,
	    first);
	assert_string_equal(compare(log, &past.newest, &past.heads[1], 1u << 20).problem, want);
	assert_true(strlen(compare(log, &past.newest, &past.heads[first - 2], 1u << 20).problem) >
		    0);
}

/* Database and log were both put back to an older copy: the daemon's own head cannot tell. */
static void an_older_copy_of_all_is_found(void **state)
{
	struct audit_log *log = *state;
	struct chain_head old = log_extend(log, 5), checkpoint;

	checkpoint = log_extend(log, 3);
	log_empty(log);
	assert_int_equal(log_extend(log, 5).seq, 5);
	log_assert_verdict(log, &old, "", 5);
	assert_string_equal(compare(log, &old, &checkpoint, 300).problem,
			    "the log ends with record 5, and the checkpoint is of record 8: it was "
			    "cut, or is an older copy");
}

/* By somebody who has the key: only what was kept elsewhere can tell. */
static void a_log_that_was_written_anew_is_found(void **state)
{
	struct audit_log *log = *state;
	struct chain_head checkpoint = log_extend(log, 5), head;
	const struct record_subject other = { .op = SLICE_LITERAL("Other") };
	struct trail *trail;

	log_empty(log);
	trail = log_open(log);
	assert_int_equal(trail_ready(trail, false), COFFER_OK);
	trail_begin(trail, &other);
	trail_end(trail, COFFER_OK, SLICE_EMPTY);
	log_append(trail, 6);
	head = *trail_head(trail);
	trail_close(trail);
	log_assert_verdict(log, &head, "", 7);
	assert_string_equal(compare(log, &head, &checkpoint, 300).problem,
			    "record 5 is not the one of the checkpoint: the log was written anew "
			    "since, or is another one");
}

static void what_was_compared_may_be_let_go_before_the_end(void **state)
{
	struct audit_log *log = *state;
	struct trail *trail = log_open_files(log, 1000, 3);
	struct reader_verdict verdict = { .cursor_len = 0 };
	uint64_t first;

	log_append(trail, 30);
	first = log_verify_by(log, trail_head(trail), 1u << 20).first_seq;
	/* A checkpoint of the third record that is left, which must be read for it. */
	{
		uint8_t page[4096], mac[CHAIN_MAC_LEN];
		struct buf out = { page, 0, sizeof(page) };
		struct reader_query query = { .after_seq = first + 1, .budget = 1 };
		uint64_t last;
		struct slice text;
		bool more;

		assert_int_equal(trail_read(trail, &query, &out, &last, &more), COFFER_OK);
		assert_int_equal(record_parse((struct slice){ page, out.len },
					      &verdict.checkpoint.seq, &text, mac),
				 COFFER_OK);
		memcpy(verdict.checkpoint.mac, mac, sizeof(mac));
	}
	for (int step = 0; !verdict.done; step++) {
		assert_int_equal(trail_verify(trail, 1, &verdict), COFFER_OK);
		if (step == 5)
			log_append(trail, 30);
	}
	assert_string_equal(verdict.problem, "");
	assert_true(verdict.first_seq > verdict.checkpoint.seq);
	trail_close(trail);
}

#define case_of(name) cmocka_unit_test_setup_teardown(name, log_setup, log_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		case_of(a_log_that_stands_tells_the_mac_of_its_newest_record),
		case_of(every_record_that_is_kept_can_be_compared),
		case_of(a_record_that_is_no_longer_kept_cannot_be_compared_and_that_is_said),
		case_of(an_older_copy_of_all_is_found),
		case_of(a_log_that_was_written_anew_is_found),
		case_of(what_was_compared_may_be_let_go_before_the_end),
	};

	return cmocka_run_group_tests_name("checkpoint", tests, NULL, NULL);
}
