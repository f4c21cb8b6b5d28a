/* Runs: creating, claiming, ending. */
#include "core/runs.h"

#include "core/grants.h"
#include "core/secrets.h"
#include "world_test.h"

#define UNKNOWN "00000000-0000-7000-8000-00000000ffff"

static struct store_run row_of(struct world *world, const char *id)
{
	struct store_run row;

	must(store_run_get(world->store, TEXT(id), &row));
	return row;
}

static coffer_err token_works(struct world *world, const char *token)
{
	char id[COFFER_ID_LEN + 1];
	struct grant *grant;
	grant_end end;
	coffer_err err = grants_authenticate(&world->core, TEXT(token), 0, &grant, &end, id);

	grants_release(&world->core, grant);
	return err;
}

static coffer_err claim(struct world *world, const char *id, struct slice nonce, uint32_t uid,
			int64_t now_ms)
{
	struct store_run row;
	coffer_err err;

	must(core_begin(&world->core));
	err = runs_claim(&world->core, TEXT(id), nonce, uid, now_ms, &row);
	if (err == COFFER_OK)
		must(core_commit(&world->core));
	else
		core_rollback(&world->core);
	return err;
}

static coffer_err end(struct world *world, const char *id, run_state to)
{
	coffer_err err;

	must(core_begin(&world->core));
	err = runs_end(&world->core, TEXT(id), to, GRANT_FINISHED, 77);
	if (err == COFFER_OK)
		must(core_commit(&world->core));
	else
		core_rollback(&world->core);
	return err;
}

static void a_new_run_is_pending_and_its_token_works(void **state)
{
	struct world *world = *state;
	struct world_run run = world_run(world, "team/app", NEVER);
	struct store_run row = row_of(world, run.id);
	struct store_grant grant;

	assert_int_equal(row.state, RUN_PENDING);
	assert_slice(row.pipeline, "team/app");
	assert_slice(row.ref, "main");
	assert_int_equal(row.started_ms, 0);
	must(store_grant_by_id(world->store, TEXT(run.id), &grant));
	assert_int_equal(grant.kind, GRANT_RUN);
	assert_memory_equal(grant.scopes.data + 4, run.id, COFFER_ID_LEN);
	assert_slice((struct slice){ grant.scopes.data + 40, grant.scopes.len - 40 },
		     "\npipeline/team/app\nglobal");
	must(token_works(world, run.token));
}

static void bootstrap_data_is_sealed_and_bound_to_its_run(void **state)
{
	struct world *world = *state;
	struct world_run run = world_run(world, "p", NEVER), other = world_run(world, "q", NEVER);
	struct store_run row = row_of(world, run.id);
	uint8_t *plain = arena_take(world->arena, 16);
	size_t len;

	assert_null(memmem(row.payload.data, row.payload.len, "/git", 4));
	must(runs_payload_len(&row, &len));
	assert_int_equal(len, 6);
	must(runs_open_payload(&world->core, &row, plain));
	assert_memory_equal(plain, "\x12\x04/git", 6);
	row.id = TEXT(other.id);
	assert_int_equal(runs_open_payload(&world->core, &row, plain), COFFER_DATA_LOSS);
	arena_give(world->arena, plain, 16, 16);
}

static void a_new_run_supersedes_the_one_of_its_pipeline_and_ref(void **state)
{
	struct world *world = *state;
	struct world_run old = world_run(world, "p", NEVER), other = world_run(world, "q", NEVER);
	struct store_secret secret;
	char scope[64];
	struct world_run new;

	snprintf(scope, sizeof(scope), "run/%s", old.id);
	world_put(world, scope, "OWN", TEXT("value"));
	must(claim(world, old.id, SLICE_EMPTY, 0, 5));
	new = world_run(world, "p", NEVER);
	assert_int_equal(row_of(world, old.id).state, RUN_SUPERSEDED);
	assert_true(row_of(world, old.id).payload.len > 0); /* A3: what it was about is on record */
	assert_int_equal(token_works(world, old.token), COFFER_UNAUTHENTICATED);
	assert_int_equal(store_secret_latest(world->store, TEXT(scope), TEXT("OWN"), &secret),
			 COFFER_NOT_FOUND);
	must(token_works(world, new.token));
	must(token_works(world, other.token));
	assert_int_equal(row_of(world, other.id).state, RUN_PENDING);
}

