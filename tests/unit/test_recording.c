/* What the audit record of each method says, and how a change and its record are stored together. */
#include "rpc/recording.h"

#include <sqlite3.h>
#include <sys/syscall.h>

#include "core/grants.h"
#include "core/runs.h"
#include "world_test.h"

#define ONE_RUN "{\"op\":\"%s\",\"run\":\"%s\",\"outcome\":\"%s\"}"

static void assert_about_run(struct world *world, const char *op, const char *id,
			     const char *outcome)
{
	char wanted[160];

	snprintf(wanted, sizeof(wanted), ONE_RUN, op, id, outcome);
	assert_last_record(world, wanted);
}

static void records_of_reading_name_the_secret_and_the_run(void **state)
{
	struct world *world = *state;
	struct session job = world_session(world, SERVICE_RUNNER);
	struct world_run run = world_run(world, "p", NEVER);
	struct buf body = body_begin();

	world_put(world, "global", "A", TEXT("v"));
	world_put(world, "pipeline/p", "B", TEXT("v"));
	world_put(world, "pipeline/p", "B", TEXT("w"));
	must(ASK(world, &job, Hello, .protocol = 1, .token = TEXT(run.token),
		 .via = TEXT("a \"shim\""))
		 .code);
	assert_about_run(world, "Hello", run.id, "OK");
	must(ASK(world, &job, GetSecret, .name = TEXT("B")).code);
	assert_about_run(world, "GetSecret", run.id, "OK");
	assert_last_record(world, "{\"scope\":\"pipeline/p\",\"name\":\"B\",\"version\":2,"
				  "\"via\":\"a \\\"shim\\\"\",\"reason\":null,\"secrets\":null}");
	assert_int_equal(ASK(world, &job, GetSecret, .name = TEXT("C")).code, COFFER_NOT_FOUND);
	assert_last_record(world, "{\"name\":\"C\",\"version\":null,\"outcome\":\"NOT_FOUND\"}");
	assert_int_equal(ASK(world, &job, GetSecret, .name = TEXT("a=b")).code,
			 COFFER_INVALID_ARGUMENT);
	assert_last_record(world, "{\"name\":null,\"outcome\":\"INVALID_ARGUMENT\"}");
	must(codec_append_bytes(&body, coffer_v1_GetSecretsRequest_names_tag, TEXT("B")));
	must(codec_append_bytes(&body, coffer_v1_GetSecretsRequest_names_tag, TEXT("A")));
	must(world_ask(world, &job, "GetSecrets", body_of(&body)).code);
	assert_last_record(world, "{\"name\":null,\"scope\":null,\"secrets\":["
				  "{\"scope\":\"pipeline/p\",\"name\":\"B\",\"version\":2},"
				  "{\"scope\":\"global\",\"name\":\"A\",\"version\":1}]}");
	must(codec_append_bytes(&body, coffer_v1_GetSecretsRequest_names_tag, TEXT("Z")));
	assert_int_equal(world_ask(world, &job, "GetSecrets", body_of(&body)).code,
			 COFFER_NOT_FOUND);
	assert_last_record(world, "{\"name\":\"Z\",\"secrets\":null,\"outcome\":\"NOT_FOUND\"}");
	must(ASK(world, &job, ListSecrets).code);
	assert_last_record(world, "{\"op\":\"ListSecrets\",\"name\":null,\"secrets\":null}");
	must(ASK(world, &job, GetEnvironment).code);
	assert_last_record(world, "{\"op\":\"GetEnvironment\",\"secrets\":["
				  "{\"scope\":\"global\",\"name\":\"A\",\"version\":1},"
				  "{\"scope\":\"pipeline/p\",\"name\":\"B\",\"version\":2}]}");
	must(ASK(world, &job, Bootstrap).code);
	assert_about_run(world, "Bootstrap", run.id, "OK");
	assert_int_equal(ASK(world, &job, Bootstrap).code, COFFER_GONE);
	assert_about_run(world, "Bootstrap", run.id, "GONE");
	rpc_session_close(&world->rpc, &job);
}

