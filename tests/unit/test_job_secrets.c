/* Reading secrets: pages, batches, globs, and values of every kind. */
#include "rpc/methods.h"

#include "world_test.h"

#define MANY 1000

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/* Names of the greatest length, in order. */
static void make_name(size_t i, char out[COFFER_NAME_MAX + 1])
{
	memset(out, 'N', COFFER_NAME_MAX);
	snprintf(out + COFFER_NAME_MAX - 6, 7, "%06zu", i);
}

static struct session job_of(struct world *world, const char *pipeline)
{
	struct session job = world_session(world, SERVICE_RUNNER);
	struct world_run run = world_run(world, pipeline, NEVER);

	must(world_hello(world, &job, run.token));
	return job;
}

static void put_many(struct world *world, const char *scope, size_t count, struct slice value)
{
	char name[COFFER_NAME_MAX + 1];

	for (size_t i = 0; i < count; i++) {
		make_name(i, name);
		world_put(world, scope, name, value);
	}
}

/* Walks over the pages of a listing (values: of the environment) and checks that each name comes once, in
 * order; returns how many pages there were. */
static size_t walk(struct world *world, struct session *job, bool values, size_t count,
		   size_t value_len)
{
	char name[COFFER_NAME_MAX + 1], after[COFFER_NAME_MAX + 1] = "";
	size_t i = 0, pages = 0;
	struct slice rest, element, next;

	do {
		struct world_reply reply =
		    values ? ASK(world, job, GetEnvironment, .after = TEXT(after))
			   : ASK(world, job, ListSecrets, .after = TEXT(after));
		coffer_v1_GetEnvironmentResponse page; /* both have the same fields 1 and 2 */
		assert_int_equal(reply.code, COFFER_OK);
		must(codec_decode(reply.body, coffer_v1_GetEnvironmentResponse_fields, &page,
				  sizeof(page)));
		next = page.next;
		rest = reply.body;
		pages++;
		while (codec_next(&rest, 1, &element)) {
			make_name(i++, name);
			if (values) {
				coffer_v1_Secret secret;
				must(codec_decode(element, coffer_v1_Secret_fields, &secret,
						  sizeof(secret)));
				assert_slice(secret.name, name);
				assert_int_equal(secret.value.len, value_len);
			} else {
				coffer_v1_SecretInfo info;
				must(codec_decode(element, coffer_v1_SecretInfo_fields, &info,
						  sizeof(info)));
				assert_slice(info.name, name);
			}
		}
		snprintf(after, sizeof(after), "%.*s", SLICE_ARG(next));
		assert_true(next.len == 0 || strcmp(after, name) == 0);
	} while (next.len > 0);
	assert_int_equal(i, count);
	return pages;
}

/* C4: and a record names no more than RECORD_SECRETS_MAX. */
static void a_thousand_names_of_the_greatest_length_come_in_pages(void **state)
{
	struct world *world = *state;
	struct session job = job_of(world, "p");

	put_many(world, "global", MANY, TEXT("v"));
	put_many(world, "pipeline/other", 3, TEXT("v"));
	assert_int_equal(walk(world, &job, false, MANY, 1),
			 (MANY + RECORD_SECRETS_MAX - 1) / RECORD_SECRETS_MAX);
	assert_int_equal(walk(world, &job, true, MANY, 1),
			 (MANY + RECORD_SECRETS_MAX - 1) / RECORD_SECRETS_MAX);
	rpc_session_close(&world->rpc, &job);
}

static void a_full_page_of_exactly_one_record_is_the_last(void **state)
{
	struct world *world = *state;
	struct session job = job_of(world, "p");

	assert_int_equal(walk(world, &job, true, 0, 0), 1);
	put_many(world, "global", RECORD_SECRETS_MAX, TEXT("v"));
	assert_int_equal(walk(world, &job, true, RECORD_SECRETS_MAX, 1), 1);
	assert_int_equal(walk(world, &job, false, RECORD_SECRETS_MAX, 1), 1);
	rpc_session_close(&world->rpc, &job);
}

