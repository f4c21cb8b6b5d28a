/* The operator's methods: what they refuse, and listings in pages. */
#include "rpc/methods.h"

#include "world_test.h"

#define ID "00000000-0000-7000-8000-0000000000ff"

static struct session operator_of(struct world *world)
{
	return world_session(world, SERVICE_OPERATOR);
}

static struct world_reply create_run(struct world *world, struct session *op, const char *ref)
{
	return ASK(world, op, CreateRun, .has_meta = true,
		   .meta = { .pipeline = TEXT("p"), .ref = TEXT(ref) });
}

static void malformed_writes_are_refused(void **state)
{
	static const struct {
		const char *scope, *name;
		coffer_err want;
	} cases[] = {
		{ "global", "", COFFER_INVALID_ARGUMENT },
		{ "global", "1A", COFFER_INVALID_ARGUMENT },
		{ "global", "A/B", COFFER_INVALID_ARGUMENT },
		{ "global", "__coffer_bootstrap", COFFER_INVALID_ARGUMENT },
		{ "", "A", COFFER_INVALID_ARGUMENT },
		{ "pipeline/", "A", COFFER_INVALID_ARGUMENT },
		{ "pipeline/../x", "A", COFFER_INVALID_ARGUMENT },
		{ "run", "A", COFFER_INVALID_ARGUMENT },
		{ "run/x", "A", COFFER_NOT_FOUND },
		{ "run/" ID, "A", COFFER_NOT_FOUND },
		{ "system/c", "A", COFFER_PERMISSION_DENIED },
	};
	struct world *world = *state;
	struct session op = operator_of(world);

	for (size_t i = 0; i < CASES(cases); i++)
		assert_int_equal(put(world, &op, cases[i].scope, cases[i].name, "v").code,
				 cases[i].want);
	assert_int_equal(ASK(world, &op, PutSecret, .scope = TEXT("global")).code,
			 COFFER_INVALID_ARGUMENT);
	assert_int_equal(world->core.revision, 1);
	rpc_session_close(&world->rpc, &op);
}

static void a_runs_scope_takes_secrets_while_it_lives(void **state)
{
	struct world *world = *state;
	struct session op = operator_of(world);
	struct world_run run = world_run(world, "p", NEVER), late = world_run(world, "q", 1);
	char scope[64];

	snprintf(scope, sizeof(scope), "run/%s", run.id);
	must(put(world, &op, scope, "A", "v").code);
	must(ASK(world, &op, FinishRun, .run_id = TEXT(run.id), .result = coffer_v1_RunState_FAILED)
		 .code);
	assert_int_equal(put(world, &op, scope, "A", "v").code, COFFER_FAILED_PRECONDITION);
	assert_int_equal(
	    ASK(world, &op, RevealSecret, .scope = TEXT(scope), .name = TEXT("A")).code,
	    COFFER_NOT_FOUND);
	snprintf(scope, sizeof(scope), "run/%s", late.id);
	assert_int_equal(put(world, &op, scope, "A", "v").code, COFFER_FAILED_PRECONDITION);
	rpc_session_close(&world->rpc, &op);
}

