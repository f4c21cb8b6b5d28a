/* What the daemon does by itself from time to time. */
#include "rpc/dispatch.h"

#include <sqlite3.h>

#include "core/grants.h"
#include "store/sqlite/query.h"
#include "world_test.h"

static struct store_run row_of(struct world *world, const char *id)
{
	struct store_run row;

	must(store_run_get(world->store, TEXT(id), &row));
	return row;
}

static uint64_t anchored_seq(struct world *world)
{
	struct store_anchor anchor;
	coffer_err err = store_anchor_get(world->store, &anchor);

	assert_true(err == COFFER_OK || err == COFFER_NOT_FOUND);
	return err == COFFER_OK ? anchor.seq : 0;
}

static void runs_past_their_time_are_ended_and_recorded(void **state)
{
	struct world *world = *state;
	struct world_run first = world_run(world, "p", 1), second = world_run(world, "q", 2),
			 live = world_run(world, "r", NEVER);
	char own[64], wanted[160];
	struct slice scope;

	snprintf(own, sizeof(own), "run/%s", first.id);
	world_put(world, own, "A", TEXT("v"));
	assert_true(rpc_housekeeping(&world->rpc) > 0);
	assert_int_equal(row_of(world, first.id).state, RUN_EXPIRED);
	assert_int_equal(row_of(world, second.id).state, RUN_EXPIRED);
	assert_int_equal(row_of(world, live.id).state, RUN_PENDING);
	assert_int_equal(store_scope_next(world->store, SLICE_EMPTY, &scope), COFFER_NOT_FOUND);
	snprintf(wanted, sizeof(wanted),
		 "{\"op\":\"ExpireRuns\",\"run\":\"%s\",\"outcome\":\"OK\",\"seq\":2}", second.id);
	assert_last_record(world, wanted);
	assert_true(rpc_housekeeping(&world->rpc) > 0);
	assert_int_equal(trail_head(world->trail)->seq, 2);
}

static void an_open_connection_loses_its_grant_with_the_run(void **state)
{
	struct world *world = *state;
	struct session job = world_session(world, SERVICE_RUNNER);
	struct world_run run = world_run(world, "p", clock_wall_ms() + 3600000);

	must(world_hello(world, &job, run.token));
	must(core_begin(&world->core)); /* its time comes */
	assert_int_equal(sqlite3_exec(world->store->db, "UPDATE run SET expires_ms = 1", NULL, NULL,
				      NULL),
			 SQLITE_OK);
	must(core_commit(&world->core));
	assert_true(rpc_housekeeping(&world->rpc) > 0);
	assert_int_equal(job.grant->end, GRANT_EXPIRED);
	rpc_session_close(&world->rpc, &job);
}

static void the_next_call_comes_with_the_next_run_to_expire(void **state)
{
	struct world *world = *state;
	int64_t idle_ms = rpc_housekeeping(&world->rpc), next_ms;

	assert_in_range(idle_ms, 1000, 60000);
	world_run(world, "p", clock_wall_ms() + 700);
	next_ms = rpc_housekeeping(&world->rpc);
	assert_in_range(next_ms, 1, idle_ms); /* 700, or a slow machine has come late */
	world_run(world, "q", clock_wall_ms() + 3600000);
	assert_in_range(rpc_housekeeping(&world->rpc), 1, idle_ms);
}

static void a_log_that_takes_no_record_keeps_runs_from_being_ended_but_not_alive(void **state)
{
	struct world *world = *state;
	struct session op = world_session(world, SERVICE_OPERATOR),
		       job = world_session(world, SERVICE_RUNNER);
	struct world_run run = world_run(world, "p", 1);

	must(ASK(world, &op, ListRuns).code);
	log_block(world);
	must(ASK(world, &op, ListRuns).code);
	assert_true(rpc_housekeeping(&world->rpc) > 0);
	assert_int_equal(row_of(world, run.id).state, RUN_PENDING);
	assert_int_equal(world_hello(world, &job, run.token), COFFER_UNAUTHENTICATED);
	log_unblock();
	assert_true(rpc_housekeeping(&world->rpc) > 0);
	assert_int_equal(row_of(world, run.id).state, RUN_EXPIRED);
	rpc_session_close(&world->rpc, &op);
	rpc_session_close(&world->rpc, &job);
}

