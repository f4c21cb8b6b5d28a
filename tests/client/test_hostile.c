/* Goal of this test: whatever the daemon sends, the client ends with an error, holds a bounded amount of
 * memory and does not crash (run it under the sanitizers). */
#include "fake.h"
#include "support.h"

#include <stdio.h>
#include <unistd.h>

/* A bytes field's content that no C string can hold. */
static const struct slice with_nul = { (const uint8_t *)"glo\0bal", 7 };

static void put_secret(struct fake_conn *conn, struct slice value, struct slice scope)
{
	coffer_v1_GetSecretResponse secret = { .value = value, .version = 1, .scope = scope };

	fake_answer(conn, coffer_v1_GetSecretResponse_fields, &secret);
}

static void answer_another_id(struct fake_conn *conn)
{
	conn->id++;
	fake_answer_secret(conn, SLICE_LITERAL("value"));
}

static void answer_id_zero(struct fake_conn *conn)
{
	conn->id = 0;
	fake_answer_secret(conn, SLICE_LITERAL("value"));
}

static void answer_twice(struct fake_conn *conn)
{
	fake_answer_secret(conn, SLICE_LITERAL("value"));
	fake_answer_secret(conn, SLICE_LITERAL("value"));
}

static void put_raw(struct fake_conn *conn, const char *bytes, size_t len)
{
	memcpy(conn->out.data + conn->out.len, bytes, len);
	conn->out.len += len;
}

static void answer_length_zero(struct fake_conn *conn)
{
	put_raw(conn, "\0", 1);
}

static void answer_long_form(struct fake_conn *conn)
{
	put_raw(conn, "\x81\x00z", 3);
}

static void answer_length_of_four_bytes(struct fake_conn *conn)
{
	put_raw(conn, "\xff\xff\xff\x7f", 4);
}

static void answer_above_the_limit(struct fake_conn *conn)
{
	conn->in_used = conn->in_len = 0;
	fake_answer_secret(conn, (struct slice){ conn->in, 65536 + 4096 });
}

static void answer_no_message(struct fake_conn *conn)
{
	put_raw(conn, "\x04\xff\xff\xff\xff", 5);
}

static void answer_no_body(struct fake_conn *conn)
{
	fake_begin(conn);
	put_raw(conn, "\x0a\x7f short", 8);
	fake_end(conn);
}

static void answer_number_for_value(struct fake_conn *conn)
{
	fake_begin(conn);
	put_raw(conn, "\x08\x01", 2);
	fake_end(conn);
}

static void answer_nul_in_scope(struct fake_conn *conn)
{
	put_secret(conn, SLICE_LITERAL("value"), with_nul);
}

static void answer_long_scope(struct fake_conn *conn)
{
	uint8_t scope[COFFER_SCOPE_MAX + 1];

	memset(scope, 's', sizeof(scope));
	put_secret(conn, SLICE_LITERAL("value"), (struct slice){ scope, sizeof(scope) });
}

static void answer_escape_in_scope(struct fake_conn *conn)
{
	put_secret(conn, SLICE_LITERAL("value"), SLICE_LITERAL("\x1b[2J"));
}

static void answer_unknown_code(struct fake_conn *conn)
{
	fake_refuse(conn, conn->id, (coffer_err)99, "from the future");
}

static void answer_escape_in_message(struct fake_conn *conn)
{
	fake_refuse(conn, conn->id, COFFER_NOT_FOUND, "\x1b[31mred\n");
}

static void answer_long_message(struct fake_conn *conn)
{
	static char text[COFFER_MESSAGE_MAX + 100];

	memset(text, 'x', sizeof(text) - 1);
	fake_refuse(conn, conn->id, COFFER_NOT_FOUND, text);
}

