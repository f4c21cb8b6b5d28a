/* The steps of every request: authority, decoding, the audit log, transactions, counting. */
#include "rpc/dispatch.h"

#include "rpc/methods.h"
#include "world_test.h"

#define ID    "00000000-0000-7000-8000-000000000001"
#define TOKEN "abcdefghijklmnopqrstuvwxyz012345"

static bool handled;

static coffer_err note_call(struct call *call)
{
	(void)call;
	handled = true;
	return COFFER_OK;
}

/* Puts a secret and fails behind it. */
static coffer_err put_and_fail(struct call *call)
{
	must(operator_put_secret(call));
	handled = true;
	return call_fail(call, COFFER_ABORTED, "after the change");
}

/* The steps of one request, with a row that is not in the table. */
static coffer_err run_row(struct world *world, struct session *session, const struct method *method,
			  struct slice body)
{
	struct buf out = world->reply;
	struct call call;

	out.len = 0;
	handled = false;
	dispatch_prepare(&call, &world->rpc, session, method);
	call.body = body;
	call.out = &out;
	return dispatch_run(&call);
}

static void a_row_without_an_authority_is_open_to_nobody(void **state)
{
	struct world *world = *state;
	struct session runner = world_session(world, SERVICE_RUNNER),
		       operator_session = world_session(world, SERVICE_OPERATOR);
	struct method row = { .name = "Forgotten",
			      .audit = AUDIT_REQUIRED,
			      .handle = note_call,
			      .service = SERVICE_RUNNER };
	struct world_run run = world_run(world, "p", NEVER);

	must(world_hello(world, &runner, run.token));
	assert_int_equal(run_row(world, &runner, &row, SLICE_EMPTY), COFFER_PERMISSION_DENIED);
	assert_false(handled);
	row.service = SERVICE_OPERATOR;
	assert_int_equal(run_row(world, &operator_session, &row, SLICE_EMPTY),
			 COFFER_PERMISSION_DENIED);
	assert_false(handled);
	row.needs = (method_needs)77;
	assert_int_equal(run_row(world, &operator_session, &row, SLICE_EMPTY),
			 COFFER_PERMISSION_DENIED);
	row.needs = NEEDS_OPERATOR;
	must(run_row(world, &operator_session, &row, SLICE_EMPTY));
	assert_true(handled);
	rpc_session_close(&world->rpc, &runner);
	rpc_session_close(&world->rpc, &operator_session);
}

/* A5, D2: every method, by who asks. */
static void no_method_answers_without_its_authority(void **state)
{
	enum { STRANGER, JOB, NOBODY_ON_ADMIN, OPERATOR, WHO };
	struct world *world = *state;
	struct session who[WHO] = { world_session(world, SERVICE_RUNNER),
				    world_session(world, SERVICE_RUNNER),
				    { .service = SERVICE_OPERATOR, .uid = (uint32_t)geteuid() + 1 },
				    world_session(world, SERVICE_OPERATOR) };
	struct world_run run = world_run(world, "p", NEVER);
	size_t len;
	const struct method *all = methods_all(&len);

	rpc_session_open(&world->rpc, &who[NOBODY_ON_ADMIN], NULL, 0);
	must(world_hello(world, &who[JOB], run.token));
	for (size_t i = 0; i < len; i++) {
		for (int k = 0; k < WHO; k++) {
			coffer_err got = world_ask(world, &who[k], all[i].name, SLICE_EMPTY).code;
			if (all[i].service != who[k].service || k == NOBODY_ON_ADMIN)
				assert_int_equal(got, COFFER_PERMISSION_DENIED);
			else if (k == STRANGER && all[i].needs == NEEDS_GRANT)
				assert_int_equal(got, COFFER_UNAUTHENTICATED);
			else
				assert_true(got != COFFER_PERMISSION_DENIED &&
					    got != COFFER_UNAUTHENTICATED);
		}
	}
	for (int k = 0; k < WHO; k++)
		rpc_session_close(&world->rpc, &who[k]);
}