static void the_logs_head_is_anchored(void **state)
{
	struct world *world = *state;
	struct session op = world_session(world, SERVICE_OPERATOR);

	rpc_anchor(&world->rpc);
	assert_int_equal(anchored_seq(world), 0);
	must(ASK(world, &op, ListRuns).code);
	must(ASK(world, &op, ListRuns).code);
	rpc_anchor(&world->rpc);
	assert_int_equal(anchored_seq(world), 2);
	must(ASK(world, &op, ListRuns).code);
	world->rpc.anchored_ms = clock_mono_ms() - 3600000; /* it is long ago */
	assert_true(rpc_housekeeping(&world->rpc) > 0);
	assert_int_equal(anchored_seq(world), 3);
	must(ASK(world, &op, ListRuns).code);
	log_block(world);
	must(ASK(world, &op, ListRuns).code);
	rpc_anchor(&world->rpc); /* cannot be: the record is not on disk */
	assert_int_equal(anchored_seq(world), 3);
	log_unblock();
	rpc_anchor(&world->rpc);
	assert_int_equal(anchored_seq(world), 5);
	rpc_session_close(&world->rpc, &op);
}

/* Nothing of a request shows that the file's name no longer leads to it. */
static void a_log_that_was_moved_away_is_noticed(void **state)
{
	struct world *world = *state;
	struct session op = world_session(world, SERVICE_OPERATOR);
	char path[128], aside[128];

	must(ASK(world, &op, ListRuns).code);
	must(trail_flush(world->trail));
	snprintf(path, sizeof(path), "%s/00000000000000000001.jsonl", world->folder);
	snprintf(aside, sizeof(aside), "%s/aside", world->folder);
	assert_int_equal(rename(path, aside), 0);
	assert_true(rpc_housekeeping(&world->rpc) > 0);
	assert_int_equal(trail_head(world->trail)->seq, 2);
	snprintf(path, sizeof(path), "%s/00000000000000000002.jsonl", world->folder);
	assert_int_equal(access(path, F_OK), 0);
	rpc_session_close(&world->rpc, &op);
}

static int refuse(void *unused)
{
	(void)unused;
	return 1;
}

static void a_store_that_fails_stops_the_daemon(void **state)
{
	struct world *world = *state;

	world_run(world, "p", 1);
	(void)sqlite3_commit_hook(world->store->db, refuse, NULL);
	(void)rpc_housekeeping(&world->rpc);
	assert_true(world->rpc.fatal);
	(void)sqlite3_commit_hook(world->store->db, NULL, NULL);
}

/* The number of the change's record may be taken in the store: no other record may have it. */
static void after_a_store_that_fails_no_record_is_made(void **state)
{
	struct world *world = *state;
	struct session op = world_session(world, SERVICE_OPERATOR);
	char path[128], aside[128];

	must(ASK(world, &op, ListRuns).code);
	must(trail_flush(world->trail));
	snprintf(path, sizeof(path), "%s/00000000000000000001.jsonl", world->folder);
	snprintf(aside, sizeof(aside), "%s/aside", world->folder);
	assert_int_equal(rename(path, aside), 0);
	world->rpc.fatal = true;
	(void)rpc_housekeeping(&world->rpc);
	assert_int_equal(trail_head(world->trail)->seq, 1);
	rpc_session_close(&world->rpc, &op);
}

/* Also where it only reads: what cannot be read must not pass for a store without runs. */
static void a_store_that_cannot_be_read_stops_the_daemon(void **state)
{
	struct world *world = *state;

	sqlite3_progress_handler(world->store->db, 1, refuse, NULL);
	assert_true(rpc_housekeeping(&world->rpc) > 0);
	sqlite3_progress_handler(world->store->db, 0, NULL, NULL);
	assert_true(world->rpc.fatal);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(runs_past_their_time_are_ended_and_recorded),
		CASE(an_open_connection_loses_its_grant_with_the_run),
		CASE(the_next_call_comes_with_the_next_run_to_expire),
		CASE(a_log_that_takes_no_record_keeps_runs_from_being_ended_but_not_alive),
		CASE(the_logs_head_is_anchored),
		CASE(a_log_that_was_moved_away_is_noticed),
		CASE(a_store_that_fails_stops_the_daemon),
		CASE(after_a_store_that_fails_no_record_is_made),
		CASE(a_store_that_cannot_be_read_stops_the_daemon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