static void a_run_past_its_time_is_not_superseded_but_expired(void **state)
{
	struct world *world = *state;
	struct world_run old = world_run(world, "p", 1000);
	struct store_grant grant;

	world_run(world, "p", NEVER);
	assert_int_equal(row_of(world, old.id).state, RUN_EXPIRED);
	must(store_grant_by_id(world->store, TEXT(old.id), &grant));
	assert_int_equal(grant.end, GRANT_EXPIRED);
}

/* B1, B2 */
static void bootstrap_data_is_claimed_once_but_for_a_lost_reply(void **state)
{
	static const struct {
		const char *first, *again;
		uint32_t uid;
		int64_t later_ms;
		coffer_err want;
	} cases[] = {
		{ "0123456789abcdef", "0123456789abcdef", 7, 30000, COFFER_OK },
		{ "0123456789abcdef", "0123456789abcdef", 7, 30001, COFFER_GONE },
		{ "0123456789abcdef", "0123456789abcdef", 8, 0, COFFER_GONE },
		{ "0123456789abcdef", "0123456789abcdeF", 7, 0, COFFER_GONE },
		{ "0123456789abcdef", "", 7, 0, COFFER_GONE },
		{ "", "", 7, 0, COFFER_GONE },
		{ "", "0123456789abcdef", 7, 0, COFFER_GONE },
	};
	struct world *world = *state;

	for (size_t i = 0; i < CASES(cases); i++) {
		struct world_run run = world_run(world, "p", NEVER);
		must(claim(world, run.id, TEXT(cases[i].first), 7, 1000));
		assert_int_equal(row_of(world, run.id).state, RUN_ACTIVE);
		assert_int_equal(row_of(world, run.id).started_ms, 1000);
		assert_int_equal(claim(world, run.id, TEXT(cases[i].again), cases[i].uid,
				       1000 + cases[i].later_ms),
				 cases[i].want);
	}
}

static void a_claim_that_is_rolled_back_can_be_made_again(void **state)
{
	struct world *world = *state;
	struct world_run run = world_run(world, "p", NEVER);
	struct store_run row;

	must(core_begin(&world->core));
	must(runs_claim(&world->core, TEXT(run.id), SLICE_EMPTY, 1, 5, &row));
	core_rollback(&world->core);
	must(claim(world, run.id, SLICE_EMPTY, 1, 6));
}

static void a_run_without_bootstrap_data_has_none(void **state)
{
	struct world *world = *state;
	struct runs_spec spec = { .pipeline = TEXT("p"), .ref = TEXT("r"), .expires_ms = NEVER };
	char id[COFFER_ID_LEN + 1], superseded[COFFER_ID_LEN + 1],
	    *token = arena_take(world->arena, COFFER_TOKEN_LEN);

	runs_make_id(&world->core, 5, id);
	must(core_begin(&world->core));
	must(runs_create(&world->core, id, &spec, SLICE_EMPTY, token, superseded));
	must(core_commit(&world->core));
	assert_string_equal(superseded, "");
	assert_int_equal(claim(world, id, SLICE_EMPTY, 0, 5), COFFER_NOT_FOUND);
	assert_int_equal(claim(world, UNKNOWN, SLICE_EMPTY, 0, 5), COFFER_NOT_FOUND);
	arena_give(world->arena, token, COFFER_TOKEN_LEN, COFFER_TOKEN_LEN);
}