static void records_of_secrets_name_scope_name_and_version(void **state)
{
	struct world *world = *state;
	struct session op = world_session(world, SERVICE_OPERATOR);
	char wanted[160];

	must(put(world, &op, "pipeline/p", "A", "v").code);
	snprintf(wanted, sizeof(wanted),
		 "{\"op\":\"PutSecret\",\"scope\":\"pipeline/p\",\"name\":\"A\",\"version\":1,"
		 "\"run\":null,\"grant\":null,\"uid\":%u,\"gid\":%u,\"pid\":%d}",
		 op.uid, op.gid, op.pid);
	assert_last_record(world, wanted);
	must(put(world, &op, "pipeline/p", "A", "w").code);
	must(ASK(world, &op, RollbackSecret, .scope = TEXT("pipeline/p"), .name = TEXT("A"),
		 .version = 1)
		 .code);
	assert_last_record(world, "{\"op\":\"RollbackSecret\",\"name\":\"A\",\"version\":3,"
				  "\"reason\":\"from version 1\"}");
	must(ASK(world, &op, RevealSecret, .scope = TEXT("pipeline/p"), .name = TEXT("A"),
		 .version = 2)
		 .code);
	assert_last_record(world, "{\"op\":\"RevealSecret\",\"name\":\"A\",\"version\":2}");
	must(ASK(world, &op, ListVersions, .scope = TEXT("pipeline/p"), .name = TEXT("A")).code);
	assert_last_record(world, "{\"op\":\"ListVersions\",\"name\":\"A\",\"version\":null}");
	must(ASK(world, &op, ListAllSecrets, .scope = TEXT("pipeline/p")).code);
	assert_last_record(world, "{\"op\":\"ListAllSecrets\",\"scope\":\"pipeline/p\"}");
	must(ASK(world, &op, DeleteSecret, .scope = TEXT("pipeline/p"), .name = TEXT("A")).code);
	assert_last_record(world, "{\"op\":\"DeleteSecret\",\"name\":\"A\",\"version\":4,"
				  "\"reason\":null}");
	must(ASK(world, &op, DeleteSecret, .scope = TEXT("pipeline/p"), .name = TEXT("A"),
		 .purge = true)
		 .code);
	assert_last_record(world, "{\"name\":\"A\",\"version\":null,\"reason\":\"purged\"}");
	assert_int_equal(
	    ASK(world, &op, RevealSecret, .scope = TEXT("system/c"), .name = TEXT("A")).code,
	    COFFER_PERMISSION_DENIED);
	assert_last_record(world, "{\"op\":\"RevealSecret\",\"scope\":null,\"name\":null,"
				  "\"outcome\":\"PERMISSION_DENIED\"}");
	rpc_session_close(&world->rpc, &op);
}

static void records_of_runs_name_the_run(void **state)
{
	struct world *world = *state;
	struct session op = world_session(world, SERVICE_OPERATOR);
	struct world_run old = world_run(world, "p", NEVER), other = world_run(world, "q", NEVER);
	struct world_reply reply = ASK(world, &op, CreateRun, .has_meta = true,
				       .meta = { .pipeline = TEXT("p"), .ref = TEXT("main") });
	char id[COFFER_ID_LEN + 1], wanted[160];
	REPLY(CreateRun, made, reply);

	snprintf(id, sizeof(id), "%.*s", SLICE_ARG(made.run_id));
	assert_about_run(world, "CreateRun", id, "OK");
	snprintf(wanted, sizeof(wanted), "{\"reason\":\"supersedes %s\"}", old.id);
	assert_last_record(world, wanted);
	must(ASK(world, &op, ListRuns, .run_id = TEXT(id)).code);
	assert_about_run(world, "ListRuns", id, "OK");
	must(ASK(world, &op, FinishRun, .run_id = TEXT(id), .result = coffer_v1_RunState_SUCCEEDED)
		 .code);
	assert_about_run(world, "FinishRun", id, "OK");
	assert_int_equal(ASK(world, &op, FinishRun, .run_id = TEXT(id),
			     .result = coffer_v1_RunState_FAILED)
			     .code,
			 COFFER_FAILED_PRECONDITION);
	assert_about_run(world, "FinishRun", id, "FAILED_PRECONDITION");
	must(ASK(world, &op, RevokeGrant, .id = TEXT(other.id)).code);
	assert_about_run(world, "RevokeGrant", other.id, "OK");
	rpc_session_close(&world->rpc, &op);
}

/* A batch that fails has touched nothing, and its record must not say that it did. */
static void a_failed_batch_records_the_one_that_failed_alone(void **state)
{
	struct world *world = *state;
	struct session op = world_session(world, SERVICE_OPERATOR);
	struct buf body = body_begin();
	coffer_v1_PutSecretRequest request = { .scope = TEXT("global") };
	coffer_v1_SecretWrite writes[] = {
		{ .name = TEXT("A"), .value = TEXT("v") },
		{ .name = TEXT("B"), .value = TEXT("v"), .check_version = true, .if_version = 9 }
	};

	must(codec_append(&body, coffer_v1_PutSecretRequest_fields, &request));
	for (size_t i = 0; i < CASES(writes); i++)
		must(codec_append_message(&body, coffer_v1_PutSecretRequest_writes_tag,
					  coffer_v1_SecretWrite_fields, &writes[i]));
	assert_int_equal(world_ask(world, &op, "PutSecret", body_of(&body)).code, COFFER_ABORTED);
	assert_last_record(world, "{\"scope\":\"global\",\"name\":\"B\",\"version\":null,"
				  "\"secrets\":null,\"outcome\":\"ABORTED\",\"seq\":1}");
	rpc_session_close(&world->rpc, &op);
}

/* --- commits that fail ------------------------------------------------------------------------------------ */

static int write_error; /* what SQLite's writes fail with; 0: they do not */