static const struct {
	const char *name;
	void (*answer)(struct fake_conn *conn);
	coffer_err want;
	const char *message; /* part of it */
} replies[] = {
	{ "another request's id", answer_another_id, COFFER_INTERNAL, "another request" },
	{ "id 0 with a value", answer_id_zero, COFFER_INTERNAL, "another request" },
	{ "two replies", answer_twice, COFFER_INTERNAL, "more than was asked for" },
	{ "a frame of length zero", answer_length_zero, COFFER_INTERNAL, "no frame" },
	{ "a length that is not canonical", answer_long_form, COFFER_INTERNAL, "no frame" },
	{ "a length of four bytes", answer_length_of_four_bytes, COFFER_INTERNAL, "no frame" },
	{ "a value above the limit", answer_above_the_limit, COFFER_INTERNAL, "too large" },
	{ "a frame that is no message", answer_no_message, COFFER_INTERNAL, "malformed" },
	{ "a body that is cut short", answer_no_body, COFFER_INTERNAL, "malformed" },
	{ "a number for a value", answer_number_for_value, COFFER_INTERNAL, "malformed" },
	{ "a NUL in a scope", answer_nul_in_scope, COFFER_INTERNAL, "GetSecret" },
	{ "a scope that is too long", answer_long_scope, COFFER_INTERNAL, "GetSecret" },
	{ "an escape in a scope", answer_escape_in_scope, COFFER_INTERNAL, "GetSecret" },
	{ "an unknown code", answer_unknown_code, COFFER_INTERNAL, "from the future" },
	{ "an escape in a message", answer_escape_in_message, COFFER_NOT_FOUND, "?[31mred?" },
	{ "a message that is too long", answer_long_message, COFFER_NOT_FOUND, "xxx" },
};
#define REPLIES_LEN (sizeof(replies) / sizeof(replies[0]))

/* The first connection gets the reply of the variant, those after it good ones. */
static void serve_reply(struct fake_conn *conn)
{
	fake_greet(conn);
	while (fake_read(conn)) {
		if (conn->number == 0)
			replies[conn->variant].answer(conn);
		else
			fake_answer_secret(conn, SLICE_LITERAL("value"));
		(void)fake_send(conn);
	}
}

static void a_false_reply_is_refused_and_the_session_recovers(void **state)
{
	(void)state;
	for (size_t i = 0; i < REPLIES_LEN; i++) {
		struct fake fake = fake_start(serve_reply, i);
		struct coffer_session *session = fake_open(&fake);
		struct coffer_value value;
		coffer_err err = coffer_get(session, "NAME", &value);
		if (err != replies[i].want ||
		    strstr(coffer_message(session), replies[i].message) == NULL)
			fail_msg("%s: %s, \"%s\"", replies[i].name, coffer_err_name(err),
				 coffer_message(session));
		assert_null(value.data);
		if (replies[i].want == COFFER_INTERNAL &&
		    replies[i].answer != answer_unknown_code) {
			assert_int_equal(coffer_get(session, "NAME", &value), COFFER_OK);
			coffer_value_free(&value);
			assert_int_equal(fake.seen->connections, 2);
		}
		coffer_close(session);
		fake_stop(&fake);
	}
}

/* --- listings ----------------------------------------------------------------------------------------- */

typedef enum listing {
	NUL_IN_NAME,
	EMPTY_NAME,
	LONG_NAME,
	CURSOR_STANDS,
	MORE_WITHOUT_ANY,
	FEWER_THAN_ASKED,
	ANOTHER_NAME,
	TOO_MANY,
	LISTINGS,
} listing;

static void put_listing(struct fake_conn *conn, uint32_t tag)
{
	coffer_v1_Secret nul = { .name = { (const uint8_t *)"A\0B", 3 } };
	char name[COFFER_NAME_MAX + 2] = { 0 };

	memset(name, 'n', sizeof(name) - 1);
	switch ((listing)conn->variant) {
	case NUL_IN_NAME:
		if (codec_append_message(&conn->out, tag, coffer_v1_Secret_fields, &nul) !=
		    COFFER_OK)
			_exit(1);
		break;
	case EMPTY_NAME:
		fake_put_secret(conn, tag, "", "v");
		break;
	case LONG_NAME:
		fake_put_secret(conn, tag, name, "v");
		break;
	case ANOTHER_NAME:
		fake_put_secret(conn, tag, "OTHER", "v");
		break;
	case TOO_MANY:
		fake_put_secret(conn, tag, "NAME", "v");
		fake_put_secret(conn, tag, "NAME", "v");
		break;
	default:
		break;
	}
}

