/* Runs and services that ended long ago. */
#include "core/retention.h"

#include <sqlite3.h>

#include "core/grants.h"
#include "core/runs.h"
#include "store/sqlite/query.h"
#include "world_test.h"

#define DAY INT64_C(86400000)

static void run_sql(struct world *world, const char *sql)
{
	must(core_begin(&world->core));
	assert_int_equal(sqlite3_exec(world->store->db, sql, NULL, NULL, NULL), SQLITE_OK);
	must(core_commit(&world->core));
}

/* Ends the run at that time. */
static void end(struct world *world, const struct world_run *run, int64_t at_ms)
{
	must(core_begin(&world->core));
	must(runs_end(&world->core, TEXT(run->id), RUN_FAILED, GRANT_FINISHED, at_ms));
	must(core_commit(&world->core));
}

static coffer_err find_run(struct world *world, const char *id)
{
	struct store_grant grant;
	struct store_run row;
	coffer_err err = store_run_get(world->store, TEXT(id), &row);

	assert_int_equal(store_grant_by_id(world->store, TEXT(id), &grant), err);
	return err;
}

/* Does the chores until there is none left that cannot wait. */
static void keep_house(struct world *world)
{
	while (rpc_housekeeping(&world->rpc) < 1000)
		continue;
}

static void a_run_goes_with_its_grant_so_long_after_its_end(void **state)
{
	struct world *world = *state;
	int64_t now_ms = clock_wall_ms();
	struct world_run old = world_run(world, "p", now_ms - 31 * DAY),
			 young = world_run(world, "q", now_ms - 31 * DAY),
			 live = world_run(world, "r", NEVER);
	char wanted[256];

	end(world, &old, now_ms - 30 * DAY);
	end(world, &young, now_ms - 29 * DAY);
	keep_house(world);
	must(find_run(world, old.id)); /* 0: they are kept for ever */
	world->core.keep_runs_ms = 30 * DAY;
	keep_house(world);
	assert_int_equal(find_run(world, old.id), COFFER_NOT_FOUND);
	must(find_run(world, young.id));
	must(find_run(world, live.id));
	snprintf(wanted, sizeof(wanted),
		 "{\"op\":\"RemoveEnded\",\"outcome\":\"OK\",\"seq\":1,"
		 "\"secrets\":[{\"scope\":\"run/%s\"}]}",
		 old.id);
	assert_last_record(world, wanted);
	keep_house(world);
	assert_int_equal(trail_head(world->trail)->seq, 1);
}

/* A6: and the audit log says no more than that. */
static void the_token_of_a_run_that_is_gone_is_one_that_never_was(void **state)
{
	struct world *world = *state;
	struct session job = world_session(world, SERVICE_RUNNER);
	struct world_run run = world_run(world, "p", NEVER);

	end(world, &run, 1);
	assert_int_equal(world_hello(world, &job, run.token), COFFER_UNAUTHENTICATED);
	assert_last_record(world, "{\"op\":\"Hello\",\"reason\":\"finished\"}");
	world->core.keep_runs_ms = DAY;
	keep_house(world);
	assert_int_equal(world_hello(world, &job, run.token), COFFER_UNAUTHENTICATED);
	assert_last_record(world, "{\"op\":\"Hello\",\"reason\":\"unknown\",\"run\":null}");
	rpc_session_close(&world->rpc, &job);
}

static void a_connection_of_a_run_that_is_gone_has_no_authority(void **state)
{
	struct world *world = *state;
	struct session job = world_session(world, SERVICE_RUNNER);
	struct world_run run = world_run(world, "p", NEVER);

	must(world_hello(world, &job, run.token));
	end(world, &run, 1);
	world->core.keep_runs_ms = DAY;
	keep_house(world);
	assert_int_equal(find_run(world, run.id), COFFER_NOT_FOUND);
	assert_int_equal(ASK(world, &job, GetSecret, .name = TEXT("A")).code,
			 COFFER_UNAUTHENTICATED);
	rpc_session_close(&world->rpc, &job);
}

