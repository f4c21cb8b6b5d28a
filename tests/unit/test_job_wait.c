/* WaitForChange: what it answers, when, and what it leaves behind. */
#include "core/grants.h"
#include "rpc/methods.h"

#include "world_test.h"

#define HOUR_MS 3600000

static struct session job_of(struct world *world, const char *pipeline)
{
	struct session job = world_session(world, SERVICE_RUNNER);
	struct world_run run = world_run(world, pipeline, NEVER);

	must(world_hello(world, &job, run.token));
	return job;
}

/* Asks for a change after a revision, having waited for so long already. */
static struct world_reply wait_for(struct world *world, struct session *job, uint64_t after,
				   uint32_t timeout_ms, int64_t waited_ms)
{
	struct world_reply reply;

	world->waited_ms = waited_ms;
	reply = ASK(world, job, WaitForChange, .after_revision = after, .timeout_ms = timeout_ms);
	world->waited_ms = 0;
	return reply;
}

static void assert_answer(const struct world_reply *reply, uint64_t revision, bool changed)
{
	assert_int_equal(reply->outcome.wait_ms, 0);
	REPLY(WaitForChange, answer, *reply);
	assert_int_equal(answer.revision, revision);
	assert_int_equal(answer.changed, changed);
}

/* The counter of WaitForChange. */
static uint64_t calls(const struct world *world)
{
	size_t len;

	return world->rpc.counters[methods_find(TEXT("WaitForChange")) - methods_all(&len)].calls;
}

static void it_waits_as_long_as_is_asked_for_and_ten_minutes_at_most(void **state)
{
	static const struct {
		uint32_t timeout_ms;
		int64_t waited_ms, left_ms;
	} cases[] = {
		{ 1, 0, 1 },
		{ 5000, 0, 5000 },
		{ 5000, 4999, 1 },
		{ 5000, 5000, 0 },
		{ 5000, 6000, 0 },
		{ 600000, 0, 600000 },
		{ 600001, 0, 600000 },
		{ UINT32_MAX, 0, 600000 },
		{ UINT32_MAX, 600000, 0 },
		{ UINT32_MAX, RPC_ANSWER_NOW, 0 },
		{ 0, 0, 0 },
	};
	struct world *world = *state;
	struct session job = job_of(world, "p");

	for (size_t i = 0; i < CASES(cases); i++) {
		struct world_reply reply =
		    wait_for(world, &job, 1, cases[i].timeout_ms, cases[i].waited_ms);
		assert_int_equal(reply.outcome.wait_ms, cases[i].left_ms);
		if (cases[i].left_ms == 0)
			assert_answer(&reply, 1, false);
	}
	rpc_session_close(&world->rpc, &job);
}

/* Else the token would still be good for an answer after its time. */
static void it_waits_no_longer_than_its_token_lives(void **state)
{
	struct world *world = *state;
	struct session job = job_of(world, "p");
	struct world_reply reply;

	job.grant->expires_ms = clock_wall_ms() + 60000;
	reply = wait_for(world, &job, 1, 300000, 0);
	assert_in_range(reply.outcome.wait_ms, 1, 60000);
	reply = wait_for(world, &job, 1, 300, 0);
	assert_int_equal(reply.outcome.wait_ms, 300);
	job.grant->expires_ms = clock_wall_ms();
	reply = wait_for(world, &job, 1, 300000, 60000);
	assert_int_equal(reply.outcome.wait_ms, 0);
	assert_int_equal(reply.code, COFFER_UNAUTHENTICATED);
	rpc_session_close(&world->rpc, &job);
}

static void a_change_that_the_run_sees_is_answered_at_once(void **state)
{
	struct world *world = *state;
	struct session job = job_of(world, "p");
	struct world_reply reply;

	world_put(world, "pipeline/q", "A", TEXT("v"));
	reply = wait_for(world, &job, 1, HOUR_MS, 0);
	assert_true(reply.outcome.wait_ms > 0);
	world_put(world, "pipeline/p", "A", TEXT("v"));
	reply = wait_for(world, &job, 1, HOUR_MS, 0);
	assert_answer(&reply, 3, true);
	reply = wait_for(world, &job, 2, HOUR_MS, 0);
	assert_answer(&reply, 3, true);
	reply = wait_for(world, &job, 3, HOUR_MS, 0);
	assert_true(reply.outcome.wait_ms > 0);
	reply = wait_for(world, &job, 4, HOUR_MS, 0);
	assert_answer(&reply, 3, true);
	rpc_session_close(&world->rpc, &job);
}

/* What changed since then cannot be told from this daemon's life alone, unless it is all of the store's. */
static void after_revision_zero_is_not_waited_for(void **state)
{
	struct world *world = *state;
	struct session job = job_of(world, "p");
	struct world_reply reply = wait_for(world, &job, 0, HOUR_MS, 0);

	assert_answer(&reply, 1, true);
	world_put(world, "pipeline/p", "A", TEXT("v"));
	reply = wait_for(world, &job, 0, HOUR_MS, 0);
	assert_answer(&reply, 2, true);
	rpc_session_close(&world->rpc, &job);
}

