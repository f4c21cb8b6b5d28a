/* Runs that are bound to a process: in memory, in the store, and where the two come apart. */
#include "rpc/bound.h"

#include "core/bonds.h"
#include "core/grants.h"
#include "peer_end.h"
#include "world_test.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static pid_t child_start(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return pid;
}

/* Its exit has been seen by the kernel when this returns. */
static void child_end(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

struct made {
	char id[COFFER_ID_LEN + 1];
	char token[COFFER_TOKEN_LEN + 1];
};

static struct made create(struct world *world, pid_t pid)
{
	struct session op = world_session(world, SERVICE_OPERATOR);
	struct world_reply reply =
	    ASK(world, &op, CreateRun, .has_meta = true,
		.meta = { .pipeline = TEXT("p"), .ref = TEXT("r") }, .bind_process = (uint32_t)pid);
	struct made made = { .id = "" };
	REPLY(CreateRun, created, reply);

	memcpy(made.id, created.run_id.data, COFFER_ID_LEN);
	memcpy(made.token, created.token.data, COFFER_TOKEN_LEN);
	rpc_session_close(&world->rpc, &op);
	return made;
}

static coffer_err hello(struct world *world, const char *token)
{
	struct session job = world_session(world, SERVICE_RUNNER);
	coffer_err err = world_hello(world, &job, token);

	rpc_session_close(&world->rpc, &job);
	return err;
}

static void assert_states(struct world *world, const char *id, run_state run, grant_end end)
{
	struct store_grant grant;
	struct store_run row;

	must(store_run_get(world->store, TEXT(id), &row));
	assert_int_equal(row.state, run);
	must(store_grant_by_id(world->store, TEXT(id), &grant));
	assert_int_equal(grant.end, end);
}

static void a_run_ends_with_its_process(void **state)
{
	struct world *world = *state;
	struct session job = world_session(world, SERVICE_RUNNER);
	pid_t pid = child_start();
	struct made made = create(world, pid);
	char wanted[256];
	uint64_t events;

	must(world_hello(world, &job, made.token));
	bound_end(&world->rpc);
	must(ASK(world, &job, ListSecrets, .after = SLICE_EMPTY).code);
	events = world->core.events;
	child_end(pid);
	bound_end(&world->rpc);
	assert_true(world->core.events > events);
	assert_int_equal(ASK(world, &job, ListSecrets, .after = SLICE_EMPTY).code,
			 COFFER_UNAUTHENTICATED);
	assert_int_equal(hello(world, made.token), COFFER_UNAUTHENTICATED);
	assert_states(world, made.id, RUN_CANCELLED, GRANT_REVOKED);
	assert_null(world->core.bonds.all);
	snprintf(wanted, sizeof(wanted),
		 "{\"op\": \"EndOfProcess\", \"run\": \"%s\", \"outcome\": \"OK\", \"reason\": "
		 "\"process %d exited\"}",
		 made.id, (int)pid);
	json_t *record = record_at(world, trail_head(world->trail)->seq - 2);
	json_t *want = json_loads(wanted, 0, NULL);
	assert_int_equal(json_object_update_missing(want, record), 0);
	assert_true(json_equal(want, record));
	json_decref(want);
	json_decref(record);
	rpc_session_close(&world->rpc, &job);
}

/* Nobody has to look: the exit wakes the loop, and a request of the same moment comes too late. */
static void an_exit_is_seen_before_a_request_of_the_same_turn(void **state)
{
	struct world *world = *state;
	pid_t pid = child_start();
	struct made made = create(world, pid);
	struct peer_end peer = peer_join(world, SERVICE_RUNNER);
	struct buf frames;

	peer_hello(world, &peer, made.token);
	frames = frames_begin(world);
	FRAME(&frames, 2, GetSecret, .name = TEXT("A"));
	child_end(pid);
	peer_send(world, &peer, body_of(&frames));
	world_turn(world);
	peer_expect(world, &peer, 2, COFFER_UNAUTHENTICATED);
	assert_states(world, made.id, RUN_CANCELLED, GRANT_REVOKED);
	peer_leave(&peer);
}

static void no_run_is_made_for_a_process_that_is_not_there(void **state)
{
	static const uint32_t pids[] = { INT32_MAX, UINT32_MAX };
	struct world *world = *state;
	struct session op = world_session(world, SERVICE_OPERATOR);
	struct store_run row;

	for (size_t i = 0; i < CASES(pids); i++)
		assert_int_equal(ASK(world, &op, CreateRun, .has_meta = true,
				     .meta = { .pipeline = TEXT("p"), .ref = TEXT("r") },
				     .bind_process = pids[i])
				     .code,
				 COFFER_NOT_FOUND);
	assert_int_equal(store_run_before(world->store, SLICE_EMPTY, &row), COFFER_NOT_FOUND);
	assert_null(world->core.bonds.all);
	rpc_session_close(&world->rpc, &op);
}

/* A change that comes to nothing lets go of the process. */
static void a_refused_run_leaves_no_bond(void **state)
{
	struct world *world = *state;
	struct session op = world_session(world, SERVICE_OPERATOR);
	struct buf body = body_begin();
	coffer_v1_CreateRunRequest request = { .has_meta = true,
					       .meta = { .pipeline = TEXT("p"), .ref = TEXT("r") },
					       .bind_process = (uint32_t)getpid() };
	coffer_v1_SecretWrite write = { .name = TEXT("not a name") };

	must(codec_append(&body, coffer_v1_CreateRunRequest_fields, &request));
	must(codec_append_message(&body, coffer_v1_CreateRunRequest_secrets_tag,
				  coffer_v1_SecretWrite_fields, &write));
	assert_int_equal(world_ask(world, &op, "CreateRun", body_of(&body)).code,
			 COFFER_INVALID_ARGUMENT);
	assert_null(world->core.bonds.all);
	rpc_session_close(&world->rpc, &op);
}

static void a_run_that_ends_otherwise_lets_go_of_its_process(void **state)
{
	struct world *world = *state;
	struct session op = world_session(world, SERVICE_OPERATOR);
	struct made first = create(world, getpid()), second;

	assert_int_equal(world->core.bonds.len, 1);
	second = create(world, getpid()); /* supersedes the first */
	assert_int_equal(world->core.bonds.len, 1);
	assert_string_equal(world->core.bonds.all->id, second.id);
	assert_int_equal(hello(world, first.token), COFFER_UNAUTHENTICATED);
	must(hello(world, second.token));
	must(ASK(world, &op, RevokeGrant, .id = TEXT(second.id)).code);
	assert_int_equal(world->core.bonds.len, 0);
	rpc_session_close(&world->rpc, &op);
}

/* No process, no token: also while the end can be neither recorded nor stored. */
static void a_token_is_dead_though_its_end_cannot_be_stored(void **state)
{
	struct world *world = *state;
	struct session job = world_session(world, SERVICE_RUNNER);
	pid_t pid = child_start();
	struct made made = create(world, pid);
	uint64_t events;

	must(world_hello(world, &job, made.token));
	log_block(world);
	must(ASK(world, &job, ListSecrets, .after = SLICE_EMPTY).code);
	assert_int_equal(trail_flush(world->trail), COFFER_UNAVAILABLE);
	child_end(pid);
	events = world->core.events;
	bound_end(&world->rpc);
	assert_true(world->core.events > events); /* who waits for a change looks again */
	assert_int_equal(grants_state(job.grant, 0), GRANT_REVOKED);
	assert_int_equal(hello(world, made.token), COFFER_UNAUTHENTICATED);
	log_unblock();
	assert_states(world, made.id, RUN_PENDING, GRANT_LIVE);
	bound_end(&world->rpc);
	assert_states(world, made.id, RUN_CANCELLED, GRANT_REVOKED);
	assert_null(world->core.bonds.all);
	rpc_session_close(&world->rpc, &job);
}

/* As a start does, of a store in which the run is. */
static void restart(struct world *world)
{
	bonds_close(&world->core.bonds);
	must(bonds_open(&world->core.bonds));
	must(bound_restore(&world->rpc));
}

static void after_a_restart_a_living_process_is_watched_again(void **state)
{
	struct world *world = *state;
	pid_t pid = child_start();
	struct made made = create(world, pid);

	restart(world);
	must(hello(world, made.token));
	child_end(pid);
	bound_end(&world->rpc);
	assert_int_equal(hello(world, made.token), COFFER_UNAUTHENTICATED);
	assert_states(world, made.id, RUN_CANCELLED, GRANT_REVOKED);
}

static void after_a_restart_a_process_that_is_gone_has_ended_its_run(void **state)
{
	struct world *world = *state;
	pid_t pid = child_start();
	struct made made = create(world, pid);

	child_end(pid);
	restart(world);
	assert_states(world, made.id, RUN_CANCELLED, GRANT_REVOKED);
	assert_int_equal(hello(world, made.token), COFFER_UNAUTHENTICATED);
}

/* What a start does not find out must not let a token through. */
static void a_bound_token_without_a_bond_is_refused(void **state)
{
	struct world *world = *state;
	struct made made = create(world, getpid());

	must(hello(world, made.token));
	bonds_close(&world->core.bonds);
	must(bonds_open(&world->core.bonds));
	assert_int_equal(hello(world, made.token), COFFER_UNAUTHENTICATED);
	assert_states(world, made.id, RUN_PENDING, GRANT_LIVE);
}

static void there_are_no_more_bonds_than_descriptors_allow(void **state)
{
	struct world *world = *state;
	struct session op = world_session(world, SERVICE_OPERATOR);
	struct rlimit limit, few;
	char ref[8];

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	few = limit;
	few.rlim_cur = 20;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	bonds_close(&world->core.bonds);
	must(bonds_open(&world->core.bonds));
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	for (unsigned i = 0; i < 7; i++) {
		snprintf(ref, sizeof(ref), "r%u", i);
		assert_int_equal(ASK(world, &op, CreateRun, .has_meta = true,
				     .meta = { .pipeline = TEXT("p"), .ref = TEXT(ref) },
				     .bind_process = (uint32_t)getpid())
				     .code,
				 i < 5 ? COFFER_OK : COFFER_RESOURCE_EXHAUSTED);
	}
	must(ASK(world, &op, CreateRun, .has_meta = true,
		 .meta = { .pipeline = TEXT("p"), .ref = TEXT("unbound") })
		 .code);
	rpc_session_close(&world->rpc, &op);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_run_ends_with_its_process),
		LISTENING(an_exit_is_seen_before_a_request_of_the_same_turn),
		CASE(no_run_is_made_for_a_process_that_is_not_there),
		CASE(a_refused_run_leaves_no_bond),
		CASE(a_run_that_ends_otherwise_lets_go_of_its_process),
		CASE(a_token_is_dead_though_its_end_cannot_be_stored),
		CASE(after_a_restart_a_living_process_is_watched_again),
		CASE(after_a_restart_a_process_that_is_gone_has_ended_its_run),
		CASE(a_bound_token_without_a_bond_is_refused),
		CASE(there_are_no_more_bonds_than_descriptors_allow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