/* A listing of one scope, without a name to begin behind, once copied from NULL. */
static void listings_go_through_scopes_and_leave_system_out(void **state)
{
	static const struct {
		const char *scope, *after_scope, *after_name;
		bool system;
		size_t want;
	} cases[] = {
		{ "", "", "", false, 3 },
		{ "", "", "", true, 4 },
		{ "pipeline/p", "", "", false, 2 },
		{ "pipeline/p", "", "A", false, 1 },
		{ "", "global", "A", false, 2 },
		{ "", "global", "", false, 3 },
		{ "", "pipeline/p", "B", false, 0 },
		{ "", "pipeline/p", "B", true, 1 },
		{ "system/c", "", "", true, 1 },
		{ "pipeline/none", "", "", false, 0 },
	};
	struct world *world = *state;
	struct session op = operator_of(world);

	world_put(world, "global", "A", TEXT("v"));
	world_put(world, "pipeline/p", "A", TEXT("v"));
	world_put(world, "pipeline/p", "B", TEXT("v"));
	world_put(world, "pipeline/p", "C", TEXT("v"));
	world_put(world, "system/c", "A", TEXT("v"));
	must(ASK(world, &op, DeleteSecret, .scope = TEXT("pipeline/p"), .name = TEXT("C")).code);
	for (size_t i = 0; i < CASES(cases); i++) {
		struct world_reply reply =
		    ASK(world, &op, ListAllSecrets, .scope = TEXT(cases[i].scope),
			.after_scope = TEXT(cases[i].after_scope),
			.after_name = TEXT(cases[i].after_name), .system = cases[i].system);
		REPLY(ListAllSecrets, list, reply);
		assert_false(list.more);
		assert_int_equal(count_of(reply.body, 1), cases[i].want);
	}
	assert_int_equal(ASK(world, &op, ListAllSecrets, .scope = TEXT("system/c")).code,
			 COFFER_PERMISSION_DENIED);
	assert_int_equal(ASK(world, &op, ListAllSecrets, .after_scope = TEXT("system/c")).code,
			 COFFER_PERMISSION_DENIED);
	rpc_session_close(&world->rpc, &op);
}

static void a_thousand_secrets_are_listed_in_pages(void **state)
{
	struct world *world = *state;
	struct session op = operator_of(world);
	char name[COFFER_NAME_MAX + 1],
	    after_scope[COFFER_SCOPE_MAX + 1] = "", after_name[COFFER_NAME_MAX + 1] = "";
	char scope[COFFER_SCOPE_MAX + 1] = "pipeline/";
	size_t count = 0, pages = 0;
	bool more = true;

	memset(scope + 9, 'p', COFFER_SCOPE_MAX - 9);
	scope[COFFER_SCOPE_MAX] = '\0';
	memset(name, 'N', COFFER_NAME_MAX);
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(name + COFFER_NAME_MAX - 4, 5, "%04u", i % 10000u);
		world_put(world, i % 2 ? scope : "global", name, TEXT("v"));
	}
	while (more) {
		struct world_reply reply =
		    ASK(world, &op, ListAllSecrets, .after_scope = TEXT(after_scope),
			.after_name = TEXT(after_name));
		struct slice rest, element;
		REPLY(ListAllSecrets, list, reply);
		rest = reply.body;
		while (codec_next(&rest, coffer_v1_ListAllSecretsResponse_secrets_tag, &element)) {
			coffer_v1_SecretInfo info;
			char before[sizeof(after_scope) + sizeof(after_name)],
			    now[sizeof(after_scope) + sizeof(after_name)];
			must(codec_decode(element, coffer_v1_SecretInfo_fields, &info,
					  sizeof(info)));
			snprintf(before, sizeof(before), "%s %s", after_scope, after_name);
			snprintf(after_scope, sizeof(after_scope), "%.*s", SLICE_ARG(info.scope));
			snprintf(after_name, sizeof(after_name), "%.*s", SLICE_ARG(info.name));
			snprintf(now, sizeof(now), "%s %s", after_scope, after_name);
			assert_true(strcmp(before, now) < 0);
			count++;
		}
		more = list.more;
		pages++;
	}
	assert_int_equal(count, 1000);
	assert_true(pages > 1);
	rpc_session_close(&world->rpc, &op);
}