static void an_ended_token_ends_its_sessions(void **state)
{
	struct world *world = *state;
	struct session job = world_session(world, SERVICE_RUNNER),
		       op = world_session(world, SERVICE_OPERATOR);
	struct world_run run = world_run(world, "p", NEVER);
	struct world_reply reply;

	must(world_hello(world, &job, run.token));
	must(ASK(world, &job, ListSecrets).code);
	must(ASK(world, &op, RevokeGrant, .id = TEXT(run.id)).code);
	reply = ASK(world, &job, ListSecrets);
	assert_int_equal(reply.code, COFFER_UNAUTHENTICATED);
	assert_slice(reply.message, "the token is not valid");
	assert_true(reply.outcome.refused);
	assert_last_record(world, "{\"op\":\"ListSecrets\",\"outcome\":\"UNAUTHENTICATED\","
				  "\"reason\":\"revoked\"}");
	rpc_session_close(&world->rpc, &job);
	rpc_session_close(&world->rpc, &op);
}

static void an_expired_token_dies_at_its_time_without_anybody_ending_it(void **state)
{
	struct world *world = *state;
	struct session job = world_session(world, SERVICE_RUNNER);
	struct world_run run = world_run(world, "p", NEVER);

	must(world_hello(world, &job, run.token));
	job.grant->expires_ms = clock_wall_ms(); /* time passes */
	assert_int_equal(ASK(world, &job, Bootstrap).code, COFFER_UNAUTHENTICATED);
	assert_last_record(world, "{\"op\":\"Bootstrap\",\"reason\":\"expired\"}");
	rpc_session_close(&world->rpc, &job);
}

static void hello_binds_a_connection_once(void **state)
{
	static const struct {
		uint32_t protocol;
		const char *token, *run_id, *via;
		coffer_err want;
	} cases[] = {
		{ 0, TOKEN, "", "", COFFER_FAILED_PRECONDITION },
		{ 2, TOKEN, "", "", COFFER_FAILED_PRECONDITION },
		{ 1, "", "", "", COFFER_UNAUTHENTICATED },
		{ 1, "bcdefghijklmnopqrstuvwxyz0123456", "", "", COFFER_UNAUTHENTICATED },
		{ 1, TOKEN, "not-a-uuid", "", COFFER_INVALID_ARGUMENT },
		{ 1, TOKEN, "00000000-0000-7000-8000-0000000000ff", "", COFFER_NOT_FOUND },
		{ 1, TOKEN, "", "a\nb", COFFER_INVALID_ARGUMENT },
		{ 1, TOKEN, ID, "", COFFER_OK },
		{ 1, TOKEN, "", "somebody", COFFER_OK },
	};
	struct world *world = *state;

	world_grant(world, ID, GRANT_RUN, TOKEN, "global");
	for (size_t i = 0; i < CASES(cases); i++) {
		struct session job = world_session(world, SERVICE_RUNNER);
		struct world_reply reply =
		    ASK(world, &job, Hello, .protocol = cases[i].protocol,
			.token = TEXT(cases[i].token), .run_id = TEXT(cases[i].run_id),
			.via = TEXT(cases[i].via));
		assert_int_equal(reply.code, cases[i].want);
		assert_int_equal(job.grant != NULL, reply.code == COFFER_OK);
		assert_int_equal(rpc_session_ready(&job), reply.code == COFFER_OK);
		/* Whatever a stranger does wrong is counted: each leaves a record. */
		assert_int_equal(reply.outcome.refused, reply.code != COFFER_OK);
		if (reply.code == COFFER_OK)
			assert_int_equal(world_hello(world, &job, TOKEN),
					 COFFER_FAILED_PRECONDITION);
		rpc_session_close(&world->rpc, &job);
	}
	assert_null(world->core.grants);
	assert_int_equal(world->rpc.connections, 0);
}

