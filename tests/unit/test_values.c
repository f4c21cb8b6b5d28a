/* Sources, notes and expiries as callers see them: what fails by which name, and who is told what. */
#include "rpc/values.h"

#include "world_test.h"

#define MISSING     "/nonexistent/coffer/source"
#define LATER       (clock_wall_ms() + 3600000)
#define NOT_FOUND_A "{\"name\":\"A\",\"outcome\":\"NOT_FOUND\",\"reason\":\"expired\"}"

static struct world_reply put_as(struct world *world, uint32_t uid, const char *scope,
				 const coffer_v1_SecretWrite *write)
{
	struct session op = world_session(world, SERVICE_OPERATOR);
	coffer_v1_PutSecretRequest request = { .scope = TEXT(scope) };
	struct buf body = body_begin();
	struct world_reply reply;

	op.uid = uid;
	must(codec_append(&body, coffer_v1_PutSecretRequest_fields, &request));
	must(codec_append_message(&body, coffer_v1_PutSecretRequest_writes_tag,
				  coffer_v1_SecretWrite_fields, write));
	reply = world_ask(world, &op, "PutSecret", body_of(&body));
	rpc_session_close(&world->rpc, &op);
	return reply;
}

static struct world_reply put_write(struct world *world, const char *scope,
				    const coffer_v1_SecretWrite *write)
{
	return put_as(world, (uint32_t)geteuid(), scope, write);
}

#define PUT(world, scope, ...) \
	must(put_write(world, scope, &(coffer_v1_SecretWrite){ __VA_ARGS__ }).code)

static struct session job_of(struct world *world)
{
	struct session job = world_session(world, SERVICE_RUNNER);
	struct world_run run = world_run(world, "p", NEVER);

	must(world_hello(world, &job, run.token));
	return job;
}

/* The row of A in that scope as if it had been written long ago, so that it has expired by now. */
static void put_expired(struct world *world, const char *scope)
{
	struct secrets_target target = { .scope = TEXT(scope), .name = TEXT("A"), .now_ms = 1 };
	struct secrets_content content = { .value = TEXT("old"), .expires_ms = 2 };
	uint32_t version;

	must(core_begin(&world->core));
	must(secrets_put(&world->core, &target, &content, &version));
	must(core_commit(&world->core));
}

/* C8, C3: the next scope would have it. */
static void a_source_that_fails_does_not_fall_through(void **state)
{
	struct world *world = *state;
	struct session job = job_of(world), op = world_session(world, SERVICE_OPERATOR);
	struct world_reply reply;

	PUT(world, "global", .name = TEXT("A"), .value = TEXT("of all"));
	PUT(world, "pipeline/p", .name = TEXT("A"), .source = TEXT("file:" MISSING));
	reply = ASK(world, &job, GetSecret, .name = TEXT("A"));
	assert_int_equal(reply.code, COFFER_FAILED_PRECONDITION);
	assert_slice(reply.message,
		     "the source of secret 'A' cannot be read: No such file or directory");
	assert_last_record(world, "{\"scope\":\"pipeline/p\",\"name\":\"A\",\"version\":1,"
				  "\"reason\":\"source: No such file or directory: " MISSING "\"}");
	reply = ASK(world, &op, RevealSecret, .scope = TEXT("pipeline/p"), .name = TEXT("A"));
	assert_int_equal(reply.code, COFFER_FAILED_PRECONDITION);
	assert_slice(reply.message, "the source of secret 'A' cannot be read: " MISSING
				    ": No such file or directory");
	rpc_session_close(&world->rpc, &job);
	rpc_session_close(&world->rpc, &op);
}

