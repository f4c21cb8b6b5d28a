/* Goal of this test: what is asked of the audit log is said in full, and no daemon's answer passes for a
 * verdict that it is not. */
#include "fake.h"
#include "support.h"

#include <stdlib.h>

#define STORE "01932f3a-0000-4000-8000-0000000000aa"

static const uint8_t mac[COFFER_AUDIT_MAC_LEN] = { 1, 2, 3 };

/* What the verdict at the end is like. */
enum variant { STANDS, PROBLEM, SHORT_MAC, NO_MAC, NO_STORE, LONG_STORE };

static bool is(struct slice text, const char *want)
{
	return slice_equal(text, slice_str(want));
}

static bool answer_read(struct fake_conn *conn)
{
	coffer_v1_ReadAuditRequest request;
	coffer_v1_ReadAuditResponse reply = { .last_seq = 70, .more = true };

	if (codec_decode(conn->body, coffer_v1_ReadAuditRequest_fields, &request,
			 sizeof(request)) != COFFER_OK ||
	    request.after_seq != 7 || request.since_ms != 123456 || !is(request.run, "a run") ||
	    !is(request.name, "A") || !is(request.op, "GetSecret") || !is(request.outcome, "OK"))
		return false;
	fake_answer(conn, coffer_v1_ReadAuditResponse_fields, &reply);
	return true;
}

/* Two steps, which both must have the checkpoint of record 4, if any. */
static bool answer_verify(struct fake_conn *conn)
{
	static const uint8_t cursor[] = "c";
	coffer_v1_VerifyAuditRequest request;
	coffer_v1_VerifyAuditResponse reply = {
		.cursor = { cursor, 1 }, .first_seq = 3, .last_seq = 5, .store = slice_str(STORE)
	};
	enum variant variant = (enum variant)conn->variant;

	if (codec_decode(conn->body, coffer_v1_VerifyAuditRequest_fields, &request,
			 sizeof(request)) != COFFER_OK)
		return false;
	if (request.checkpoint_seq != 0 &&
	    (request.checkpoint_seq != 4 || request.checkpoint_mac.len != sizeof(mac) ||
	     memcmp(request.checkpoint_mac.data, mac, sizeof(mac)) != 0))
		return false;
	reply.done = request.cursor.len > 0;
	if (reply.done)
		reply.last_mac = (struct slice){ mac, variant == SHORT_MAC ? 31 : sizeof(mac) };
	if (variant == NO_MAC)
		reply.last_mac = reply.store = SLICE_EMPTY;
	if (variant == NO_STORE)
		reply.store = SLICE_EMPTY;
	if (variant == LONG_STORE)
		reply.store = slice_str(STORE "0");
	if (variant == PROBLEM && reply.done)
		reply.problem = slice_str("record 6 was altered");
	fake_answer(conn, coffer_v1_VerifyAuditResponse_fields, &reply);
	return true;
}

static void serve(struct fake_conn *conn)
{
	while (fake_read(conn)) {
		if (!(strcmp(conn->method, "ReadAudit") == 0 ? answer_read(conn)
							     : answer_verify(conn)))
			fake_refuse(conn, conn->id, COFFER_UNIMPLEMENTED, "not as expected");
		(void)fake_send(conn);
	}
}

static void every_member_of_a_filter_is_sent_and_an_empty_page_is_fine(void **state)
{
	struct fake fake = fake_start(serve, STANDS);
	struct coffer_admin *admin = fake_open_admin(&fake);
	const struct coffer_audit_filter filter = {
		.since_ms = 123456, .run = "a run", .name = "A", .op = "GetSecret", .outcome = "OK"
	};
	uint64_t last;
	char *lines;
	bool more;

	(void)state;
	assert_int_equal(coffer_admin_find_audit(admin, 7, &filter, &lines, &last, &more),
			 COFFER_OK);
	assert_string_equal(lines, "");
	assert_int_equal(last, 70);
	assert_true(more);
	free(lines);
	assert_int_equal(coffer_admin_find_audit(admin, 7, NULL, &lines, &last, &more),
			 COFFER_UNIMPLEMENTED);
	assert_null(lines);
	assert_int_equal(last, 7);
	coffer_admin_close(admin);
	fake_stop(&fake);
}

static void a_verdict_is_taken_for_what_it_is(void **state)
{
	static const struct {
		enum variant variant;
		const char *store; /* of the checkpoint; NULL: there is none to compare */
		coffer_err want;
		const char *problem;
		uint64_t checkpoint; /* that comes back */
	} cases[] = {
		{ STANDS, NULL, COFFER_OK, "", 5 },
		{ STANDS, STORE, COFFER_OK, "", 5 },
		{ STANDS, "", COFFER_OK, "", 5 },
		{ STANDS, FAKE_RUN_ID, COFFER_OK, "the checkpoint is of another store's log", 0 },
		{ PROBLEM, NULL, COFFER_OK, "record 6 was altered", 0 },
		{ PROBLEM, STORE, COFFER_OK, "record 6 was altered", 0 },
		{ SHORT_MAC, NULL, COFFER_INTERNAL, "", 0 },
		{ LONG_STORE, NULL, COFFER_INTERNAL, "", 0 },
		/* A daemon that knows of no checkpoints has not compared any. */
		{ NO_MAC, NULL, COFFER_OK, "", 0 },
		{ NO_MAC, STORE, COFFER_UNIMPLEMENTED, "", 0 },
		{ NO_STORE, "", COFFER_UNIMPLEMENTED, "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake fake = fake_start(serve, cases[i].variant);
		struct coffer_admin *admin = fake_open_admin(&fake);
		struct coffer_checkpoint checkpoint = { .seq = 4 };
		struct coffer_verdict verdict;
		coffer_err err;

		memcpy(checkpoint.mac, mac, sizeof(mac));
		if (cases[i].store != NULL)
			strcpy(checkpoint.store, cases[i].store);
		err = cases[i].store != NULL
			  ? coffer_admin_compare_audit(admin, &checkpoint, &verdict)
			  : coffer_admin_verify_audit(admin, &verdict);
		if (err != cases[i].want)
			fail_msg("case %zu: %s", i, coffer_admin_message(admin));
		assert_string_equal(verdict.problem, cases[i].problem);
		assert_int_equal(verdict.checkpoint.seq, cases[i].checkpoint);
		if (cases[i].checkpoint != 0) {
			assert_memory_equal(verdict.checkpoint.mac, mac, sizeof(mac));
			assert_string_equal(verdict.checkpoint.store, STORE);
		}
		coffer_admin_close(admin);
		fake_stop(&fake);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_member_of_a_filter_is_sent_and_an_empty_page_is_fine),
		cmocka_unit_test(a_verdict_is_taken_for_what_it_is),
	};

	return cmocka_run_group_tests_name("audit", tests, NULL, NULL);
}
