/* Goal of this test: against a daemon that behaves, every call of a session hands out what was sent. */
#include "fake.h"
#include "support.h"

static const uint8_t binary[] = { 0, 1, 0xff, '\n', 0 };

static void answer_secret(struct fake_conn *conn, struct slice name)
{
	if (slice_equal(name, SLICE_LITERAL("BINARY")))
		fake_answer_secret(conn, (struct slice){ binary, sizeof(binary) });
	else if (slice_equal(name, SLICE_LITERAL("EMPTY")))
		fake_answer_secret(conn, SLICE_EMPTY);
	else if (slice_equal(name, SLICE_LITERAL("LARGE")))
		fake_answer_secret(conn, (struct slice){ conn->in, 65536 });
	else
		fake_refuse(conn, conn->id, COFFER_NOT_FOUND, "unknown secret 'X'");
}

static void serve_secrets(struct fake_conn *conn)
{
	fake_serve_secrets(conn, answer_secret);
}

static void hello_tells_run_expiry_and_scopes(void **state)
{
	struct fake fake = fake_start(serve_secrets, 0);
	struct coffer_session *session = fake_open(&fake);

	(void)state;
	assert_string_equal(coffer_run_id(session), FAKE_RUN_ID);
	assert_int_equal(coffer_expires_at_ms(session), 1234567890123);
	assert_string_equal(coffer_scope(session, 0), "pipeline/app");
	assert_string_equal(coffer_scope(session, 1), "global");
	assert_null(coffer_scope(session, 2));
	assert_string_equal(coffer_message(session), "");
	coffer_close(session);
	fake_stop(&fake);
}

static void a_value_comes_whole_whatever_its_bytes(void **state)
{
	struct fake fake = fake_start(serve_secrets, 0);
	struct coffer_session *session = fake_open(&fake);
	struct coffer_value value;

	(void)state;
	assert_int_equal(coffer_get(session, "BINARY", &value), COFFER_OK);
	assert_int_equal(value.len, sizeof(binary));
	assert_memory_equal(value.data, binary, sizeof(binary));
	assert_int_equal(value.data[value.len], 0);
	assert_int_equal(value.version, 7);
	assert_string_equal(value.scope, "global");
	coffer_value_free(&value);
	assert_null(value.data);
	assert_int_equal(coffer_get(session, "EMPTY", &value), COFFER_OK);
	assert_non_null(value.data);
	assert_int_equal(value.len, 0);
	coffer_value_free(&value);
	assert_int_equal(coffer_get(session, "LARGE", &value), COFFER_OK);
	assert_int_equal(value.len, 65536);
	coffer_value_free(&value);
	assert_int_equal(fake.seen->connections, 1);
	coffer_close(session);
	fake_stop(&fake);
}

static void the_daemons_refusal_is_told_and_the_session_goes_on(void **state)
{
	struct fake fake = fake_start(serve_secrets, 0);
	struct coffer_session *session = fake_open(&fake);
	struct coffer_value value;

	(void)state;
	assert_int_equal(coffer_get(session, "X", &value), COFFER_NOT_FOUND);
	assert_string_equal(coffer_message(session), "unknown secret 'X'");
	assert_null(value.data);
	assert_int_equal(coffer_get(session, "EMPTY", &value), COFFER_OK);
	assert_string_equal(coffer_message(session), "");
	coffer_value_free(&value);
	assert_int_equal(fake.seen->connections, 1);
	coffer_close(session);
	fake_stop(&fake);
}

/* Two names a page, so that five need three pages. */
static void serve_batches(struct fake_conn *conn)
{
	static const char *const names[] = { "A", "B", "C", "D", "E" };

	fake_greet(conn);
	while (fake_read(conn)) {
		struct slice rest = conn->body, name;
		coffer_v1_GetSecretsResponse reply = { .more = false };
		size_t n = 0;
		fake_begin(conn);
		while (codec_next(&rest, coffer_v1_GetSecretsRequest_names_tag, &name)) {
			for (size_t i = 0; i < 5 && n < 2; i++)
				if (slice_equal(name, slice_str(names[i])))
					fake_put_secret(conn,
							coffer_v1_GetSecretsResponse_secrets_tag,
							names[i], names[i]);
			n++;
		}
		reply.more = n > 2;
		if (codec_append(&conn->out, coffer_v1_GetSecretsResponse_fields, &reply) !=
		    COFFER_OK)
			return;
		fake_end(conn);
		(void)fake_send(conn);
	}
}