static void one_source_that_fails_fails_a_batch_and_an_environment(void **state)
{
	struct world *world = *state;
	struct session job = job_of(world);
	struct buf body = body_begin();
	struct world_reply reply;

	PUT(world, "global", .name = TEXT("A"), .value = TEXT("sup3r-secret"));
	PUT(world, "global", .name = TEXT("B"), .source = TEXT("file:" MISSING));
	must(codec_append_bytes(&body, coffer_v1_GetSecretsRequest_names_tag, TEXT("A")));
	must(codec_append_bytes(&body, coffer_v1_GetSecretsRequest_names_tag, TEXT("B")));
	for (int all = 0; all < 2; all++) {
		reply = all ? ASK(world, &job, GetEnvironment, .after = SLICE_EMPTY)
			    : world_ask(world, &job, "GetSecrets", body_of(&body));
		assert_int_equal(reply.code, COFFER_FAILED_PRECONDITION);
		assert_non_null(memmem(reply.message.data, reply.message.len, "'B'", 3));
		assert_null(memmem(world->reply.data, world->reply.cap, "sup3r", 5));
		assert_last_record(world, "{\"name\":\"B\",\"outcome\":\"FAILED_PRECONDITION\","
					  "\"secrets\":null}");
	}
	rpc_session_close(&world->rpc, &job);
}