/* The first page of none read an id that nobody had written. */
static void runs_are_listed_newest_first_in_pages(void **state)
{
	struct world *world = *state;
	struct session op = operator_of(world);
	char after[COFFER_ID_LEN + 1] = "", ref[COFFER_TEXT_MAX + 1];
	size_t count = 0, pages = 0;
	struct world_reply reply = ASK(world, &op, ListRuns);
	bool more = true;

	assert_int_equal(reply.code, COFFER_OK);
	assert_int_equal(reply.body.len, 0);
	memset(ref, 'r', COFFER_TEXT_MAX);
	ref[COFFER_TEXT_MAX] = '\0';
	for (unsigned i = 0; i < 200; i++) {
		snprintf(ref, 5, "%04u", i % 10000u);
		ref[4] = 'r';
		must(create_run(world, &op, ref).code);
	}
	while (more) {
		struct slice rest, element;
		reply = ASK(world, &op, ListRuns, .after = TEXT(after));
		REPLY(ListRuns, list, reply);
		rest = reply.body;
		while (codec_next(&rest, coffer_v1_ListRunsResponse_runs_tag, &element)) {
			char id[COFFER_ID_LEN + 1];
			coffer_v1_RunInfo info;
			must(codec_decode(element, coffer_v1_RunInfo_fields, &info, sizeof(info)));
			snprintf(id, sizeof(id), "%.*s", SLICE_ARG(info.run_id));
			assert_true(after[0] == '\0' || strcmp(id, after) < 0);
			assert_int_equal(info.meta.ref.len, COFFER_TEXT_MAX);
			assert_int_equal(info.state, coffer_v1_RunState_PENDING);
			memcpy(after, id, sizeof(after));
			count++;
		}
		more = list.more;
		pages++;
	}
	assert_int_equal(count, 200);
	assert_true(pages > 2);
	assert_int_equal(ASK(world, &op, ListRuns, .after = TEXT("x")).code,
			 COFFER_INVALID_ARGUMENT);
	rpc_session_close(&world->rpc, &op);
}

/* Extras of as many bytes as are taken; once such a run could be made, claimed, and not be shown. */
static void the_largest_bootstrap_data_can_be_claimed_and_shown(void **state)
{
	static uint8_t value[COFFER_PATH_MAX];
	struct world *world = *state;
	struct session op = operator_of(world), job = world_session(world, SERVICE_RUNNER);
	coffer_v1_CreateRunRequest create = { .has_meta = true,
					      .meta = { .pipeline = TEXT("p"), .ref = TEXT("r") } };
	char token[COFFER_TOKEN_LEN + 1], id[COFFER_ID_LEN + 1], glob[COFFER_NAME_MAX];
	struct world_reply reply = { .code = COFFER_RESOURCE_EXHAUSTED };
	size_t len = world->rpc.frame_max;

	memset(value, 'x', sizeof(value));
	memset(glob, '*', sizeof(glob));
	for (; reply.code == COFFER_RESOURCE_EXHAUSTED && len > 0; len -= 16) {
		struct buf body = body_begin();
		must(codec_append(&body, coffer_v1_CreateRunRequest_fields, &create));
		for (int i = 0; i < COFFER_ALLOW_MAX; i++)
			must(codec_append_bytes(&body, coffer_v1_CreateRunRequest_allow_tag,
						(struct slice){ (uint8_t *)glob, sizeof(glob) }));
		for (size_t left = len; left > 0;) {
			coffer_v1_Pair pair = { .key = TEXT("k"), .value = { value, left } };
			pair.value.len = left > sizeof(value) ? sizeof(value) : left;
			left -= pair.value.len;
			must(codec_append_message(&body, coffer_v1_CreateRunRequest_extras_tag,
						  coffer_v1_Pair_fields, &pair));
		}
		reply = world_ask(world, &op, "CreateRun", body_of(&body));
	}
	REPLY(CreateRun, made, reply);
	snprintf(id, sizeof(id), "%.*s", SLICE_ARG(made.run_id));
	snprintf(token, sizeof(token), "%.*s", SLICE_ARG(made.token));
	must(ASK(world, &op, ListRuns, .run_id = TEXT(id)).code);
	must(ASK(world, &op, ListRuns).code);
	must(world_hello(world, &job, token));
	must(ASK(world, &job, Bootstrap).code);
	rpc_session_close(&world->rpc, &job);
	rpc_session_close(&world->rpc, &op);
}