/* H1: one record and one count for the request, however often it is looked at. */
static void only_an_answer_is_recorded_and_counted(void **state)
{
	struct world *world = *state;
	struct session job = job_of(world, "p");
	uint64_t seq = trail_head(world->trail)->seq;
	struct world_reply reply;

	for (int64_t waited_ms = 0; waited_ms < 1000; waited_ms += 100) {
		reply = wait_for(world, &job, 1, 1000, waited_ms);
		assert_int_equal(reply.outcome.wait_ms, 1000 - waited_ms);
		assert_int_equal(trail_head(world->trail)->seq, seq);
		assert_int_equal(calls(world), 0);
	}
	reply = wait_for(world, &job, 1, 1000, 1000);
	assert_answer(&reply, 1, false);
	assert_int_equal(calls(world), 1);
	assert_int_equal(trail_head(world->trail)->seq, seq + 1);
	assert_last_record(world, "{\"op\":\"WaitForChange\",\"outcome\":\"OK\",\"name\":null,"
				  "\"scope\":null,\"secrets\":null}");
	rpc_session_close(&world->rpc, &job);
}

/* A5: the token's end ends the wait. */
static void an_ended_token_is_refused_also_while_it_waits(void **state)
{
	struct world *world = *state;
	struct session job = job_of(world, "p"), op = world_session(world, SERVICE_OPERATOR);
	struct world_reply reply = wait_for(world, &job, 1, HOUR_MS, 0);

	assert_true(reply.outcome.wait_ms > 0);
	must(ASK(world, &op, RevokeGrant, .id = TEXT(job.grant->id)).code);
	reply = wait_for(world, &job, 1, HOUR_MS, 10);
	assert_int_equal(reply.code, COFFER_UNAUTHENTICATED);
	assert_int_equal(reply.outcome.wait_ms, 0);
	assert_true(reply.outcome.refused);
	assert_last_record(world, "{\"op\":\"WaitForChange\",\"outcome\":\"UNAUTHENTICATED\","
				  "\"reason\":\"revoked\"}");
	rpc_session_close(&world->rpc, &job);
	rpc_session_close(&world->rpc, &op);
}

/* E5: only the run itself could see them, and it has ended with them. */
static void a_runs_own_secrets_are_erased_without_a_change_for_others(void **state)
{
	struct world *world = *state;
	struct session job = job_of(world, "p"), other = job_of(world, "q"),
		       op = world_session(world, SERVICE_OPERATOR);
	char scope[64];
	struct world_reply reply;

	snprintf(scope, sizeof(scope), "run/%s", job.grant->id);
	must(put(world, &op, scope, "A", "v").code);
	reply = wait_for(world, &job, 1, HOUR_MS, 0);
	assert_answer(&reply, 2, true);
	reply = wait_for(world, &other, 1, HOUR_MS, 0);
	assert_true(reply.outcome.wait_ms > 0);
	must(ASK(world, &op, FinishRun, .run_id = TEXT(job.grant->id),
		 .result = coffer_v1_RunState_SUCCEEDED)
		 .code);
	reply = wait_for(world, &other, 1, HOUR_MS, 0);
	assert_true(reply.outcome.wait_ms > 0);
	assert_int_equal(wait_for(world, &job, 2, HOUR_MS, 0).code, COFFER_UNAUTHENTICATED);
	rpc_session_close(&world->rpc, &job);
	rpc_session_close(&world->rpc, &other);
	rpc_session_close(&world->rpc, &op);
}

static void a_wait_is_refused_while_it_cannot_be_recorded(void **state)
{
	struct world *world = *state;
	struct session job = job_of(world, "p");

	log_block(world);
	(void)ASK(world, &job, ListSecrets);
	assert_int_not_equal(trail_flush(world->trail), COFFER_OK);
	assert_int_equal(wait_for(world, &job, 1, HOUR_MS, 0).code, COFFER_UNAVAILABLE);
	assert_int_equal(wait_for(world, &job, 1, HOUR_MS, 500).code, COFFER_UNAVAILABLE);
	log_unblock();
	assert_true(wait_for(world, &job, 1, HOUR_MS, 500).outcome.wait_ms > 0);
	rpc_session_close(&world->rpc, &job);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(it_waits_as_long_as_is_asked_for_and_ten_minutes_at_most),
		CASE(it_waits_no_longer_than_its_token_lives),
		CASE(a_change_that_the_run_sees_is_answered_at_once),
		CASE(after_revision_zero_is_not_waited_for),
		CASE(only_an_answer_is_recorded_and_counted),
		CASE(an_ended_token_is_refused_also_while_it_waits),
		CASE(a_runs_own_secrets_are_erased_without_a_change_for_others),
		CASE(a_wait_is_refused_while_it_cannot_be_recorded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