static void a_source_too_large_is_no_end_of_a_page(void **state)
{
	struct world *world = *state;
	struct session job = job_of(world);
	static uint8_t value[COFFER_FRAME_OVERHEAD];
	struct world_reply reply;
	char path[96], source[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/large", world->folder);
	snprintf(source, sizeof(source), "file:%s", path);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(ftruncate(fileno(file), COFFER_VALUE_MAX_DEFAULT + 1), 0);
	assert_int_equal(fclose(file), 0);
	PUT(world, "global", .name = TEXT("A"), .value = { value, sizeof(value) });
	PUT(world, "global", .name = TEXT("B"), .source = TEXT(source));
	reply = ASK(world, &job, GetEnvironment, .after = SLICE_EMPTY);
	assert_int_equal(reply.code, COFFER_FAILED_PRECONDITION);
	assert_int_equal(truncate(path, COFFER_VALUE_MAX_DEFAULT), 0);
	reply = ASK(world, &job, GetEnvironment, .after = SLICE_EMPTY);
	must(reply.code);
	assert_int_equal(count_of(reply.body, coffer_v1_GetEnvironmentResponse_secrets_tag), 1);
	rpc_session_close(&world->rpc, &job);
}

static void the_record_of_a_refused_read_says_expired(void **state)
{
	struct world *world = *state;
	struct session job = job_of(world), op = world_session(world, SERVICE_OPERATOR);
	struct buf body = body_begin();

	put_expired(world, "global");
	must(codec_append_bytes(&body, coffer_v1_GetSecretsRequest_names_tag, TEXT("A")));
	for (int swept = 0; swept < 2; swept++) {
		struct world_reply reply = ASK(world, &job, GetSecret, .name = TEXT("A"));
		assert_int_equal(reply.code, COFFER_NOT_FOUND);
		assert_slice(reply.message, "unknown secret 'A'");
		assert_last_record(world, NOT_FOUND_A);
		reply = world_ask(world, &job, "GetSecrets", body_of(&body));
		assert_int_equal(reply.code, COFFER_NOT_FOUND);
		assert_last_record(world, NOT_FOUND_A);
		reply = ASK(world, &op, RevealSecret, .scope = TEXT("global"), .name = TEXT("A"));
		assert_int_equal(reply.code, COFFER_NOT_FOUND);
		assert_last_record(world, NOT_FOUND_A);
		assert_true(rpc_housekeeping(&world->rpc) > 0);
	}
	assert_int_equal(ASK(world, &job, GetSecret, .name = TEXT("B")).code, COFFER_NOT_FOUND);
	assert_last_record(world, "{\"name\":\"B\",\"reason\":null}");
	rpc_session_close(&world->rpc, &job);
	rpc_session_close(&world->rpc, &op);
}

static coffer_v1_SecretInfo only_info(struct slice body, uint32_t tag)
{
	coffer_v1_SecretInfo info;
	struct slice element;

	assert_int_equal(count_of(body, tag), 1);
	assert_true(codec_next(&body, tag, &element));
	must(codec_decode(element, coffer_v1_SecretInfo_fields, &info, sizeof(info)));
	return info;
}

static void notes_and_sources_are_told_to_operators_alone(void **state)
{
	struct world *world = *state;
	struct session job = job_of(world), op = world_session(world, SERVICE_OPERATOR);
	int64_t later = LATER;
	struct world_reply reply;
	coffer_v1_SecretInfo info;

	PUT(world, "global", .name = TEXT("A"), .source = TEXT("file:" MISSING), .set_note = true,
	    .note = TEXT("what for"), .expires_at_ms = later);
	reply = ASK(world, &job, ListSecrets, .after = SLICE_EMPTY);
	must(reply.code);
	info = only_info(reply.body, coffer_v1_ListSecretsResponse_secrets_tag);
	assert_int_equal(info.expires_at_ms, later);
	assert_int_equal(info.note.len + info.source.len, 0);
	for (int versions = 0; versions < 2; versions++) {
		reply = versions ? ASK(world, &op, ListVersions, .scope = TEXT("global"),
				       .name = TEXT("A"))
				 : ASK(world, &op, ListAllSecrets, .scope = SLICE_EMPTY);
		must(reply.code);
		info = only_info(reply.body, 1);
		assert_int_equal(info.expires_at_ms, later);
		assert_slice(info.note, "what for");
		assert_slice(info.source, "file:" MISSING);
	}
	rpc_session_close(&world->rpc, &job);
	rpc_session_close(&world->rpc, &op);
}

static void an_expired_secret_is_in_no_list(void **state)
{
	struct world *world = *state;
	struct session job = job_of(world), op = world_session(world, SERVICE_OPERATOR);
	struct world_reply reply;

	put_expired(world, "global");
	reply = ASK(world, &job, ListSecrets, .after = SLICE_EMPTY);
	assert_int_equal(count_of(reply.body, coffer_v1_ListSecretsResponse_secrets_tag), 0);
	reply = ASK(world, &op, ListAllSecrets, .scope = SLICE_EMPTY);
	assert_int_equal(count_of(reply.body, coffer_v1_ListAllSecretsResponse_secrets_tag), 0);
	reply = ASK(world, &op, ListVersions, .scope = TEXT("global"), .name = TEXT("A"));
	assert_true(only_info(reply.body, coffer_v1_ListVersionsResponse_versions_tag).deleted);
	rpc_session_close(&world->rpc, &job);
	rpc_session_close(&world->rpc, &op);
}

/* A hundred versions with long notes were once more than a frame holds. */
static void a_long_history_comes_in_pages(void **state)
{
	static char note[COFFER_TEXT_MAX + 1];
	struct world *world = *state;
	struct session op = world_session(world, SERVICE_OPERATOR);
	uint32_t want = 100, pages = 0;
	coffer_v1_ListVersionsResponse page = { .more = true };

	world->core.versions_kept = 100;
	memset(note, 'n', COFFER_TEXT_MAX);
	for (uint32_t i = 0; i < 100; i++)
		PUT(world, "global", .name = TEXT("A"), .set_note = true, .note = TEXT(note));
	for (uint32_t before = 0; page.more; pages++) {
		struct world_reply reply = ASK(world, &op, ListVersions, .scope = TEXT("global"),
					       .name = TEXT("A"), .before_version = before);
		struct slice rest = reply.body, element;
		must(reply.code);
		must(
		    codec_decode(rest, coffer_v1_ListVersionsResponse_fields, &page, sizeof(page)));
		while (codec_next(&rest, coffer_v1_ListVersionsResponse_versions_tag, &element)) {
			coffer_v1_SecretInfo info;
			must(codec_decode(element, coffer_v1_SecretInfo_fields, &info,
					  sizeof(info)));
			assert_int_equal(info.version, want--);
			before = info.version;
		}
	}
	assert_int_equal(want, 0);
	assert_int_equal(pages, 2);
	rpc_session_close(&world->rpc, &op);
}

static void what_a_write_may_not_hold_is_named(void **state)
{
	static uint8_t note[COFFER_TEXT_MAX + 1];
	const struct {
		coffer_v1_SecretWrite write;
		const char *want;
	} cases[] = {
		{ { .expires_at_ms = 1 }, "the expiry of secret 'A' has passed" },
		{ { .expires_at_ms = -1 }, "the expiry of secret 'A' has passed" },
		{ { .expires_at_ms = clock_wall_ms() - 1 }, "the expiry of secret 'A' has passed" },
		{ { .set_note = true, .note = { note, sizeof(note) } }, "the note " },
		{ { .set_note = true, .note = TEXT("a\nb") }, "the note " },
		{ { .set_note = true, .note = TEXT("\xff") }, "the note " },
		{ { .source = TEXT("file:/a"), .value = TEXT("sup3r-secret") },
		  "secret 'A' is given both a value and a source" },
		{ { .source = TEXT("sup3r-secret") },
		  "the source of secret 'A' is not file: and an absolute path" },
	};
	struct world *world = *state;

	memset(note, 'n', sizeof(note));
	for (size_t i = 0; i < CASES(cases); i++) {
		coffer_v1_SecretWrite write = cases[i].write;
		struct world_reply reply;
		write.name = TEXT("A");
		reply = put_write(world, "global", &write);
		assert_int_equal(reply.code, COFFER_INVALID_ARGUMENT);
		assert_true(reply.message.len >= strlen(cases[i].want));
		assert_memory_equal(reply.message.data, cases[i].want, strlen(cases[i].want));
		assert_null(memmem(reply.message.data, reply.message.len, "sup3r", 5));
	}
	assert_int_equal(world->core.revision, 1);
}

/* Else a member of the group could read the daemon's key through it. */
static void without_folders_only_who_may_read_any_file_sets_sources(void **state)
{
	static const coffer_v1_SecretWrite write = { .name = SLICE_LITERAL("A"),
						     .source = SLICE_LITERAL("file:/run/x/a") };
	struct world *world = *state;

	world->rpc.operators.own_uid = 4711;
	assert_int_equal(put_as(world, 4712, "global", &write).code, COFFER_PERMISSION_DENIED);
	must(put_as(world, 4711, "global", &write).code);
	must(put_as(world, 0, "global", &write).code);
	world->core.source_dirs = "/run/x";
	must(put_as(world, 4712, "global", &write).code);
	world->core.source_dirs = "/run/y";
	assert_int_equal(put_as(world, 4712, "global", &write).code, COFFER_INVALID_ARGUMENT);
}

static void the_end_of_several_is_one_record_of_the_daemons(void **state)
{
	struct world *world = *state;
	int64_t next_ms;

	put_expired(world, "global");
	put_expired(world, "pipeline/p");
	PUT(world, "global", .name = TEXT("B"), .value = TEXT("v"),
	    .expires_at_ms = clock_wall_ms() + 3000);
	next_ms = rpc_housekeeping(&world->rpc);
	assert_true(next_ms > 0 && next_ms <= 3000);
	assert_last_record(world,
			   "{\"op\":\"ExpireSecrets\",\"outcome\":\"OK\",\"seq\":2,\"secrets\":["
			   "{\"scope\":\"global\",\"name\":\"A\",\"version\":2},"
			   "{\"scope\":\"pipeline/p\",\"name\":\"A\",\"version\":2}]}");
	(void)rpc_housekeeping(&world->rpc);
	assert_int_equal(trail_head(world->trail)->seq, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_source_that_fails_does_not_fall_through),
		CASE(one_source_that_fails_fails_a_batch_and_an_environment),
		CASE(a_source_too_large_is_no_end_of_a_page),
		CASE(the_record_of_a_refused_read_says_expired),
		CASE(notes_and_sources_are_told_to_operators_alone),
		CASE(an_expired_secret_is_in_no_list),
		CASE(a_long_history_comes_in_pages),
		CASE(what_a_write_may_not_hold_is_named),
		CASE(without_folders_only_who_may_read_any_file_sets_sources),
		CASE(the_end_of_several_is_one_record_of_the_daemons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
