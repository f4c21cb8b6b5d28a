/* Several secrets in one request: all or none. */
#include "rpc/writes.h"

#include "world_test.h"

static struct world_reply put_all(struct world *world, struct session *op,
				  const coffer_v1_SecretWrite *writes, size_t count)
{
	struct buf body = body_begin();
	coffer_v1_PutSecretRequest request = { .scope = TEXT("global") };

	must(codec_append(&body, coffer_v1_PutSecretRequest_fields, &request));
	for (size_t i = 0; i < count; i++)
		must(codec_append_message(&body, coffer_v1_PutSecretRequest_writes_tag,
					  coffer_v1_SecretWrite_fields, &writes[i]));
	return world_ask(world, op, "PutSecret", body_of(&body));
}

/* E5 */
static void a_batch_is_written_as_a_whole_or_not_at_all(void **state)
{
	static uint8_t large[COFFER_VALUE_MAX_DEFAULT + 1];
	const struct {
		coffer_v1_SecretWrite last;
		coffer_err want;
	} cases[] = {
		{ { .name = TEXT("B"), .value = { large, sizeof(large) } },
		  COFFER_RESOURCE_EXHAUSTED },
		{ { .name = TEXT("B"), .check_version = true, .if_version = 1 }, COFFER_ABORTED },
		{ { .name = TEXT("=") }, COFFER_INVALID_ARGUMENT },
		{ { .name = TEXT("B") }, COFFER_OK },
	};
	struct world *world = *state;
	struct session op = world_session(world, SERVICE_OPERATOR);
	struct store_secret row;

	for (size_t i = 0; i < CASES(cases); i++) {
		coffer_v1_SecretWrite writes[] = { { .name = TEXT("A"), .value = TEXT("v") },
						   cases[i].last };
		assert_int_equal(put_all(world, &op, writes, 2).code, cases[i].want);
		assert_int_equal(store_secret_latest(world->store, TEXT("global"), TEXT("A"), &row),
				 cases[i].want == COFFER_OK ? COFFER_OK : COFFER_NOT_FOUND);
		assert_int_equal(world->core.revision, cases[i].want == COFFER_OK ? 2 : 1);
	}
	rpc_session_close(&world->rpc, &op);
}

static void the_reply_tells_each_version_in_the_order_of_the_request(void **state)
{
	static const char *const names[] = { "B", "A", "B" };
	static const uint32_t versions[] = { 1, 1, 2 };
	struct world *world = *state;
	struct session op = world_session(world, SERVICE_OPERATOR);
	coffer_v1_SecretWrite writes[3] = { { .name = TEXT("B") },
					    { .name = TEXT("A") },
					    { .name = TEXT("B") } };
	struct world_reply reply = put_all(world, &op, writes, 3);
	struct slice rest = reply.body, element;

	assert_int_equal(reply.code, COFFER_OK);
	for (size_t i = 0; i < 3; i++) {
		coffer_v1_SecretInfo info;
		assert_true(codec_next(&rest, coffer_v1_PutSecretResponse_secrets_tag, &element));
		must(codec_decode(element, coffer_v1_SecretInfo_fields, &info, sizeof(info)));
		assert_slice(info.name, names[i]);
		assert_int_equal(info.version, versions[i]);
	}
	rpc_session_close(&world->rpc, &op);
}

static void a_batch_has_a_greatest_length(void **state)
{
	static char names[COFFER_BATCH_MAX + 1][4];
	coffer_v1_SecretWrite writes[COFFER_BATCH_MAX + 1] = { { .if_version = 0 } };
	struct world *world = *state;
	struct session op = world_session(world, SERVICE_OPERATOR);

	for (size_t i = 0; i <= COFFER_BATCH_MAX; i++) {
		snprintf(names[i], sizeof(names[i]), "N%02u", (unsigned)i);
		writes[i].name = TEXT(names[i]);
	}
	assert_int_equal(put_all(world, &op, writes, COFFER_BATCH_MAX + 1).code,
			 COFFER_INVALID_ARGUMENT);
	must(put_all(world, &op, writes, COFFER_BATCH_MAX).code);
	rpc_session_close(&world->rpc, &op);
}

/* A value in the place of a message would be decoded as one: its bytes must not come back. */
static void a_malformed_write_is_not_repeated(void **state)
{
	struct world *world = *state;
	struct session op = world_session(world, SERVICE_OPERATOR);
	struct buf body = body_begin();
	coffer_v1_PutSecretRequest request = { .scope = TEXT("global") };
	struct world_reply reply;

	must(codec_append(&body, coffer_v1_PutSecretRequest_fields, &request));
	must(
	    codec_append_bytes(&body, coffer_v1_PutSecretRequest_writes_tag, TEXT("sup3r-secret")));
	reply = world_ask(world, &op, "PutSecret", body_of(&body));
	assert_int_equal(reply.code, COFFER_INVALID_ARGUMENT);
	assert_null(memmem(reply.message.data, reply.message.len, "sup3r", 5));
	rpc_session_close(&world->rpc, &op);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_batch_is_written_as_a_whole_or_not_at_all),
		CASE(the_reply_tells_each_version_in_the_order_of_the_request),
		CASE(a_batch_has_a_greatest_length),
		CASE(a_malformed_write_is_not_repeated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
