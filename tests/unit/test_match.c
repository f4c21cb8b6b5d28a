/* Reading the audit log by what is asked for: run, name, operation, outcome and time. */
#include "audit/match.h"

#include "audit_log.h"
#include "base/clock.h"

#define RUN_A "0190b6b5-9d3e-7c1a-8f00-00000000000a"
#define RUN_B "0190b6b5-9d3e-7c1a-8f00-00000000000b"
#define START 1795311608000 /* of the first record; each is a second later */

/* One record. NULL: without. */
struct made {
	const char *op, *grant, *via, *scope, *name, *item, *reason;
	bool service;
	coffer_err outcome;
};

static void add(struct trail *trail, const struct made *made, int64_t time_ms)
{
	const struct record_subject subject = { .op = slice_str(made->op),
						.grant = slice_str(made->grant),
						.is_run = !made->service,
						.via = slice_str(made->via),
						.time_ms = time_ms };

	assert_int_equal(trail_ready(trail, false), COFFER_OK);
	trail_begin(trail, &subject);
	if (made->item != NULL) {
		trail_item(trail, SLICE_LITERAL("global"), SLICE_LITERAL("FIRST"), 1);
		trail_item(trail, SLICE_LITERAL("global"), slice_str(made->item), 1);
	} else {
		trail_secret(trail, slice_str(made->scope), slice_str(made->name), 0);
	}
	trail_end(trail, made->outcome, slice_str(made->reason));
}

/* The numbers of the records that match, as text: "1 3 4 ". */
static const char *find_in(const struct audit_log *log, const struct reader_query *wanted,
			   size_t cap)
{
	static char found[65536];
	struct reader_query query = *wanted;
	uint8_t *page = malloc(cap);
	bool more = true;
	size_t len = 0;

	assert_non_null(page);
	for (found[0] = '\0'; more;) {
		struct buf out = { page, 0, cap };
		uint64_t last;

		assert_int_equal(reader_copy(log->folder, &query, &out, &last, &more), COFFER_OK);
		assert_true(!more || last > query.after_seq);
		query.after_seq = last;
		for (const uint8_t *at = page; at < page + out.len;
		     at = memchr(at, '\n', (size_t)(page + out.len - at)), at++)
			len += (size_t)snprintf(found + len, sizeof(found) - len, "%ld ",
						strtol((const char *)at + 7, NULL, 10));
	}
	free(page);
	return found;
}

static const struct made records[] = {
	{ .op = "CreateRun", .grant = RUN_A },
	{ .op = "GetSecret", .grant = RUN_A, .scope = "global", .name = "X" },
	{ .op = "GetSecret", .grant = RUN_B, .scope = "global", .name = "X" },
	{ .op = "GetSecret", .grant = RUN_A, .name = "XY", .outcome = COFFER_NOT_FOUND },
	{ .op = "GetSecrets", .grant = RUN_B, .item = "X" },
	{ .op = "PutSecret", .scope = "run/" RUN_A, .name = "OWN" },
	{ .op = "CreateRun", .grant = RUN_B, .reason = "supersedes " RUN_A },
	{ .op = "Hello", .grant = RUN_A, .service = true },
	/* Texts of peers that look like fields. */
	{ .op = "Hello", .via = ",\"name\":\"X\"", .outcome = COFFER_UNAUTHENTICATED },
	{ .op = "Hello", .via = "x\\\",\"run\":\"" RUN_A "\"" },
	{ .op = "Hello", .via = RUN_A },
	{ .op = "Hello", .via = ",\"outcome\":\"NOT_FOUND\"", .reason = "supersedes X" },
	{ .op = "RemoveEnded", .scope = "service/" RUN_B },
};

