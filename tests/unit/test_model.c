/* Random operations against a small model of what coffer promises: who may read which version of what, and
 * until when. Every answer is checked. The seed is fixed, and printed with a failure. */
#include "rpc/dispatch.h"

#include <sqlite3.h>

#include "core/grants.h"
#include "core/scopes.h"
#include "store/sqlite/query.h"
#include "world_test.h"

#define STEPS     20000
#define RUNS      24
#define NAMES     6
#define PIPELINES 12
#define SEED      20240611u

/* Scopes of the model: global, then one of each pipeline, then one of each run. */
#define SCOPES (1 + PIPELINES + RUNS)

static const char *const names[NAMES] = { "A", "AB", "B", "C_1", "C_2", "D" };
static const char *const globs[] = { "", "A*", "C_?\nB", "D" };

struct model_secret {
	unsigned value; /* what was written last; 0: none, or deleted */
	unsigned version;
};

struct model_run {
	bool used, live, claimed;
	unsigned pipeline, glob;
	uint64_t born; /* the revision then: its slot may have had another run before */
	char id[COFFER_ID_LEN + 1], token[COFFER_TOKEN_LEN + 1];
	struct session session; /* said Hello right after the run was made */
};

struct model_change {
	unsigned scope, name;
};

struct model {
	struct world *world;
	struct session op;
	uint32_t random;
	unsigned values; /* written so far */
	uint64_t revision;
	struct model_change changes[STEPS]; /* the one that led to revision 2 stands first */
	struct model_secret secrets[SCOPES][NAMES];
	struct model_run runs[RUNS];
};

static unsigned pick(struct model *model, unsigned below)
{
	model->random = model->random * 1664525u + 1013904223u;
	return (unsigned)(((uint64_t)model->random * below) >> 32);
}

static bool sees(const struct model_run *run, unsigned name)
{
	static const bool allowed[][NAMES] = { { true, true, true, true, true, true },
					       { true, true, false, false, false, false },
					       { false, false, true, true, true, false },
					       { false, false, false, false, false, true } };

	return allowed[run->glob][name];
}

static void scope_text(const struct model *model, unsigned scope, char out[64])
{
	if (scope == 0)
		snprintf(out, 64, "global");
	else if (scope <= PIPELINES)
		snprintf(out, 64, "pipeline/p%u", scope - 1);
	else
		snprintf(out, 64, "run/%s", model->runs[scope - 1 - PIPELINES].id);
}

/* The scope in which the run finds the name, or SCOPES. */
static unsigned found_in(const struct model *model, unsigned run, unsigned name)
{
	const unsigned order[] = { 1 + PIPELINES + run, 1 + model->runs[run].pipeline, 0 };

	for (size_t i = 0; i < CASES(order); i++)
		if (model->secrets[order[i]][name].value != 0)
			return order[i];
	return SCOPES;
}

static void end_in_model(struct model *model, unsigned run)
{
	model->runs[run].live = false;
	memset(model->secrets[1 + PIPELINES + run], 0, sizeof(model->secrets[0]));
}