static void a_run_ends_once_and_takes_its_secrets_along(void **state)
{
	struct world *world = *state;
	struct world_run run = world_run(world, "p", NEVER);
	struct slice scope;
	char own[64];

	snprintf(own, sizeof(own), "run/%s", run.id);
	world_put(world, own, "A", TEXT("1"));
	world_put(world, own, "B", TEXT("2"));
	world_put(world, "pipeline/p", "A", TEXT("3"));
	must(end(world, run.id, RUN_FAILED));
	assert_int_equal(row_of(world, run.id).state, RUN_FAILED);
	assert_int_equal(row_of(world, run.id).finished_ms, 77);
	assert_int_equal(store_scope_next(world->store, TEXT("pipeline/p"), &scope),
			 COFFER_NOT_FOUND);
	assert_int_equal(token_works(world, run.token), COFFER_UNAUTHENTICATED);
	assert_int_equal(end(world, run.id, RUN_SUCCEEDED), COFFER_FAILED_PRECONDITION);
	assert_int_equal(end(world, UNKNOWN, RUN_SUCCEEDED), COFFER_NOT_FOUND);
	assert_int_equal(row_of(world, run.id).state, RUN_FAILED);
}

static void overdue_runs_come_by_their_time(void **state)
{
	struct world *world = *state;
	struct world_run late, soon;
	char id[COFFER_ID_LEN + 1];
	int64_t next_ms = 7;

	assert_int_equal(runs_overdue(&world->core, 0, id, &next_ms), COFFER_NOT_FOUND);
	assert_int_equal(next_ms, 0);
	late = world_run(world, "p", 9000);
	soon = world_run(world, "q", 4000);
	assert_int_equal(runs_overdue(&world->core, 3999, id, &next_ms), COFFER_NOT_FOUND);
	assert_int_equal(next_ms, 4000);
	must(runs_overdue(&world->core, 4000, id, &next_ms));
	assert_string_equal(id, soon.id);
	must(end(world, soon.id, RUN_EXPIRED));
	assert_int_equal(runs_overdue(&world->core, 4000, id, &next_ms), COFFER_NOT_FOUND);
	assert_int_equal(next_ms, 9000);
	must(runs_overdue(&world->core, 9000, id, &next_ms));
	assert_string_equal(id, late.id);
}

static void a_live_run_past_its_time_counts_as_expired(void **state)
{
	static const struct {
		run_state state, want;
		int64_t now_ms;
		coffer_err live;
	} cases[] = {
		{ RUN_PENDING, RUN_PENDING, 99, COFFER_OK },
		{ RUN_PENDING, RUN_EXPIRED, 100, COFFER_FAILED_PRECONDITION },
		{ RUN_ACTIVE, RUN_ACTIVE, 99, COFFER_OK },
		{ RUN_ACTIVE, RUN_EXPIRED, 101, COFFER_FAILED_PRECONDITION },
		{ RUN_SUCCEEDED, RUN_SUCCEEDED, 101, COFFER_FAILED_PRECONDITION },
		{ RUN_CANCELLED, RUN_CANCELLED, 0, COFFER_FAILED_PRECONDITION },
	};
	struct world *world = *state;

	for (size_t i = 0; i < CASES(cases); i++) {
		char id[] = "00000000-0000-7000-8000-000000000000";
		struct store_run row = { .id = TEXT(id),
					 .state = cases[i].state,
					 .expires_ms = 100 };
		id[0] = (char)('a' + i);
		assert_int_equal(runs_state(&row, cases[i].now_ms), cases[i].want);
		must(core_begin(&world->core));
		must(store_run_put(world->store, &row));
		must(core_commit(&world->core));
		assert_int_equal(runs_check_live(&world->core, TEXT(id), cases[i].now_ms),
				 cases[i].live);
	}
	assert_int_equal(runs_check_live(&world->core, TEXT(UNKNOWN), 0), COFFER_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_new_run_is_pending_and_its_token_works),
		CASE(bootstrap_data_is_sealed_and_bound_to_its_run),
		CASE(a_new_run_supersedes_the_one_of_its_pipeline_and_ref),
		CASE(a_run_past_its_time_is_not_superseded_but_expired),
		CASE(bootstrap_data_is_claimed_once_but_for_a_lost_reply),
		CASE(a_claim_that_is_rolled_back_can_be_made_again),
		CASE(a_run_without_bootstrap_data_has_none),
		CASE(a_run_ends_once_and_takes_its_secrets_along),
		CASE(overdue_runs_come_by_their_time),
		CASE(a_live_run_past_its_time_counts_as_expired),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