static void serve_listing(struct fake_conn *conn)
{
	fake_greet(conn);
	while (fake_read(conn)) {
		coffer_v1_GetSecretsResponse many = { .more = conn->variant == MORE_WITHOUT_ANY };
		coffer_v1_GetEnvironmentResponse page = { .next = SLICE_LITERAL("A") };
		fake_begin(conn);
		put_listing(conn, 1);
		if (strcmp(conn->method, "GetSecrets") == 0
			? codec_append(&conn->out, coffer_v1_GetSecretsResponse_fields, &many)
			: codec_append(&conn->out, coffer_v1_GetEnvironmentResponse_fields, &page))
			return;
		fake_end(conn);
		(void)fake_send(conn);
	}
}

static void a_false_listing_is_refused_as_a_whole(void **state)
{
	static const char *const names[] = { "NAME" };

	(void)state;
	for (size_t i = 0; i < LISTINGS; i++) {
		struct fake fake = fake_start(serve_listing, i);
		struct coffer_session *session = fake_open(&fake);
		struct coffer_secrets secrets;
		assert_int_equal(coffer_get_many(session, names, 1, &secrets), COFFER_INTERNAL);
		assert_null(secrets.items);
		assert_int_equal(coffer_list(session, &secrets), COFFER_INTERNAL);
		assert_null(secrets.items);
		assert_int_equal(coffer_environment(session, &secrets), COFFER_INTERNAL);
		assert_null(secrets.items);
		coffer_close(session);
		fake_stop(&fake);
	}
}

/* The only version of each variant, of which there is said to be more. */
static void serve_history(struct fake_conn *conn)
{
	static uint8_t text[COFFER_TEXT_MAX + 1];
	const coffer_v1_SecretInfo infos[] = {
		{ .name = SLICE_LITERAL("A"), .version = 3 }, /* each page the same */
		{ .name = SLICE_LITERAL("A"), .note = SLICE_LITERAL("two\nlines") },
		{ .name = SLICE_LITERAL("A"), .note = { text, sizeof(text) } },
		{ .name = SLICE_LITERAL("A"), .source = SLICE_LITERAL("file:/a\x1b[2J") },
		{ .name = SLICE_LITERAL(""), .note = SLICE_LITERAL("note") },
	};
	const coffer_v1_ListVersionsResponse reply = { .more = true };

	memset(text, 'n', sizeof(text));
	while (fake_read(conn)) {
		fake_begin(conn);
		/* The last variant has none at all. */
		if (conn->variant < sizeof(infos) / sizeof(infos[0]) &&
		    codec_append_message(&conn->out, coffer_v1_ListVersionsResponse_versions_tag,
					 coffer_v1_SecretInfo_fields,
					 &infos[conn->variant]) != COFFER_OK)
			return;
		if (codec_append(&conn->out, coffer_v1_ListVersionsResponse_fields, &reply) !=
		    COFFER_OK)
			return;
		fake_end(conn);
		(void)fake_send(conn);
	}
}

static void a_false_history_is_refused_as_a_whole(void **state)
{
	const struct coffer_where where = { "global", "A", false };

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		struct fake fake = fake_start(serve_history, i);
		struct coffer_admin *admin = fake_open_admin(&fake);
		struct coffer_infos infos;
		assert_int_equal(coffer_admin_history(admin, &where, &infos), COFFER_INTERNAL);
		assert_null(infos.items);
		coffer_admin_close(admin);
		fake_stop(&fake);
	}
}

/* Pages without end: of small elements, which take the client far more memory than the daemon bytes, or of
 * large values. */
static void serve_endless(struct fake_conn *conn)
{
	static uint8_t large[60000];
	char next[32];

	fake_greet(conn);
	for (unsigned i = 0; fake_read(conn); i++) {
		coffer_v1_GetEnvironmentResponse page = { .revision = 1 };
		coffer_v1_Secret secret = { .name = SLICE_LITERAL("A") };
		size_t count = conn->variant == 0 ? 10000 : 1;
		if (conn->variant > 0)
			secret.value = (struct slice){ large, sizeof(large) };
		page.next = (struct slice){ (uint8_t *)next,
					    (size_t)snprintf(next, sizeof(next), "%u", i) };
		fake_begin(conn);
		for (size_t k = 0; k < count; k++)
			if (codec_append_message(&conn->out, 1, coffer_v1_Secret_fields, &secret) !=
			    COFFER_OK)
				return;
		if (codec_append(&conn->out, coffer_v1_GetEnvironmentResponse_fields, &page) !=
		    COFFER_OK)
			return;
		fake_end(conn);
		if (!fake_send(conn))
			return;
	}
}