/* C5: several values to a page, then one, up to the greatest that there can be. */
static void an_environment_larger_than_a_frame_comes_in_pages(void **state)
{
	static const size_t lens[] = { 20000, 40000, COFFER_VALUE_MAX_DEFAULT };
	static const size_t pages[] = { 3, 7, 7 };
	struct world *world = *state;
	struct session job = job_of(world, "p");
	uint8_t *value = calloc(1, COFFER_VALUE_MAX_DEFAULT);

	assert_non_null(value);
	for (size_t i = 0; i < CASES(lens); i++) {
		put_many(world, "global", 7, (struct slice){ value, lens[i] });
		assert_int_equal(walk(world, &job, true, 7, lens[i]), pages[i]);
	}
	free(value);
	rpc_session_close(&world->rpc, &job);
}

static void a_page_records_what_it_holds_and_no_more(void **state)
{
	struct world *world = *state;
	struct session job = job_of(world, "p");
	uint8_t *value = calloc(1, 40000);
	json_t *record;

	assert_non_null(value);
	put_many(world, "global", 2, (struct slice){ value, 40000 });
	must(ASK(world, &job, GetEnvironment).code);
	record = record_at(world, trail_head(world->trail)->seq);
	assert_int_equal(json_array_size(json_object_get(record, "secrets")), 1);
	json_decref(record);
	free(value);
	rpc_session_close(&world->rpc, &job);
}

static void ask_names(struct world *world, struct session *job, size_t from, size_t to,
		      struct world_reply *reply)
{
	struct buf body = body_begin();
	char name[COFFER_NAME_MAX + 1];

	for (size_t i = from; i < to; i++) {
		make_name(i, name);
		must(codec_append_bytes(&body, coffer_v1_GetSecretsRequest_names_tag, TEXT(name)));
	}
	*reply = world_ask(world, job, "GetSecrets", body_of(&body));
}

static void a_batch_larger_than_a_frame_is_asked_for_again(void **state)
{
	struct world *world = *state;
	struct session job = job_of(world, "p");
	uint8_t *value = calloc(1, 30000);
	size_t got = 0, asked = 0;
	struct world_reply reply;

	assert_non_null(value);
	put_many(world, "global", 5, (struct slice){ value, 30000 });
	while (got < 5) {
		size_t n;
		ask_names(world, &job, got, 5, &reply);
		REPLY(GetSecrets, page, reply);
		n = count_of(reply.body, coffer_v1_GetSecretsResponse_secrets_tag);
		assert_true(n > 0);
		got += n;
		asked++;
		assert_int_equal(page.more, got < 5);
	}
	assert_int_equal(asked, 3);
	free(value);
	rpc_session_close(&world->rpc, &job);
}

/* C4: all of them, or an error that names every missing one, in the longest message there is. */
static void a_batch_names_every_missing_secret(void **state)
{
	struct world *world = *state;
	struct session job = job_of(world, "p");
	struct world_reply reply;
	char name[COFFER_NAME_MAX + 1];

	ask_names(world, &job, 0, COFFER_BATCH_MAX, &reply);
	assert_int_equal(reply.code, COFFER_NOT_FOUND);
	for (size_t i = 0; i < COFFER_BATCH_MAX; i++) {
		make_name(i, name);
		assert_non_null(
		    memmem(reply.message.data, reply.message.len, name, COFFER_NAME_MAX));
	}
	ask_names(world, &job, 0, COFFER_BATCH_MAX + 1, &reply);
	assert_int_equal(reply.code, COFFER_INVALID_ARGUMENT);
	assert_int_equal(world_ask(world, &job, "GetSecrets", SLICE_EMPTY).code,
			 COFFER_INVALID_ARGUMENT);
	put_many(world, "global", 1, TEXT("v"));
	ask_names(world, &job, 0, 2, &reply);
	make_name(1, name);
	assert_int_equal(reply.code, COFFER_NOT_FOUND);
	assert_memory_equal(reply.message.data, "unknown secret '", 16);
	assert_memory_equal(reply.message.data + 16, name, COFFER_NAME_MAX);
	rpc_session_close(&world->rpc, &job);
}