static void a_token_of_another_run_is_no_token(void **state)
{
	struct world *world = *state;
	struct session job = world_session(world, SERVICE_RUNNER);
	struct world_run run = world_run(world, "p", NEVER), other = world_run(world, "q", NEVER);

	assert_int_equal(ASK(world, &job, Hello, .protocol = 1, .token = TEXT(run.token),
			     .run_id = TEXT(other.id))
			     .code,
			 COFFER_UNAUTHENTICATED);
	assert_null(job.grant);
	assert_last_record(world, "{\"op\":\"Hello\",\"reason\":\"of another run\"}");
	rpc_session_close(&world->rpc, &job);
}

/* A6: the log tells what the caller is not told, under the run's id. */
static void a_token_of_an_ended_run_is_recorded_as_the_runs(void **state)
{
	struct world *world = *state;
	struct session job = world_session(world, SERVICE_RUNNER);
	struct world_run old = world_run(world, "p", NEVER);
	char wanted[160];

	world_run(world, "p", NEVER);
	assert_int_equal(world_hello(world, &job, old.token), COFFER_UNAUTHENTICATED);
	snprintf(wanted, sizeof(wanted),
		 "{\"run\":\"%s\",\"grant\":null,\"reason\":\"superseded\"}", old.id);
	assert_last_record(world, wanted);
	rpc_session_close(&world->rpc, &job);
}

static void a_bound_token_is_refused_to_other_uids(void **state)
{
	struct world *world = *state;
	struct session op = world_session(world, SERVICE_OPERATOR),
		       job = world_session(world, SERVICE_RUNNER);
	char token[COFFER_TOKEN_LEN + 1];
	struct world_reply reply = ASK(world, &op, CreateRun, .has_meta = true,
				       .meta = { .pipeline = TEXT("p"), .ref = TEXT("r") },
				       .bind_uid = true, .uid = job.uid + 1);
	REPLY(CreateRun, made, reply);

	snprintf(token, sizeof(token), "%.*s", SLICE_ARG(made.token));
	assert_int_equal(world_hello(world, &job, token), COFFER_PERMISSION_DENIED);
	assert_null(job.grant);
	job.uid++;
	must(world_hello(world, &job, token));
	rpc_session_close(&world->rpc, &job);
	rpc_session_close(&world->rpc, &op);
}

static void a_body_of_another_form_is_refused_and_recorded(void **state)
{
	struct world *world = *state;
	struct session op = world_session(world, SERVICE_OPERATOR);

	assert_int_equal(world_ask(world, &op, "PutSecret", TEXT("\x08\x01")).code,
			 COFFER_INVALID_ARGUMENT);
	assert_last_record(world, "{\"op\":\"PutSecret\",\"outcome\":\"INVALID_ARGUMENT\"}");
	assert_int_equal(world_ask(world, &op, "PutSecret", TEXT("\x0a\x7f")).code,
			 COFFER_INVALID_ARGUMENT);
	rpc_session_close(&world->rpc, &op);
}

static void an_unknown_method_is_unimplemented_and_leaves_no_record(void **state)
{
	struct world *world = *state;
	struct session job = world_session(world, SERVICE_RUNNER);
	uint64_t seq = trail_head(world->trail)->seq;

	assert_int_equal(world_ask(world, &job, "Sing", SLICE_EMPTY).code, COFFER_UNIMPLEMENTED);
	assert_int_equal(world_ask(world, &job, "", SLICE_EMPTY).code, COFFER_UNIMPLEMENTED);
	assert_int_equal(trail_head(world->trail)->seq, seq);
	rpc_session_close(&world->rpc, &job);
}