static ssize_t faulty_pwrite(int fd, const void *data, size_t len, off_t at)
{
	errno = write_error;
	return write_error ? -1 : (ssize_t)syscall(SYS_pwrite64, fd, data, len, at);
}

static int disk_setup(void **state)
{
	static const struct world_options options = { .on_disk = true };
	sqlite3_vfs *vfs;

	if (world_setup_with(state, &options) != 0)
		return -1;
	vfs = sqlite3_vfs_find(NULL);
	vfs->xSetSystemCall(vfs, "pwrite", (sqlite3_syscall_ptr)faulty_pwrite);
	vfs->xSetSystemCall(vfs, "pwrite64", (sqlite3_syscall_ptr)faulty_pwrite);
	return 0;
}

static int disk_teardown(void **state)
{
	write_error = 0;
	return world_teardown(state);
}

#define DISK_CASE(name) cmocka_unit_test_setup_teardown(name, disk_setup, disk_teardown)

static uint64_t anchored_seq(struct world *world)
{
	struct store_anchor anchor;
	coffer_err err = store_anchor_get(world->store, &anchor);

	assert_true(err == COFFER_OK || err == COFFER_NOT_FOUND);
	return err == COFFER_OK ? anchor.seq : 0;
}

static void a_change_is_anchored_with_its_record(void **state)
{
	struct world *world = *state;
	struct session op = world_session(world, SERVICE_OPERATOR);
	struct store_anchor anchor;

	must(ASK(world, &op, ListRuns).code);
	must(put(world, &op, "global", "A", "v").code);
	must(store_anchor_get(world->store, &anchor));
	assert_int_equal(anchor.seq, 2);
	assert_memory_equal(anchor.mac, trail_head(world->trail)->mac, sizeof(anchor.mac));
	assert_true(slice_equal(anchor.line, trail_last(world->trail)));
	rpc_session_close(&world->rpc, &op);
}

static void a_commit_that_finds_no_room_leaves_neither_change_nor_success(void **state)
{
	struct world *world = *state;
	struct session op = world_session(world, SERVICE_OPERATOR),
		       job = world_session(world, SERVICE_RUNNER);
	struct world_run run = world_run(world, "p", NEVER);
	struct store_secret secret;
	struct world_reply reply;

	must(put(world, &op, "global", "A", "v").code);
	must(world_hello(world, &job, run.token));
	write_error = ENOSPC;
	reply = put(world, &op, "global", "B", "v");
	assert_int_equal(reply.code, COFFER_UNAVAILABLE);
	assert_slice(reply.message, "the disk is full; nothing was changed");
	assert_last_record(world, "{\"op\":\"PutSecret\",\"name\":\"B\",\"outcome\":"
				  "\"UNAVAILABLE\",\"seq\":3}");
	assert_int_equal(ASK(world, &op, RevokeGrant, .id = TEXT(run.id)).code, COFFER_UNAVAILABLE);
	assert_about_run(world, "RevokeGrant", run.id, "UNAVAILABLE");
	write_error = 0;
	/* Nothing has happened: not to the store, not to the open connection. */
	assert_false(world->rpc.fatal);
	assert_int_equal(world->core.revision, 2);
	assert_int_equal(anchored_seq(world), 1);
	assert_int_equal(store_secret_latest(world->store, TEXT("global"), TEXT("B"), &secret),
			 COFFER_NOT_FOUND);
	must(ASK(world, &job, GetSecret, .name = TEXT("A")).code);
	must(put(world, &op, "global", "B", "v").code);
	assert_last_record(world, "{\"outcome\":\"OK\",\"version\":1,\"seq\":6}");
	rpc_session_close(&world->rpc, &job);
	rpc_session_close(&world->rpc, &op);
}

/* Whether such a commit is on disk is not known: another record of its number in the log would make the
 * next start find the log in contradiction to the anchor. */
static void a_commit_of_unknown_fate_leaves_no_record_and_stops_the_daemon(void **state)
{
	struct world *world = *state;
	struct session op = world_session(world, SERVICE_OPERATOR);
	uint64_t seq;

	must(put(world, &op, "global", "A", "v").code);
	seq = trail_head(world->trail)->seq;
	write_error = EIO;
	assert_int_equal(put(world, &op, "global", "B", "v").code, COFFER_INTERNAL);
	assert_true(world->rpc.fatal);
	assert_int_equal(trail_head(world->trail)->seq, seq);
	must(trail_flush(world->trail));
	assert_null(record_at(world, seq + 1));
	assert_int_equal(world->core.revision, 2);
	rpc_session_close(&world->rpc, &op);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(records_of_reading_name_the_secret_and_the_run),
		CASE(records_of_secrets_name_scope_name_and_version),
		CASE(records_of_runs_name_the_run),
		CASE(a_failed_batch_records_the_one_that_failed_alone),
		CASE(a_change_is_anchored_with_its_record),
		DISK_CASE(a_commit_that_finds_no_room_leaves_neither_change_nor_success),
		DISK_CASE(a_commit_of_unknown_fate_leaves_no_record_and_stops_the_daemon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