static void many_secrets_come_in_the_order_asked_for(void **state)
{
	static const char *const names[] = { "E", "A", "C", "B", "D" };
	struct fake fake = fake_start(serve_batches, 0);
	struct coffer_session *session = fake_open(&fake);
	struct coffer_secrets secrets;

	(void)state;
	assert_int_equal(coffer_get_many(session, names, 5, &secrets), COFFER_OK);
	assert_int_equal(secrets.len, 5);
	for (size_t i = 0; i < 5; i++) {
		assert_string_equal(secrets.items[i].name, names[i]);
		assert_string_equal(secrets.items[i].value.data, names[i]);
	}
	coffer_secrets_free(&secrets);
	assert_int_equal(fake.seen->requests, 1 + 3);
	assert_int_equal(coffer_get_many(session, names, 0, &secrets), COFFER_INVALID_ARGUMENT);
	assert_int_equal(coffer_get_many(session, names, 65, &secrets), COFFER_INVALID_ARGUMENT);
	assert_null(secrets.items);
	coffer_close(session);
	fake_stop(&fake);
}

/* Three pages of one secret each. The revision changes with the variant-th page, or (SIZE_MAX) with each. */
static void serve_pages(struct fake_conn *conn)
{
	static const char *const names[] = { "A", "B", "C" };
	size_t answered = 0;

	fake_greet(conn);
	while (fake_read(conn)) {
		coffer_v1_GetEnvironmentRequest request;
		coffer_v1_GetEnvironmentResponse reply = { .revision = 9 };
		size_t i = 0;
		if (codec_decode(conn->body, coffer_v1_GetEnvironmentRequest_fields, &request,
				 sizeof(request)) != COFFER_OK)
			return;
		while (i < 3 && request.after.len > 0 && names[i][0] <= (char)request.after.data[0])
			i++;
		answered++;
		if (conn->variant == SIZE_MAX)
			reply.revision = answered;
		else if (conn->variant > 0 && answered >= conn->variant)
			reply.revision = 10;
		reply.next = i < 2 ? slice_str(names[i]) : SLICE_EMPTY;
		fake_begin(conn);
		if (strcmp(conn->method, "ListSecrets") == 0)
			fake_put_info(conn, coffer_v1_ListSecretsResponse_secrets_tag, names[i], 5);
		else
			fake_put_secret(conn, coffer_v1_GetEnvironmentResponse_secrets_tag,
					names[i], "v");
		if (codec_append(&conn->out, coffer_v1_GetEnvironmentResponse_fields, &reply) !=
		    COFFER_OK)
			return;
		fake_end(conn);
		(void)fake_send(conn);
	}
}

static void a_listing_follows_its_pages(void **state)
{
	struct fake fake = fake_start(serve_pages, 0);
	struct coffer_session *session = fake_open(&fake);
	struct coffer_secrets secrets;

	(void)state;
	assert_int_equal(coffer_list(session, &secrets), COFFER_OK);
	assert_int_equal(secrets.len, 3);
	assert_string_equal(secrets.items[2].name, "C");
	assert_null(secrets.items[2].value.data);
	assert_int_equal(secrets.items[2].value.version, 5);
	assert_int_equal(secrets.items[2].updated_at_ms, 1005);
	coffer_secrets_free(&secrets);
	coffer_close(session);
	fake_stop(&fake);
}