/* Without an id the reply could not be told from others; and where the envelope is broken, all is. */
static void a_message_that_is_no_request_closes_the_connection(void **state)
{
	static const struct slice messages[] = {
		SLICE_LITERAL("\x12\x05Hello"),         /* no id */
		SLICE_LITERAL("\x08\x00\x12\x05Hello"), /* id 0 */
		SLICE_LITERAL("\x0a\x01x"),             /* id is a string */
		SLICE_LITERAL("\x12\x05Hell"),          /* cut off */
		SLICE_LITERAL("\xff"),
	};
	struct world *world = *state;
	struct session job = world_session(world, SERVICE_RUNNER);

	for (size_t i = 0; i < CASES(messages); i++) {
		coffer_v1_Response response;
		struct rpc_outcome outcome;
		world->reply.len = 0;
		outcome = rpc_dispatch(&world->rpc, &job, messages[i], 0, &world->reply);
		assert_true(outcome.close);
		must(codec_decode((struct slice){ world->reply.data + 1, world->reply.len - 1 },
				  coffer_v1_Response_fields, &response, sizeof(response)));
		assert_int_equal(response.code, coffer_v1_Code_INVALID_ARGUMENT);
		assert_int_equal(response.id, 0);
	}
	rpc_session_close(&world->rpc, &job);
}

static void a_handler_that_fails_leaves_nothing_but_its_record(void **state)
{
	struct world *world = *state;
	struct session op = world_session(world, SERVICE_OPERATOR);
	struct method row = *methods_find(TEXT("PutSecret"));
	struct buf body = body_begin();
	coffer_v1_SecretWrite write = { .name = TEXT("A"), .value = TEXT("v") };
	coffer_v1_PutSecretRequest request = { .scope = TEXT("global") };
	struct store_secret secret;

	row.handle = put_and_fail;
	must(codec_append(&body, coffer_v1_PutSecretRequest_fields, &request));
	must(codec_append_message(&body, coffer_v1_PutSecretRequest_writes_tag,
				  coffer_v1_SecretWrite_fields, &write));
	assert_int_equal(run_row(world, &op, &row, body_of(&body)), COFFER_ABORTED);
	assert_true(handled);
	assert_int_equal(store_secret_latest(world->store, TEXT("global"), TEXT("A"), &secret),
			 COFFER_NOT_FOUND);
	assert_int_equal(world->core.revision, 1);
	assert_last_record(world, "{\"outcome\":\"ABORTED\",\"seq\":1}");
	rpc_session_close(&world->rpc, &op);
}

static void calls_and_errors_are_counted_by_method(void **state)
{
	struct world *world = *state;
	struct session op = world_session(world, SERVICE_OPERATOR);
	struct slice rest, element;
	struct world_reply reply;
	uint64_t calls = 0, errors = 0;

	must(put(world, &op, "global", "A", "v").code);
	assert_int_equal(put(world, &op, "nowhere", "A", "v").code, COFFER_INVALID_ARGUMENT);
	reply = ASK(world, &op, Status);
	REPLY(Status, status, reply);
	assert_int_equal(status.revision, 2);
	assert_int_equal(status.audit_seq, 2);
	assert_true(status.audit_writable);
	assert_int_equal(status.connections, 1);
	assert_int_equal(status.arena_used, arena_used(world->arena));
	assert_int_equal(status.arena_peak, arena_peak(world->arena));
	assert_int_equal(status.audit_oldest_seq, 1);
	assert_true(status.audit_bytes > 2 * 100);
	assert_int_equal(status.secrets, 1);
	assert_int_equal(status.versions, 1);
	assert_int_equal(status.protocol, 1);
	assert_true(status.schema > 0 && status.sqlite.len > 0);
	assert_true(status.uptime_ms >= 0);
	rest = reply.body;
	while (codec_next(&rest, coffer_v1_StatusResponse_methods_tag, &element)) {
		coffer_v1_MethodStatus method;
		must(codec_decode(element, coffer_v1_MethodStatus_fields, &method, sizeof(method)));
		if (slice_equal(method.method, TEXT("PutSecret"))) {
			calls = method.calls;
			errors = method.errors;
			assert_true(method.p50_us > 0 && method.p50_us <= method.p90_us &&
				    method.p90_us <= method.p99_us);
			assert_true(method.total_us > 0);
		}
	}
	assert_int_equal(calls, 2);
	assert_int_equal(errors, 1);
	rpc_session_close(&world->rpc, &op);
}