static void a_value_comes_back_byte_for_byte(void **state)
{
	static const size_t lens[] = { 0, 1, 127, 128, 16383, 16384, COFFER_VALUE_MAX_DEFAULT };
	struct world *world = *state;
	struct session job = job_of(world, "p");
	uint8_t *value = malloc(COFFER_VALUE_MAX_DEFAULT);

	assert_non_null(value);
	for (size_t i = 0; i < COFFER_VALUE_MAX_DEFAULT; i++)
		value[i] = (uint8_t)(i * 7);
	for (size_t i = 0; i < CASES(lens); i++) {
		struct world_reply reply;
		world_put(world, "pipeline/p", "A", (struct slice){ value, lens[i] });
		reply = ASK(world, &job, GetSecret, .name = TEXT("A"));
		REPLY(GetSecret, got, reply);
		assert_int_equal(got.version, i + 1);
		assert_slice(got.scope, "pipeline/p");
		assert_int_equal(got.value.len, lens[i]);
		if (lens[i] > 0)
			assert_memory_equal(got.value.data, value, lens[i]);
	}
	free(value);
	rpc_session_close(&world->rpc, &job);
}

/* A1 */
static void globs_hide_names_from_every_method(void **state)
{
	struct world *world = *state;
	struct session op = world_session(world, SERVICE_OPERATOR),
		       job = world_session(world, SERVICE_RUNNER);
	struct buf body = body_begin();
	coffer_v1_CreateRunRequest create = { .has_meta = true,
					      .meta = { .pipeline = TEXT("p"), .ref = TEXT("r") } };
	char token[COFFER_TOKEN_LEN + 1];
	struct world_reply reply;

	for (const char *letter = letters; *letter != '\0'; letter++)
		world_put(world, "global", (char[]){ *letter, '\0' }, TEXT("v"));
	must(codec_append(&body, coffer_v1_CreateRunRequest_fields, &create));
	must(codec_append_bytes(&body, coffer_v1_CreateRunRequest_allow_tag, TEXT("B*")));
	must(codec_append_bytes(&body, coffer_v1_CreateRunRequest_allow_tag, TEXT("X")));
	reply = world_ask(world, &op, "CreateRun", body_of(&body));
	REPLY(CreateRun, made, reply);
	snprintf(token, sizeof(token), "%.*s", SLICE_ARG(made.token));
	must(world_hello(world, &job, token));
	reply = ASK(world, &job, ListSecrets);
	assert_int_equal(count_of(reply.body, 1), 2);
	reply = ASK(world, &job, GetEnvironment);
	assert_int_equal(count_of(reply.body, 1), 2);
	must(ASK(world, &job, GetSecret, .name = TEXT("X")).code);
	/* Neither tells whether the other name exists. */
	assert_int_equal(ASK(world, &job, GetSecret, .name = TEXT("A")).code,
			 COFFER_PERMISSION_DENIED);
	assert_int_equal(ASK(world, &job, GetSecret, .name = TEXT("AA")).code,
			 COFFER_PERMISSION_DENIED);
	rpc_session_close(&world->rpc, &job);
	rpc_session_close(&world->rpc, &op);
}

static void a_cursor_need_not_be_a_name_but_must_be_as_short_as_one(void **state)
{
	struct world *world = *state;
	struct session job = job_of(world, "p");
	char longer[COFFER_NAME_MAX + 2];

	memset(longer, 'A', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(ASK(world, &job, ListSecrets, .after = TEXT(longer)).code,
			 COFFER_INVALID_ARGUMENT);
	must(ASK(world, &job, ListSecrets, .after = TEXT("\x01\xff")).code);
	rpc_session_close(&world->rpc, &job);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_thousand_names_of_the_greatest_length_come_in_pages),
		CASE(a_full_page_of_exactly_one_record_is_the_last),
		CASE(an_environment_larger_than_a_frame_comes_in_pages),
		CASE(a_page_records_what_it_holds_and_no_more),
		CASE(a_batch_larger_than_a_frame_is_asked_for_again),
		CASE(a_batch_names_every_missing_secret),
		CASE(a_value_comes_back_byte_for_byte),
		CASE(globs_hide_names_from_every_method),
		CASE(a_cursor_need_not_be_a_name_but_must_be_as_short_as_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