static void an_environment_is_of_one_revision(void **state)
{
	static const struct {
		size_t variant, requests;
		coffer_err want;
	} cases[] = {
		{ 0, 3, COFFER_OK },     /* nothing changes */
		{ 2, 2 + 3, COFFER_OK }, /* begun again at the second page */
		{ 3, 3 + 3, COFFER_OK }, /* and at the last */
		{ SIZE_MAX, 8 * 2, COFFER_ABORTED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake fake = fake_start(serve_pages, cases[i].variant);
		struct coffer_session *session = fake_open(&fake);
		struct coffer_secrets secrets;
		assert_int_equal(coffer_environment(session, &secrets), cases[i].want);
		assert_int_equal(fake.seen->requests, 1 + cases[i].requests);
		assert_int_equal(secrets.len, cases[i].want == COFFER_OK ? 3 : 0);
		if (secrets.len > 0)
			assert_string_equal(secrets.items[0].value.data, "v");
		coffer_secrets_free(&secrets);
		coffer_close(session);
		fake_stop(&fake);
	}
}

/* Loses the first variant replies to a claim. Only the same nonce gets the data again. */
static void serve_claim(struct fake_conn *conn)
{
	static uint8_t nonce[COFFER_NONCE_LEN];
	static bool claimed;
	static size_t lost;

	fake_greet(conn);
	while (fake_read(conn)) {
		coffer_v1_BootstrapRequest request;
		coffer_v1_BootstrapResponse reply = {
			.run_id = SLICE_LITERAL(FAKE_RUN_ID),
			.git_dir = SLICE_LITERAL("/srv/git"),
			.has_meta = true,
			.meta = { .pipeline = SLICE_LITERAL("app"), .pushed_at_ms = 77 },
		};
		coffer_v1_Pair pair = { SLICE_LITERAL("key"), SLICE_LITERAL("line\nline") };
		if (codec_decode(conn->body, coffer_v1_BootstrapRequest_fields, &request,
				 sizeof(request)) != COFFER_OK ||
		    request.nonce.len != sizeof(nonce))
			return;
		if (claimed && memcmp(nonce, request.nonce.data, sizeof(nonce)) != 0) {
			fake_refuse(conn, conn->id, COFFER_GONE, "claimed before");
			(void)fake_send(conn);
			continue;
		}
		memcpy(nonce, request.nonce.data, sizeof(nonce));
		fake_begin(conn);
		if (codec_append(&conn->out, coffer_v1_BootstrapResponse_fields, &reply) !=
			COFFER_OK ||
		    codec_append_message(&conn->out, coffer_v1_BootstrapResponse_extras_tag,
					 coffer_v1_Pair_fields, &pair) != COFFER_OK)
			return;
		fake_end(conn);
		claimed = true;
		if (lost < conn->variant) {
			lost++;
			(void)fake_write(conn, conn->out.data, 10);
			return;
		}
		(void)fake_send(conn);
	}
}

static void a_claim_is_given_once_also_when_its_reply_is_lost(void **state)
{
	(void)state;
	for (size_t variant = 0; variant < 3; variant++) {
		struct fake fake = fake_start(serve_claim, variant);
		struct coffer_session *session = fake_open(&fake);
		struct coffer_bootstrap about;
		if (variant == 2) /* more than one call asks for; the next one goes on */
			assert_int_equal(coffer_claim(session, &about), COFFER_UNAVAILABLE);
		assert_int_equal(coffer_claim(session, &about), COFFER_OK);
		assert_string_equal(about.run_id, FAKE_RUN_ID);
		assert_string_equal(about.git_dir, "/srv/git");
		assert_string_equal(about.pipeline, "app");
		assert_string_equal(about.ref, "");
		assert_string_equal(about.sentry_dsn, "");
		assert_int_equal(about.pushed_at_ms, 77);
		assert_int_equal(about.extras_len, 1);
		assert_string_equal(about.extras[0].key, "key");
		assert_string_equal(about.extras[0].value, "line\nline");
		coffer_bootstrap_free(&about);
		assert_int_equal(coffer_claim(session, &about), COFFER_GONE);
		assert_null(about.memory);
		assert_int_equal(fake.seen->connections, 1 + variant);
		coffer_close(session);
		fake_stop(&fake);
	}
}

static void empty_structs_can_be_freed(void **state)
{
	struct coffer_value value = { 0 };
	struct coffer_secrets secrets = { 0 };
	struct coffer_bootstrap about = { 0 };

	(void)state;
	coffer_value_free(&value);
	coffer_secrets_free(&secrets);
	coffer_bootstrap_free(&about);
	coffer_close(NULL);
	assert_string_equal(coffer_message(NULL), "out of memory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hello_tells_run_expiry_and_scopes),
		cmocka_unit_test(a_value_comes_whole_whatever_its_bytes),
		cmocka_unit_test(the_daemons_refusal_is_told_and_the_session_goes_on),
		cmocka_unit_test(many_secrets_come_in_the_order_asked_for),
		cmocka_unit_test(a_listing_follows_its_pages),
		cmocka_unit_test(an_environment_is_of_one_revision),
		cmocka_unit_test(a_claim_is_given_once_also_when_its_reply_is_lost),
		cmocka_unit_test(empty_structs_can_be_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