static const struct {
	struct reader_query query;
	const char *want;
} questions[] = {
	{ { 0 }, "1 2 3 4 5 6 7 8 9 10 11 12 13 " },
	{ { .run = SLICE_LITERAL(RUN_A) }, "1 2 4 6 7 8 " },
	{ { .run = SLICE_LITERAL(RUN_B) }, "3 5 7 13 " },
	{ { .run = SLICE_LITERAL("0190b6b5-9d3e-7c1a-8f00-00000000000") }, "" },
	{ { .name = SLICE_LITERAL("X") }, "2 3 5 " },
	{ { .name = SLICE_LITERAL("XY") }, "4 " },
	{ { .name = SLICE_LITERAL("FIRST") }, "5 " },
	{ { .name = SLICE_LITERAL("Y") }, "" },
	{ { .op = SLICE_LITERAL("GetSecret") }, "2 3 4 " },
	{ { .op = SLICE_LITERAL("GetSecrets") }, "5 " },
	{ { .op = SLICE_LITERAL("getsecret") }, "" },
	{ { .op = SLICE_LITERAL("Hello\",\"via\":\"") }, "" },
	{ { .outcome = SLICE_LITERAL("NOT_FOUND") }, "4 " },
	{ { .outcome = SLICE_LITERAL("OK"), .op = SLICE_LITERAL("CreateRun") }, "1 7 " },
	{ { .run = SLICE_LITERAL(RUN_A), .name = SLICE_LITERAL("X") }, "2 " },
	{ { .run = SLICE_LITERAL(RUN_A), .after_seq = 4 }, "6 7 8 " },
	{ { .since_ms = START }, "1 2 3 4 5 6 7 8 9 10 11 12 13 " },
	{ { .since_ms = START + 1 }, "2 3 4 5 6 7 8 9 10 11 12 13 " },
	{ { .since_ms = START + 11000 }, "12 13 " },
	{ { .since_ms = START + 11001 }, "13 " },
	{ { .since_ms = START + 12001 }, "" },
	{ { .since_ms = START + 2000, .name = SLICE_LITERAL("X") }, "3 5 " },
	{ { .since_ms = -1 }, "1 2 3 4 5 6 7 8 9 10 11 12 13 " },
	{ { .since_ms = INT64_MAX }, "" },
};

static void the_records_that_match_all_that_was_asked_for_are_found(void **state)
{
	const size_t budgets[] = { 0, 1, 700 };
	struct audit_log *log = *state;
	struct trail *trail = log_open(log);

	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++)
		add(trail, &records[i], START + 1000 * (int64_t)i);
	trail_close(trail);
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		for (size_t j = 0; j < sizeof(budgets) / sizeof(budgets[0]); j++) {
			struct reader_query query = questions[i].query;
			const char *found;

			query.budget = budgets[j];
			found = find_in(log, &query, j == 2 ? 600 : 100000);
			if (strcmp(found, questions[i].want) != 0)
				fail_msg("case %zu: %s and not %s", i, found, questions[i].want);
		}
	}
}

/* Against a model: what was made when, over many files. */
static void a_time_is_found_in_whichever_file_it_is(void **state)
{
	struct audit_log *log = *state;
	struct trail *trail = log_open_files(log, 4096, 0);
	static const struct made made = { .op = "GetSecret", .grant = RUN_A, .name = "X" };
	static uint64_t seqs[400];
	char want[65536];

	for (size_t i = 0; i < 400; i++) {
		add(trail, &made, START + 1000 * (int64_t)i);
		seqs[i] = trail_head(trail)->seq;
	}
	trail_close(trail);
	for (size_t from = 0; from <= 400; from += 7) {
		size_t len = 0;

		want[0] = '\0';
		for (size_t i = from; i < 400; i++)
			len += (size_t)snprintf(want + len, sizeof(want) - len, "%" PRIu64 " ",
						seqs[i]);
		assert_string_equal(
		    find_in(log,
			    &(struct reader_query){ .since_ms = START + 1000 * (int64_t)from,
						    .op = SLICE_LITERAL("GetSecret") },
			    65536),
		    want);
	}
}

/* A search for what is not there must not hold up the daemon. */
static void a_page_ends_when_so_many_bytes_were_looked_at(void **state)
{
	struct audit_log *log = *state;
	struct reader_query query = { .name = SLICE_LITERAL("NOT_THERE"), .budget = 10000 };
	uint8_t page[1024];
	struct buf out = { page, 0, sizeof(page) };
	uint64_t last;
	bool more;

	log_make(log, 1000);
	assert_int_equal(reader_copy(log->folder, &query, &out, &last, &more), COFFER_OK);
	assert_true(more);
	assert_int_equal(out.len, 0);
	assert_in_range(last, 20, 60);
}

#define case_of(name) cmocka_unit_test_setup_teardown(name, log_setup, log_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		case_of(the_records_that_match_all_that_was_asked_for_are_found),
		case_of(a_time_is_found_in_whichever_file_it_is),
		case_of(a_page_ends_when_so_many_bytes_were_looked_at),
	};

	return cmocka_run_group_tests_name("match", tests, NULL, NULL);
}