/* A run's place is taken anew when it has ended. */
static void step_create(struct model *model)
{
	unsigned at = pick(model, RUNS), glob = pick(model, CASES(globs)),
		 pipeline = pick(model, PIPELINES);
	struct model_run *run = &model->runs[at];
	struct buf body = body_begin();
	struct slice rest = TEXT(globs[glob]), item;
	char pipeline_text[8];
	coffer_v1_CreateRunRequest create = { .has_meta = true, .meta = { .ref = TEXT("r") } };
	struct world_reply reply;
	size_t superseded = 0;

	if (run->live)
		return;
	if (run->used)
		rpc_session_close(&model->world->rpc, &run->session);
	snprintf(pipeline_text, sizeof(pipeline_text), "p%u", pipeline);
	create.meta.pipeline = TEXT(pipeline_text);
	must(codec_append(&body, coffer_v1_CreateRunRequest_fields, &create));
	while (scopes_next(&rest, &item))
		must(codec_append_bytes(&body, coffer_v1_CreateRunRequest_allow_tag, item));
	reply = world_ask(model->world, &model->op, "CreateRun", body_of(&body));
	REPLY(CreateRun, made, reply);
	for (unsigned i = 0; i < RUNS; i++)
		if (model->runs[i].live && model->runs[i].pipeline == pipeline) {
			end_in_model(model, i);
			superseded++;
		}
	assert_true(superseded <= 1);
	assert_int_equal(count_of(reply.body, coffer_v1_CreateRunResponse_superseded_tag),
			 superseded);
	*run = (struct model_run){ .used = true,
				   .live = true,
				   .pipeline = pipeline,
				   .glob = glob,
				   .born = model->revision };
	snprintf(run->id, sizeof(run->id), "%.*s", SLICE_ARG(made.run_id));
	snprintf(run->token, sizeof(run->token), "%.*s", SLICE_ARG(made.token));
	memset(model->secrets[1 + PIPELINES + at], 0, sizeof(model->secrets[0]));
	run->session = world_session(model->world, SERVICE_RUNNER);
	must(world_hello(model->world, &run->session, run->token));
}

static void step_end(struct model *model)
{
	unsigned at = pick(model, RUNS), how = pick(model, 3);
	struct model_run *run = &model->runs[at];
	coffer_err got;

	if (!run->used)
		return;
	if (how == 0)
		got = ASK(model->world, &model->op, FinishRun, .run_id = TEXT(run->id),
			  .result = coffer_v1_RunState_SUCCEEDED)
			  .code;
	else
		got = ASK(model->world, &model->op, RevokeGrant, .id = TEXT(run->id)).code;
	assert_int_equal(got, run->live ? COFFER_OK : COFFER_FAILED_PRECONDITION);
	if (run->live)
		end_in_model(model, at);
}

/* Time cannot be turned, so the run's is moved to the past. It has ended then, and dies on open connections
 * at the latest when the daemon looks. */
static void step_expire(struct model *model)
{
	unsigned at = pick(model, RUNS);
	struct model_run *run = &model->runs[at];
	struct world *world = model->world;
	struct session late;
	char sql[256];

	if (!run->live)
		return;
	snprintf(sql, sizeof(sql),
		 "UPDATE run SET expires_ms = 1 WHERE id = '%s';"
		 "UPDATE grant SET expires_ms = 1 WHERE id = '%s'",
		 run->id, run->id);
	must(core_begin(&world->core));
	assert_int_equal(sqlite3_exec(world->store->db, sql, NULL, NULL, NULL), SQLITE_OK);
	must(core_commit(&world->core));
	late = world_session(world, SERVICE_RUNNER);
	assert_int_equal(world_hello(world, &late, run->token), COFFER_UNAUTHENTICATED);
	rpc_session_close(&world->rpc, &late);
	assert_int_equal(ASK(world, &model->op, FinishRun, .run_id = TEXT(run->id),
			     .result = coffer_v1_RunState_FAILED)
			     .code,
			 COFFER_FAILED_PRECONDITION);
	assert_true(rpc_housekeeping(&world->rpc) > 0);
	end_in_model(model, at);
}

static void changed(struct model *model, unsigned scope, unsigned name)
{
	model->changes[model->revision - 1] = (struct model_change){ scope, name };
	model->revision++;
}

static void step_put(struct model *model)
{
	unsigned scope = pick(model, SCOPES), name = pick(model, NAMES);
	struct model_secret *secret = &model->secrets[scope][name];
	bool of_run = scope > PIPELINES;
	const struct model_run *run = of_run ? &model->runs[scope - 1 - PIPELINES] : NULL;
	char text[64], value[16];
	coffer_err want = of_run && !run->live ? COFFER_FAILED_PRECONDITION : COFFER_OK;

	if (of_run && !run->used)
		return;
	scope_text(model, scope, text);
	snprintf(value, sizeof(value), "value-%u", model->values + 1);
	assert_int_equal(put(model->world, &model->op, text, names[name], value).code, want);
	if (want != COFFER_OK)
		return;
	secret->value = ++model->values;
	secret->version++;
	changed(model, scope, name);
}