/* H1: no record, no secret. */
static void a_log_that_takes_no_record_stops_all_but_hello_and_status(void **state)
{
	struct world *world = *state;
	struct session op = world_session(world, SERVICE_OPERATOR),
		       job = world_session(world, SERVICE_RUNNER),
		       late = world_session(world, SERVICE_RUNNER);
	struct world_run run = world_run(world, "p", NEVER);
	struct world_reply reply;
	struct store_secret secret;
	size_t len;
	const struct method *all = methods_all(&len);

	world_put(world, "global", "A", TEXT("v"));
	must(world_hello(world, &job, run.token));
	log_block(world);
	must(ASK(world, &job, GetSecret, .name = TEXT("A")).code);
	/* That record was only gathered; it cannot be flushed, so its reply would not leave. */
	assert_int_equal(trail_flush(world->trail), COFFER_UNAVAILABLE);
	for (size_t i = 0; i < len; i++) {
		if (all[i].audit != AUDIT_REQUIRED)
			continue;
		reply = world_ask(world, all[i].service == SERVICE_RUNNER ? &job : &op, all[i].name,
				  SLICE_EMPTY);
		assert_int_equal(reply.code, COFFER_UNAVAILABLE);
		assert_slice(reply.message, "the audit log cannot be written");
	}
	assert_int_equal(put(world, &op, "global", "B", "v").code, COFFER_UNAVAILABLE);
	assert_int_equal(store_secret_latest(world->store, TEXT("global"), TEXT("B"), &secret),
			 COFFER_NOT_FOUND);
	must(world_hello(world, &late, run.token));
	reply = ASK(world, &op, Status);
	REPLY(Status, status, reply);
	assert_false(status.audit_writable);
	log_unblock();
	must(put(world, &op, "global", "B", "v").code);
	assert_last_record(world, "{\"op\":\"PutSecret\",\"name\":\"B\",\"outcome\":\"OK\"}");
	rpc_session_close(&world->rpc, &op);
	rpc_session_close(&world->rpc, &job);
	rpc_session_close(&world->rpc, &late);
}

/* The record before a change must be on disk before it: the change's own is its anchor. */
static void a_change_waits_for_the_records_before_it(void **state)
{
	struct world *world = *state;
	struct session op = world_session(world, SERVICE_OPERATOR);

	must(ASK(world, &op, ListRuns).code);
	log_block(world); /* flushes */
	must(ASK(world, &op, ListRuns).code);
	assert_int_equal(put(world, &op, "global", "A", "v").code, COFFER_UNAVAILABLE);
	assert_int_equal(world->core.revision, 1);
	log_unblock();
	must(put(world, &op, "global", "A", "v").code);
	rpc_session_close(&world->rpc, &op);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_row_without_an_authority_is_open_to_nobody),
		CASE(no_method_answers_without_its_authority),
		CASE(an_ended_token_ends_its_sessions),
		CASE(an_expired_token_dies_at_its_time_without_anybody_ending_it),
		CASE(hello_binds_a_connection_once),
		CASE(a_token_of_another_run_is_no_token),
		CASE(a_token_of_an_ended_run_is_recorded_as_the_runs),
		CASE(a_bound_token_is_refused_to_other_uids),
		CASE(a_body_of_another_form_is_refused_and_recorded),
		CASE(an_unknown_method_is_unimplemented_and_leaves_no_record),
		CASE(a_message_that_is_no_request_closes_the_connection),
		CASE(a_handler_that_fails_leaves_nothing_but_its_record),
		CASE(calls_and_errors_are_counted_by_method),
		CASE(a_log_that_takes_no_record_stops_all_but_hello_and_status),
		CASE(a_change_waits_for_the_records_before_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