static void endless_pages_end_at_the_limit_of_memory(void **state)
{
	(void)state;
	for (size_t variant = 0; variant < 2; variant++) {
		struct fake fake = fake_start(serve_endless, variant);
		struct coffer_session *session = fake_open(&fake);
		struct coffer_secrets secrets;
		assert_int_equal(coffer_environment(session, &secrets), COFFER_RESOURCE_EXHAUSTED);
		assert_null(secrets.items);
		coffer_close(session);
		fake_stop(&fake);
	}
}

/* --- every byte --------------------------------------------------------------------------------------- */

/* Builds what a good daemon says in a whole session. */
static void build_session(struct fake_conn *conn)
{
	conn->id = 1;
	fake_answer_hello(conn);
	conn->id = 2;
	fake_answer_secret(conn, SLICE_LITERAL("value"));
}

/* Sends the first conn->number bytes of the session, each reply when it is asked for. */
static void serve_cut(struct fake_conn *conn)
{
	size_t hello, len;

	build_session(conn);
	hello = conn->out.data[0] + 1u;
	len = conn->number % conn->out.len;
	if (!fake_read(conn) || !fake_write(conn, conn->out.data, len < hello ? len : hello))
		return;
	if (len > hello && fake_read(conn))
		(void)fake_write(conn, conn->out.data + hello, len - hello);
}

/* Opens and gets; what comes back must be the value or an error. */
static coffer_err try_session(const struct fake *fake)
{
	struct coffer_options options = fake_options(fake);
	struct coffer_session *session;
	struct coffer_value value = { 0 };
	coffer_err err = coffer_open(&session, &options);

	if (err == COFFER_OK)
		err = coffer_get(session, "NAME", &value);
	if (err == COFFER_OK)
		assert_non_null(value.data);
	else
		assert_true(coffer_message(session)[0] != '\0');
	coffer_value_free(&value);
	coffer_close(session);
	return err;
}

static void a_daemon_that_closes_after_any_byte_is_unavailable(void **state)
{
	struct fake fake = fake_start(serve_cut, 0);

	(void)state;
	while (fake.seen->connections < 200)
		assert_int_equal(try_session(&fake), COFFER_UNAVAILABLE);
	fake_stop(&fake);
}

/* Changes one byte of the session: which, and how, follows from the number of the connection. */
static void serve_flip(struct fake_conn *conn)
{
	static const uint8_t flips[] = { 0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff };
	size_t at = conn->number / sizeof(flips), hello;

	build_session(conn);
	hello = conn->out.data[0] + 1u;
	if (at < conn->out.len)
		conn->out.data[at] ^= flips[conn->number % sizeof(flips)];
	if (!fake_read(conn) || !fake_write(conn, conn->out.data, hello))
		return;
	/* After a longer length the client waits for more, and is let go by the end. */
	if (at >= hello && fake_read(conn))
		(void)fake_write(conn, conn->out.data + hello, conn->out.len - hello);
}

static void any_byte_may_be_changed(void **state)
{
	struct fake fake = fake_start(serve_flip, 0);

	(void)state;
	while (fake.seen->connections < 1500)
		(void)try_session(&fake);
	fake_stop(&fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_false_reply_is_refused_and_the_session_recovers),
		cmocka_unit_test(a_false_listing_is_refused_as_a_whole),
		cmocka_unit_test(a_false_history_is_refused_as_a_whole),
		cmocka_unit_test(endless_pages_end_at_the_limit_of_memory),
		cmocka_unit_test(a_daemon_that_closes_after_any_byte_is_unavailable),
		cmocka_unit_test(any_byte_may_be_changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