static void malformed_runs_are_refused(void **state)
{
	static char longer[COFFER_PATH_MAX + 2];
	const coffer_v1_CreateRunRequest cases[] = {
		{ .has_meta = false },
		{ .has_meta = true, .meta = { .pipeline = TEXT("p") } },
		{ .has_meta = true, .meta = { .ref = TEXT("r") } },
		{ .has_meta = true, .meta = { .pipeline = TEXT("a//b"), .ref = TEXT("r") } },
		{ .has_meta = true, .meta = { .pipeline = TEXT("p"), .ref = TEXT("r\n") } },
		{ .has_meta = true,
		  .meta = { .pipeline = TEXT("p"), .ref = TEXT("r") },
		  .ttl_ms = -1 },
		{ .has_meta = true,
		  .meta = { .pipeline = TEXT("p"), .ref = TEXT("r") },
		  .ttl_ms = 30 * 24 * 3600 * 1000LL + 1 },
		{ .has_meta = true,
		  .meta = { .pipeline = TEXT("p"), .ref = TEXT("r") },
		  .git_dir = { (uint8_t *)longer, sizeof(longer) - 1 } },
		{ .has_meta = true,
		  .meta = { .pipeline = TEXT("p"), .ref = TEXT("r"), .sha = TEXT("\xff") } },
		{ .has_meta = true,
		  .meta = { .pipeline = TEXT("p"), .ref = TEXT("r") },
		  .has_sentry = true,
		  .sentry = { .dsn = TEXT("\x1b") } },
	};
	struct world *world = *state;
	struct session op = operator_of(world);
	struct store_run row;

	memset(longer, 'x', sizeof(longer) - 1);
	for (size_t i = 0; i < CASES(cases); i++)
		assert_int_equal(
		    ask(world, &op, "CreateRun", coffer_v1_CreateRunRequest_fields, &cases[i]).code,
		    COFFER_INVALID_ARGUMENT);
	assert_int_equal(store_run_before(world->store, SLICE_EMPTY, &row), COFFER_NOT_FOUND);
	rpc_session_close(&world->rpc, &op);
}

/* A run past its time has ended, whether or not the daemon has come to end it: no operation may give it
 * another state then. */
static void a_run_past_its_time_cannot_be_ended_otherwise(void **state)
{
	struct world *world = *state;
	struct session op = operator_of(world);
	struct world_run run = world_run(world, "p", 1);
	struct world_reply reply;
	coffer_v1_RunInfo info;
	struct slice rest, element;

	assert_int_equal(ASK(world, &op, FinishRun, .run_id = TEXT(run.id),
			     .result = coffer_v1_RunState_SUCCEEDED)
			     .code,
			 COFFER_FAILED_PRECONDITION);
	assert_int_equal(ASK(world, &op, RevokeGrant, .id = TEXT(run.id)).code,
			 COFFER_FAILED_PRECONDITION);
	reply = ASK(world, &op, ListRuns, .run_id = TEXT(run.id));
	assert_int_equal(reply.code, COFFER_OK);
	rest = reply.body;
	assert_true(codec_next(&rest, coffer_v1_ListRunsResponse_runs_tag, &element));
	must(codec_decode(element, coffer_v1_RunInfo_fields, &info, sizeof(info)));
	assert_int_equal(info.state, coffer_v1_RunState_EXPIRED);
	reply = create_run(world, &op, "main");
	assert_int_equal(reply.code, COFFER_OK);
	assert_int_equal(count_of(reply.body, coffer_v1_CreateRunResponse_superseded_tag), 0);
	rpc_session_close(&world->rpc, &op);
}

