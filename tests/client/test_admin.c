/* Goal of this test: every operator call says what it was told to say and hands out what was answered. */
#include "fake.h"
#include "support.h"

#include <stdlib.h>

#define CHECK(condition)              \
	do {                          \
		if (!(condition))     \
			return false; \
	} while (0)

#define DECODE(conn, type, msg) \
	(codec_decode((conn)->body, type##_fields, &(msg), sizeof(msg)) == COFFER_OK)

static const struct slice token = { (const uint8_t *)FAKE_TOKEN, COFFER_TOKEN_LEN };

static bool is(struct slice text, const char *want)
{
	return slice_equal(text, slice_str(want));
}

static bool answer_put(struct fake_conn *conn)
{
	coffer_v1_PutSecretRequest request;
	coffer_v1_SecretWrite write;
	struct slice rest = conn->body, element;
	uint32_t version = 10;

	CHECK(DECODE(conn, coffer_v1_PutSecretRequest, request));
	CHECK(is(request.scope, "pipeline/app") && !request.system);
	fake_begin(conn);
	while (codec_next(&rest, coffer_v1_PutSecretRequest_writes_tag, &element)) {
		CHECK(codec_decode(element, coffer_v1_SecretWrite_fields, &write, sizeof(write)) ==
		      COFFER_OK);
		CHECK(is(write.name, version == 10 ? "A" : "B"));
		CHECK(write.value.len == (version == 10 ? 70000u : 0u));
		CHECK(write.check_version == (version == 11) && write.if_version == version - 10);
		CHECK(write.set_note == (version == 11) && write.note.len == 0);
		CHECK(is(write.source, version == 11 ? "file:/a" : "") &&
		      write.expires_at_ms == (version == 11 ? 99 : 0));
		fake_put_info(conn, coffer_v1_PutSecretResponse_secrets_tag,
			      version == 10 ? "A" : "B", version);
		version++;
	}
	fake_end(conn);
	return version == 12;
}

static bool answer_delete(struct fake_conn *conn)
{
	coffer_v1_DeleteSecretRequest request;
	coffer_v1_DeleteSecretResponse reply = { .version = 6 };

	CHECK(DECODE(conn, coffer_v1_DeleteSecretRequest, request));
	CHECK(is(request.scope, "system/ci") && is(request.name, "A") && request.system);
	CHECK(request.purge && request.check_version && request.if_version == 5);
	fake_answer(conn, coffer_v1_DeleteSecretResponse_fields, &reply);
	return true;
}

static bool answer_rollback(struct fake_conn *conn)
{
	coffer_v1_RollbackSecretRequest request;
	coffer_v1_RollbackSecretResponse reply = { .version = 9 };

	CHECK(DECODE(conn, coffer_v1_RollbackSecretRequest, request));
	CHECK(is(request.scope, "global") && is(request.name, "A") && request.version == 4);
	fake_answer(conn, coffer_v1_RollbackSecretResponse_fields, &reply);
	return true;
}

static bool answer_reveal(struct fake_conn *conn)
{
	coffer_v1_RevealSecretRequest request;
	coffer_v1_RevealSecretResponse reply = { .version = 4 };
	static const uint8_t large[300000] = "large";

	CHECK(DECODE(conn, coffer_v1_RevealSecretRequest, request));
	CHECK(is(request.scope, "global") && is(request.name, "A") && request.version == 4);
	reply.value = (struct slice){ large, sizeof(large) };
	fake_answer(conn, coffer_v1_RevealSecretResponse_fields, &reply);
	return true;
}

/* Two pages, of two and of one. */
static bool answer_versions(struct fake_conn *conn)
{
	static const coffer_v1_SecretInfo last = { .scope = SLICE_LITERAL("global"),
						   .name = SLICE_LITERAL("A"),
						   .version = 1,
						   .expires_at_ms = 77,
						   .note = SLICE_LITERAL("what for"),
						   .source = SLICE_LITERAL("file:/a") };
	coffer_v1_ListVersionsRequest request;
	coffer_v1_ListVersionsResponse reply = { .more = true };

	CHECK(DECODE(conn, coffer_v1_ListVersionsRequest, request));
	CHECK(request.before_version == 0 || request.before_version == 2);
	fake_begin(conn);
	if (request.before_version == 0) {
		fake_put_info(conn, coffer_v1_ListVersionsResponse_versions_tag, "A", 3);
		fake_put_info(conn, coffer_v1_ListVersionsResponse_versions_tag, "A", 2);
		CHECK(codec_append(&conn->out, coffer_v1_ListVersionsResponse_fields, &reply) ==
		      COFFER_OK);
	} else {
		CHECK(codec_append_message(&conn->out, coffer_v1_ListVersionsResponse_versions_tag,
					   coffer_v1_SecretInfo_fields, &last) == COFFER_OK);
	}
	fake_end(conn);
	return true;
}

/* Two pages of one. */
static bool answer_list(struct fake_conn *conn)
{
	coffer_v1_ListAllSecretsRequest request;
	coffer_v1_ListAllSecretsResponse reply;
	bool first;

	CHECK(DECODE(conn, coffer_v1_ListAllSecretsRequest, request));
	first = request.after_name.len == 0;
	CHECK(first || (is(request.after_name, "A") && is(request.after_scope, "global")));
	reply = (coffer_v1_ListAllSecretsResponse){ .more = first };
	fake_begin(conn);
	fake_put_info(conn, coffer_v1_ListAllSecretsResponse_secrets_tag, first ? "A" : "B", 1);
	CHECK(codec_append(&conn->out, coffer_v1_ListAllSecretsResponse_fields, &reply) ==
	      COFFER_OK);
	fake_end(conn);
	return true;
}

static bool answer_create(struct fake_conn *conn)
{
	coffer_v1_CreateRunRequest request;
	coffer_v1_CreateRunResponse reply = { .run_id = SLICE_LITERAL(FAKE_RUN_ID),
					      .token = token,
					      .expires_at_ms = 99 };
	struct slice rest = conn->body, element;
	size_t extras = 0, allow = 0, secrets = 0;

	CHECK(DECODE(conn, coffer_v1_CreateRunRequest, request));
	CHECK(is(request.meta.pipeline, "app") && is(request.meta.ref, "main"));
	CHECK(request.sentry.dsn.len == 0 && is(request.sentry.trace_id, "trace"));
	CHECK(request.ttl_ms == 5000 && request.bind_uid && request.uid == 1000);
	CHECK(request.bind_process == 4321);
	while (codec_next(&rest, coffer_v1_CreateRunRequest_extras_tag, &element))
		extras++;
	rest = conn->body;
	while (codec_next(&rest, coffer_v1_CreateRunRequest_allow_tag, &element))
		allow += is(element, "AWS_*");
	rest = conn->body;
	while (codec_next(&rest, coffer_v1_CreateRunRequest_secrets_tag, &element))
		secrets++;
	CHECK(extras == 1 && allow == 1 && secrets == 1);
	fake_begin(conn);
	CHECK(codec_append(&conn->out, coffer_v1_CreateRunResponse_fields, &reply) == COFFER_OK);
	CHECK(codec_append_bytes(&conn->out, coffer_v1_CreateRunResponse_superseded_tag,
				 SLICE_LITERAL("x")) == COFFER_OK);
	fake_end(conn);
	return true;
}

static bool answer_finish(struct fake_conn *conn)
{
	coffer_v1_FinishRunRequest request;
	coffer_v1_FinishRunResponse reply = { 0 };

	CHECK(DECODE(conn, coffer_v1_FinishRunRequest, request));
	CHECK(is(request.run_id, FAKE_RUN_ID) && request.result == coffer_v1_RunState_FAILED);
	fake_answer(conn, coffer_v1_FinishRunResponse_fields, &reply);
	return true;
}

static bool put_run(struct fake_conn *conn, struct slice id, bool full)
{
	coffer_v1_RunInfo run = { .run_id = id,
				  .has_meta = true,
				  .meta = { .pipeline = SLICE_LITERAL("app") },
				  .state = coffer_v1_RunState_ACTIVE,
				  .started_at_ms = 5 };
	coffer_v1_Pair pair = { SLICE_LITERAL("k"), SLICE_LITERAL("v") };
	size_t mark;

	CHECK(codec_open_message(&conn->out, coffer_v1_ListRunsResponse_runs_tag, &mark) ==
	      COFFER_OK);
	CHECK(codec_append(&conn->out, coffer_v1_RunInfo_fields, &run) == COFFER_OK);
	if (full)
		CHECK(codec_append_message(&conn->out, coffer_v1_RunInfo_extras_tag,
					   coffer_v1_Pair_fields, &pair) == COFFER_OK &&
		      codec_append_bytes(&conn->out, coffer_v1_RunInfo_allow_tag,
					 SLICE_LITERAL("A*")) == COFFER_OK &&
		      codec_append_bytes(&conn->out, coffer_v1_RunInfo_allow_tag,
					 SLICE_LITERAL("B?")) == COFFER_OK);
	return codec_close_message(&conn->out, mark) == COFFER_OK;
}

/* Three runs in pages of two, or one in full. */
static bool answer_runs(struct fake_conn *conn)
{
	coffer_v1_ListRunsRequest request;
	coffer_v1_ListRunsResponse reply;

	CHECK(DECODE(conn, coffer_v1_ListRunsRequest, request));
	reply = (coffer_v1_ListRunsResponse){ .more = !request.run_id.len && !request.after.len };
	fake_begin(conn);
	if (request.run_id.len > 0)
		CHECK(put_run(conn, request.run_id, true));
	else if (request.after.len == 0)
		CHECK(put_run(conn, SLICE_LITERAL("3"), false) &&
		      put_run(conn, SLICE_LITERAL("2"), false));
	else
		CHECK(is(request.after, "2") && put_run(conn, SLICE_LITERAL("1"), false));
	CHECK(codec_append(&conn->out, coffer_v1_ListRunsResponse_fields, &reply) == COFFER_OK);
	fake_end(conn);
	return true;
}

static bool answer_audit(struct fake_conn *conn)
{
	coffer_v1_ReadAuditRequest request;
	coffer_v1_ReadAuditResponse reply = { .last_seq = 9, .more = true };
	const char *last = "{\"seq\":9}";

	CHECK(DECODE(conn, coffer_v1_ReadAuditRequest, request));
	if (request.after_seq == 9)
		last = "{}\n{}"; /* a line that passes for two */
	fake_begin(conn);
	CHECK(codec_append_bytes(&conn->out, coffer_v1_ReadAuditResponse_lines_tag,
				 SLICE_LITERAL("{\"seq\":8}")) == COFFER_OK);
	CHECK(codec_append_bytes(&conn->out, coffer_v1_ReadAuditResponse_lines_tag,
				 slice_str(last)) == COFFER_OK);
	reply.last_seq += request.after_seq;
	if (request.after_seq == 100)
		reply.last_seq = 100; /* a page that stands still */
	CHECK(codec_append(&conn->out, coffer_v1_ReadAuditResponse_fields, &reply) == COFFER_OK);
	fake_end(conn);
	return true;
}

/* Three steps; with a variant, a cursor that stands still. */
static bool answer_verify(struct fake_conn *conn)
{
	coffer_v1_VerifyAuditRequest request;
	coffer_v1_VerifyAuditResponse reply = { .first_seq = 1 };
	static const uint8_t cursor[] = "ab";

	CHECK(DECODE(conn, coffer_v1_VerifyAuditRequest, request));
	reply.last_seq = request.cursor.len + 1;
	reply.cursor = (struct slice){ cursor, conn->variant ? 1 : request.cursor.len + 1 };
	if (request.cursor.len == 2) {
		reply.done = true;
		reply.problem = SLICE_LITERAL("record 4 does not follow record 3");
	}
	fake_answer(conn, coffer_v1_VerifyAuditResponse_fields, &reply);
	return true;
}

static bool answer_status(struct fake_conn *conn)
{
	coffer_v1_StatusResponse reply = { .server = SLICE_LITERAL("cofferd/1"),
					   .cipher = SLICE_LITERAL("xchacha20-poly1305"),
					   .connections = 3,
					   .audit_writable = true,
					   .protocol = 14,
					   .schema = 15,
					   .sqlite = SLICE_LITERAL("3.1"),
					   .libsodium = SLICE_LITERAL("1.2"),
					   .uptime_ms = 18,
					   .secrets = 19,
					   .versions = 20,
					   .runs_live = 21,
					   .services_live = 22,
					   .audit_oldest_seq = 23,
					   .audit_bytes = 24,
					   .arena_peak = 25,
					   .store_bytes = 26,
					   .audit_delays = 27 };
	coffer_v1_MethodStatus method = { SLICE_LITERAL("GetSecret"), 12, 1, 4, 5, 6, 7 };

	fake_begin(conn);
	CHECK(codec_append(&conn->out, coffer_v1_StatusResponse_fields, &reply) == COFFER_OK);
	CHECK(codec_append_message(&conn->out, coffer_v1_StatusResponse_methods_tag,
				   coffer_v1_MethodStatus_fields, &method) == COFFER_OK);
	fake_end(conn);
	return true;
}

static void serve(struct fake_conn *conn)
{
	static const struct fake_method methods[] = {
		{ "PutSecret", answer_put },           { "DeleteSecret", answer_delete },
		{ "RollbackSecret", answer_rollback }, { "RevealSecret", answer_reveal },
		{ "ListVersions", answer_versions },   { "ListAllSecrets", answer_list },
		{ "CreateRun", answer_create },        { "FinishRun", answer_finish },
		{ "ListRuns", answer_runs },           { "ReadAudit", answer_audit },
		{ "VerifyAudit", answer_verify },      { "Status", answer_status },
	};

	fake_serve_methods(conn, methods, sizeof(methods) / sizeof(methods[0]));
}

static struct fake fake;
static struct coffer_admin *admin;

static int start(void **state)
{
	(void)state;
	fake = fake_start(serve, 0);
	admin = fake_open_admin(&fake);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	coffer_admin_close(admin);
	fake_stop(&fake);
	return 0;
}

static void expect_ok(coffer_err err)
{
	if (err != COFFER_OK)
		fail_msg("%s: %s", coffer_err_name(err), coffer_admin_message(admin));
}

static void secrets_are_written_together(void **state)
{
	static const uint8_t large[70000];
	struct coffer_write writes[] = {
		{ .name = "A", .data = large, .len = sizeof(large) },
		{ .name = "B",
		  .if_version = { true, 1 },
		  .source = "file:/a",
		  .note = "",
		  .expires_at_ms = 99 },
	};
	uint32_t versions[2];

	(void)state;
	expect_ok(coffer_admin_put(admin, "pipeline/app", false, writes, 2, versions));
	assert_int_equal(versions[0], 10);
	assert_int_equal(versions[1], 11);
	expect_ok(coffer_admin_put(admin, "pipeline/app", false, writes, 2, NULL));
	assert_int_equal(coffer_admin_put(admin, "global", false, writes, 0, NULL),
			 COFFER_INVALID_ARGUMENT);
	assert_int_equal(coffer_admin_put(admin, "global", false, writes, 2, versions),
			 COFFER_UNIMPLEMENTED);
	assert_int_equal(versions[0], 0);
}

static void one_secret_is_deleted_rolled_back_and_revealed(void **state)
{
	const struct coffer_where of_system = { "system/ci", "A", true };
	const struct coffer_where where = { "global", "A", false };
	const struct coffer_if_version if_version = { true, 5 };
	struct coffer_value value;
	uint32_t version;

	(void)state;
	expect_ok(coffer_admin_delete(admin, &of_system, true, &if_version, &version));
	assert_int_equal(version, 6);
	expect_ok(coffer_admin_delete(admin, &of_system, true, &if_version, NULL));
	expect_ok(coffer_admin_rollback(admin, &where, 4, &version));
	assert_int_equal(version, 9);
	expect_ok(coffer_admin_rollback(admin, &where, 4, NULL));
	expect_ok(coffer_admin_reveal(admin, &where, 4, &value));
	assert_int_equal(value.len, 300000);
	assert_int_equal(value.version, 4);
	assert_string_equal(value.data, "large");
	assert_string_equal(value.scope, "global");
	coffer_value_free(&value);
}

static void listings_follow_their_pages(void **state)
{
	const struct coffer_where where = { "global", "A", false };
	struct coffer_infos infos;

	(void)state;
	expect_ok(coffer_admin_list(admin, NULL, false, &infos));
	assert_int_equal(infos.len, 2);
	assert_string_equal(infos.items[1].name, "B");
	coffer_infos_free(&infos);
	expect_ok(coffer_admin_history(admin, &where, &infos));
	assert_int_equal(infos.len, 3);
	assert_int_equal(infos.items[0].version, 3);
	assert_int_equal(infos.items[0].updated_at_ms, 1003);
	assert_int_equal(infos.items[0].expires_at_ms, 0);
	assert_null(infos.items[0].note);
	assert_null(infos.items[0].source);
	assert_int_equal(infos.items[2].version, 1);
	assert_int_equal(infos.items[2].expires_at_ms, 77);
	assert_string_equal(infos.items[2].note, "what for");
	assert_string_equal(infos.items[2].source, "file:/a");
	coffer_infos_free(&infos);
	assert_null(infos.items);
}

static void a_run_is_created_and_finished(void **state)
{
	static const char *const allow[] = { "AWS_*" };
	const struct coffer_pair extra = { "key", "value" };
	const struct coffer_write secret = { .name = "S", .data = (const uint8_t *)"s", .len = 1 };
	const struct coffer_run_spec spec = {
		.pipeline = "app",
		.ref = "main",
		.sentry_trace_id = "trace",
		.extras = &extra,
		.extras_len = 1,
		.allow = allow,
		.allow_len = 1,
		.ttl_ms = 5000,
		.bind_uid = true,
		.bind_process = 4321,
		.uid = 1000,
		.secrets = &secret,
		.secrets_len = 1,
	};
	struct coffer_run_made made;

	(void)state;
	expect_ok(coffer_admin_create_run(admin, &spec, &made));
	assert_string_equal(made.run_id, FAKE_RUN_ID);
	assert_string_equal(made.token, FAKE_TOKEN);
	assert_int_equal(made.expires_at_ms, 99);
	assert_int_equal(made.superseded, 1);
	coffer_run_made_wipe(&made);
	assert_string_equal(made.token, "");
	expect_ok(coffer_admin_finish_run(admin, FAKE_RUN_ID, COFFER_RUN_FAILED));
}

static void runs_are_listed_up_to_a_number_and_shown_in_full(void **state)
{
	static const struct {
		size_t max, len, requests;
	} cases[] = { { 0, 3, 2 }, { 1, 1, 1 }, { 2, 2, 1 }, { 3, 3, 2 } };
	struct coffer_runs runs;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t before = fake.seen->requests;
		expect_ok(coffer_admin_list_runs(admin, cases[i].max, &runs));
		assert_int_equal(runs.len, cases[i].len);
		assert_int_equal(fake.seen->requests - before, cases[i].requests);
		assert_string_equal(runs.items[0].about.run_id, "3");
		assert_string_equal(runs.items[0].allow, "");
		assert_int_equal(runs.items[0].state, COFFER_RUN_ACTIVE);
		coffer_runs_free(&runs);
	}
	expect_ok(coffer_admin_show_run(admin, FAKE_RUN_ID, &runs));
	assert_int_equal(runs.len, 1);
	assert_string_equal(runs.items[0].about.pipeline, "app");
	assert_string_equal(runs.items[0].about.extras[0].value, "v");
	assert_string_equal(runs.items[0].allow, "A* B?");
	coffer_runs_free(&runs);
}

static void states_have_names(void **state)
{
	(void)state;
	assert_string_equal(coffer_run_state_name(COFFER_RUN_PENDING), "pending");
	assert_string_equal(coffer_run_state_name(COFFER_RUN_EXPIRED), "expired");
	assert_string_equal(coffer_run_state_name((coffer_run_state)0), "unknown");
	assert_string_equal(coffer_run_state_name((coffer_run_state)8), "unknown");
}

static void the_audit_log_is_read_by_pages_of_whole_lines(void **state)
{
	uint64_t last;
	char *lines;
	bool more;

	(void)state;
	expect_ok(coffer_admin_read_audit(admin, 0, &lines, &last, &more));
	assert_string_equal(lines, "{\"seq\":8}\n{\"seq\":9}\n");
	assert_int_equal(last, 9);
	assert_true(more);
	free(lines);
	assert_int_equal(coffer_admin_read_audit(admin, 9, &lines, &last, &more), COFFER_INTERNAL);
	assert_null(lines);
	assert_int_equal(coffer_admin_read_audit(admin, 100, &lines, &last, &more),
			 COFFER_INTERNAL);
	assert_false(more);
}

static void a_verification_goes_on_to_its_end(void **state)
{
	struct coffer_verdict verdict;

	(void)state;
	expect_ok(coffer_admin_verify_audit(admin, &verdict));
	assert_int_equal(verdict.first_seq, 1);
	assert_int_equal(verdict.last_seq, 3);
	assert_string_equal(verdict.problem, "record 4 does not follow record 3");
}

static void a_verification_that_stands_still_is_refused(void **state)
{
	struct fake other = fake_start(serve, 1);
	struct coffer_admin *to = fake_open_admin(&other);
	struct coffer_verdict verdict;

	(void)state;
	assert_int_equal(coffer_admin_verify_audit(to, &verdict), COFFER_INTERNAL);
	coffer_admin_close(to);
	fake_stop(&other);
}

static void status_tells_every_method(void **state)
{
	struct coffer_status status;

	(void)state;
	expect_ok(coffer_admin_status(admin, &status));
	assert_string_equal(status.server, "cofferd/1");
	assert_string_equal(status.cipher, "xchacha20-poly1305");
	assert_true(status.audit_writable);
	assert_int_equal(status.protocol, 14);
	assert_int_equal(status.schema, 15);
	assert_string_equal(status.sqlite, "3.1");
	assert_string_equal(status.libsodium, "1.2");
	assert_int_equal(status.uptime_ms, 18);
	assert_int_equal(status.secrets, 19);
	assert_int_equal(status.versions, 20);
	assert_int_equal(status.runs_live, 21);
	assert_int_equal(status.services_live, 22);
	assert_int_equal(status.audit_oldest_seq, 23);
	assert_int_equal(status.audit_bytes, 24);
	assert_int_equal(status.arena_peak, 25);
	assert_int_equal(status.store_bytes, 26);
	assert_int_equal(status.audit_delays, 27);
	assert_int_equal(status.methods_len, 1);
	assert_string_equal(status.methods[0].method, "GetSecret");
	assert_int_equal(status.methods[0].calls, 12);
	assert_int_equal(status.methods[0].p50_us, 4);
	assert_int_equal(status.methods[0].p90_us, 5);
	assert_int_equal(status.methods[0].p99_us, 6);
	assert_int_equal(status.methods[0].total_us, 7);
	coffer_status_free(&status);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(secrets_are_written_together),
		cmocka_unit_test(one_secret_is_deleted_rolled_back_and_revealed),
		cmocka_unit_test(listings_follow_their_pages),
		cmocka_unit_test(a_run_is_created_and_finished),
		cmocka_unit_test(runs_are_listed_up_to_a_number_and_shown_in_full),
		cmocka_unit_test(states_have_names),
		cmocka_unit_test(the_audit_log_is_read_by_pages_of_whole_lines),
		cmocka_unit_test(a_verification_goes_on_to_its_end),
		cmocka_unit_test(a_verification_that_stands_still_is_refused),
		cmocka_unit_test(status_tells_every_method),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