static void step_delete(struct model *model)
{
	unsigned scope = pick(model, 1 + PIPELINES), name = pick(model, NAMES);
	struct model_secret *secret = &model->secrets[scope][name];
	bool purge = pick(model, 2) == 0;
	coffer_err want;
	char text[64];

	want = (purge ? secret->version : secret->value) != 0 ? COFFER_OK : COFFER_NOT_FOUND;
	scope_text(model, scope, text);
	assert_int_equal(ASK(model->world, &model->op, DeleteSecret, .scope = TEXT(text),
			     .name = TEXT(names[name]), .purge = purge)
			     .code,
			 want);
	if (want != COFFER_OK)
		return;
	secret->value = 0;
	secret->version = purge ? 0 : secret->version + 1;
	changed(model, scope, name);
}

static void step_get(struct model *model)
{
	unsigned at = pick(model, RUNS), name = pick(model, NAMES), scope;
	struct model_run *run = &model->runs[at];
	struct world_reply reply;
	char value[16], text[64];

	if (!run->used)
		return;
	reply = ASK(model->world, &run->session, GetSecret, .name = TEXT(names[name]));
	scope = found_in(model, at, name);
	if (!run->live) {
		assert_int_equal(reply.code, COFFER_UNAUTHENTICATED);
	} else if (!sees(run, name)) {
		assert_int_equal(reply.code, COFFER_PERMISSION_DENIED);
	} else if (scope == SCOPES) {
		assert_int_equal(reply.code, COFFER_NOT_FOUND);
	} else {
		REPLY(GetSecret, got, reply);
		snprintf(value, sizeof(value), "value-%u", model->secrets[scope][name].value);
		scope_text(model, scope, text);
		assert_slice(got.value, value);
		assert_slice(got.scope, text);
		assert_int_equal(got.version, model->secrets[scope][name].version);
	}
	if (reply.code != COFFER_OK)
		assert_int_equal(reply.body.len, 0);
}

static void step_environment(struct model *model)
{
	unsigned at = pick(model, RUNS);
	struct model_run *run = &model->runs[at];
	struct slice rest, element;
	struct world_reply reply;

	if (!run->used)
		return;
	reply = ASK(model->world, &run->session, GetEnvironment);
	assert_int_equal(reply.code, run->live ? COFFER_OK : COFFER_UNAUTHENTICATED);
	if (!run->live)
		return;
	REPLY(GetEnvironment, page, reply);
	assert_int_equal(page.revision, model->revision);
	rest = reply.body;
	for (unsigned name = 0; name < NAMES; name++) {
		unsigned scope = found_in(model, at, name);
		coffer_v1_Secret secret;
		char value[16];
		if (!sees(run, name) || scope == SCOPES)
			continue;
		assert_true(
		    codec_next(&rest, coffer_v1_GetEnvironmentResponse_secrets_tag, &element));
		must(codec_decode(element, coffer_v1_Secret_fields, &secret, sizeof(secret)));
		snprintf(value, sizeof(value), "value-%u", model->secrets[scope][name].value);
		assert_slice(secret.name, names[name]);
		assert_slice(secret.value, value);
	}
	assert_false(codec_next(&rest, coffer_v1_GetEnvironmentResponse_secrets_tag, &element));
}