static void a_live_run_stays_whatever_its_times_say(void **state)
{
	struct world *world = *state;
	struct world_run run = world_run(world, "p", NEVER);

	run_sql(world, "UPDATE run SET created_ms = 1, started_ms = 1, finished_ms = 1");
	world->core.keep_runs_ms = 1;
	keep_house(world);
	must(find_run(world, run.id));
	must(core_begin(&world->core));
	assert_int_equal(store_run_delete(world->store, TEXT(run.id)), COFFER_NOT_FOUND);
	assert_int_equal(store_grant_delete(world->store, TEXT(run.id), 1), COFFER_NOT_FOUND);
	core_rollback(&world->core);
}

static void a_service_goes_so_long_after_its_token_would_have_expired(void **state)
{
	static const struct {
		const char *id;
		int64_t age_ms;
		grant_end end;
		coffer_err want;
	} cases[] = {
		{ "00000000-0000-7000-8000-000000000001", 31 * DAY, GRANT_LIVE, COFFER_NOT_FOUND },
		{ "00000000-0000-7000-8000-000000000002", 31 * DAY, GRANT_REVOKED,
		  COFFER_NOT_FOUND },
		{ "00000000-0000-7000-8000-000000000003", 29 * DAY, GRANT_LIVE, COFFER_OK },
		{ "00000000-0000-7000-8000-000000000004", -DAY, GRANT_REVOKED, COFFER_OK },
		{ "00000000-0000-7000-8000-000000000005", -DAY, GRANT_LIVE, COFFER_OK },
	};
	struct world *world = *state;
	int64_t now_ms = clock_wall_ms();
	struct store_grant found;

	must(core_begin(&world->core));
	for (size_t i = 0; i < CASES(cases); i++) {
		struct store_grant row = { .id = TEXT(cases[i].id),
					   .kind = GRANT_SERVICE,
					   .name = TEXT(cases[i].id),
					   .token_hash = { (uint8_t)i },
					   .scopes = TEXT("global"),
					   .expires_ms = now_ms - cases[i].age_ms,
					   .end = cases[i].end };
		must(store_grant_put(world->store, &row));
	}
	must(core_commit(&world->core));
	world->core.keep_runs_ms = 30 * DAY;
	keep_house(world);
	for (size_t i = 0; i < CASES(cases); i++)
		assert_int_equal(store_grant_by_id(world->store, TEXT(cases[i].id), &found),
				 cases[i].want);
	assert_last_record(world, "{\"op\":\"RemoveEnded\",\"seq\":1,\"secrets\":["
				  "{\"scope\":\"service/00000000-0000-7000-8000-000000000001\"},"
				  "{\"scope\":\"service/00000000-0000-7000-8000-000000000002\"}]}");
}

static void many_go_some_at_a_time(void **state)
{
	enum { RUNS = 150 };
	struct world *world = *state;
	struct store_run row;

	for (int i = 0; i < RUNS; i++) {
		struct world_run run = world_run(world, "p", NEVER);
		end(world, &run, 1 + i);
	}
	world->core.keep_runs_ms = DAY;
	assert_in_range(rpc_housekeeping(&world->rpc), 1, 999);
	assert_int_equal(trail_head(world->trail)->seq, 1);
	assert_int_equal(store_run_before(world->store, SLICE_EMPTY, &row), COFFER_OK);
	keep_house(world);
	assert_int_equal(trail_head(world->trail)->seq, 3);
	assert_int_equal(store_run_before(world->store, SLICE_EMPTY, &row), COFFER_NOT_FOUND);
}

static void without_a_record_nothing_is_removed(void **state)
{
	struct world *world = *state;
	struct world_run run = world_run(world, "p", NEVER);

	end(world, &run, 1);
	world->core.keep_runs_ms = DAY;
	log_block(world);
	keep_house(world);
	must(find_run(world, run.id));
	log_unblock();
	keep_house(world);
	assert_int_equal(find_run(world, run.id), COFFER_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_run_goes_with_its_grant_so_long_after_its_end),
		CASE(the_token_of_a_run_that_is_gone_is_one_that_never_was),
		CASE(a_connection_of_a_run_that_is_gone_has_no_authority),
		CASE(a_live_run_stays_whatever_its_times_say),
		CASE(a_service_goes_so_long_after_its_token_would_have_expired),
		CASE(many_go_some_at_a_time),
		CASE(without_a_record_nothing_is_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