static void only_live_grants_can_be_revoked(void **state)
{
	static const char token[] = "abcdefghijklmnopqrstuvwxyz012345";
	struct world *world = *state;
	struct session op = operator_of(world), job = world_session(world, SERVICE_RUNNER);
	coffer_v1_RunState bad = coffer_v1_RunState_EXPIRED;
	struct world_run run = world_run(world, "p", NEVER);

	assert_int_equal(ASK(world, &op, RevokeGrant, .id = TEXT(ID)).code, COFFER_NOT_FOUND);
	assert_int_equal(ASK(world, &op, RevokeGrant, .id = TEXT("x")).code,
			 COFFER_INVALID_ARGUMENT);
	world_grant(world, ID, GRANT_SERVICE, token, "global");
	must(world_hello(world, &job, token));
	assert_int_equal(ASK(world, &job, Bootstrap).code, COFFER_NOT_FOUND);
	must(ASK(world, &op, RevokeGrant, .id = TEXT(ID)).code);
	assert_last_record(world, "{\"grant\":\"" ID "\",\"run\":null}");
	assert_int_equal(ASK(world, &job, ListSecrets).code, COFFER_UNAUTHENTICATED);
	assert_int_equal(ASK(world, &op, RevokeGrant, .id = TEXT(ID)).code, COFFER_NOT_FOUND);
	assert_int_equal(ASK(world, &op, FinishRun, .run_id = TEXT(run.id), .result = bad).code,
			 COFFER_INVALID_ARGUMENT);
	assert_int_equal(ASK(world, &op, FinishRun, .run_id = TEXT(ID),
			     .result = coffer_v1_RunState_FAILED)
			     .code,
			 COFFER_NOT_FOUND);
	rpc_session_close(&world->rpc, &job);
	rpc_session_close(&world->rpc, &op);
}

static void the_log_is_read_in_pages_and_verifies(void **state)
{
	struct world *world = *state;
	struct session op = operator_of(world);
	uint64_t after = 0, lines = 0;
	bool more = true;
	uint8_t cursor[128];
	struct slice at = SLICE_EMPTY;

	for (int i = 0; i < 500; i++)
		must(ASK(world, &op, ListRuns).code);
	while (more) {
		struct world_reply reply = ASK(world, &op, ReadAudit, .after_seq = after);
		REPLY(ReadAudit, page, reply);
		lines += count_of(reply.body, coffer_v1_ReadAuditResponse_lines_tag);
		assert_int_equal(page.last_seq, lines);
		after = page.last_seq;
		more = page.more;
	}
	assert_int_equal(lines, 500);
	for (bool done = false; !done;) {
		struct world_reply reply = ASK(world, &op, VerifyAudit, .cursor = at);
		REPLY(VerifyAudit, verdict, reply);
		assert_slice(verdict.problem, "");
		done = verdict.done;
		if (verdict.cursor.len > 0)
			memcpy(cursor, verdict.cursor.data, verdict.cursor.len);
		at = (struct slice){ cursor, verdict.cursor.len };
		if (done)
			assert_int_equal(verdict.last_seq, 500);
	}
	memset(cursor, 'x', sizeof(cursor));
	assert_int_equal(ASK(world, &op, VerifyAudit, .cursor = { cursor, 20 }).code,
			 COFFER_INVALID_ARGUMENT);
	assert_int_equal(ASK(world, &op, VerifyAudit, .cursor = { world->request, 4000 }).code,
			 COFFER_INVALID_ARGUMENT);
	rpc_session_close(&world->rpc, &op);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(malformed_writes_are_refused),
		CASE(a_runs_scope_takes_secrets_while_it_lives),
		CASE(listings_go_through_scopes_and_leave_system_out),
		CASE(a_thousand_secrets_are_listed_in_pages),
		CASE(runs_are_listed_newest_first_in_pages),
		CASE(the_largest_bootstrap_data_can_be_claimed_and_shown),
		CASE(malformed_runs_are_refused),
		CASE(a_run_past_its_time_cannot_be_ended_otherwise),
		CASE(only_live_grants_can_be_revoked),
		CASE(the_log_is_read_in_pages_and_verifies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