/* Whether a change that the run sees led from revision after to the current one. */
static bool changed_for(const struct model *model, unsigned at, uint64_t after)
{
	const struct model_run *run = &model->runs[at];

	for (uint64_t revision = after; revision < model->revision; revision++) {
		const struct model_change *change = &model->changes[revision - 1];
		if (sees(run, change->name) &&
		    (change->scope == 0 || change->scope == 1 + run->pipeline ||
		     (change->scope == 1 + PIPELINES + at && revision >= run->born)))
			return true;
	}
	return false;
}

/* C6: what was surely not forgotten yet is told exactly. */
static void step_wait(struct model *model)
{
	unsigned at = pick(model, RUNS), back = pick(model, 60);
	struct model_run *run = &model->runs[at];
	uint64_t after = model->revision > back ? model->revision - back : 1;
	struct world_reply reply;

	if (!run->used)
		return;
	reply = ASK(model->world, &run->session, WaitForChange, .after_revision = after);
	assert_int_equal(reply.code, run->live ? COFFER_OK : COFFER_UNAUTHENTICATED);
	if (!run->live)
		return;
	REPLY(WaitForChange, answer, reply);
	assert_int_equal(answer.revision, model->revision);
	assert_int_equal(answer.changed, changed_for(model, at, after));
}

static void step_bootstrap(struct model *model)
{
	struct model_run *run = &model->runs[pick(model, RUNS)];

	if (!run->used)
		return;
	assert_int_equal(ASK(model->world, &run->session, Bootstrap).code,
			 !run->live     ? COFFER_UNAUTHENTICATED
			 : run->claimed ? COFFER_GONE
					: COFFER_OK);
	run->claimed = true;
}

/* A second connection, which comes late. */
static void step_hello(struct model *model)
{
	struct model_run *run = &model->runs[pick(model, RUNS)];
	struct session late;

	if (!run->used)
		return;
	late = world_session(model->world, SERVICE_RUNNER);
	assert_int_equal(world_hello(model->world, &late, run->token),
			 run->live ? COFFER_OK : COFFER_UNAUTHENTICATED);
	rpc_session_close(&model->world->rpc, &late);
}

static void step_nobody(struct model *model)
{
	struct session nobody = world_session(model->world, SERVICE_RUNNER);

	assert_int_equal(
	    ASK(model->world, &nobody, GetSecret, .name = TEXT(names[pick(model, NAMES)])).code,
	    COFFER_UNAUTHENTICATED);
	assert_int_equal(put(model->world, &nobody, "global", "A", "v").code,
			 COFFER_PERMISSION_DENIED);
	rpc_session_close(&model->world->rpc, &nobody);
}

static void every_answer_of_random_operations_is_the_models(void **state)
{
	static const struct {
		void (*step)(struct model *model);
		unsigned weight;
	} steps[] = { { step_get, 40 },        { step_put, 20 },      { step_delete, 8 },
		      { step_environment, 8 }, { step_create, 8 },    { step_end, 3 },
		      { step_expire, 1 },      { step_bootstrap, 4 }, { step_hello, 5 },
		      { step_nobody, 2 },      { step_wait, 20 } };
	struct model *model = calloc(1, sizeof(*model));
	unsigned total = 0;

	assert_non_null(model);
	print_message("seed %u\n", SEED);
	model->world = *state;
	model->random = SEED;
	model->revision = 1;
	model->op = world_session(model->world, SERVICE_OPERATOR);
	for (size_t i = 0; i < CASES(steps); i++)
		total += steps[i].weight;
	for (int n = 0; n < STEPS; n++) {
		unsigned at = pick(model, total);
		size_t i = 0;
		for (; at >= steps[i].weight; i++)
			at -= steps[i].weight;
		steps[i].step(model);
		assert_int_equal(model->world->core.revision, model->revision);
	}
	for (unsigned i = 0; i < RUNS; i++)
		if (model->runs[i].used)
			rpc_session_close(&model->world->rpc, &model->runs[i].session);
	rpc_session_close(&model->world->rpc, &model->op);
	assert_null(model->world->core.grants);
	free(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(every_answer_of_random_operations_is_the_models),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
