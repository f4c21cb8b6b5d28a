/* Goal of this test: calls about services, and why, say what they were told to say and hand out what was answered;
 * a daemon that answers nonsense is refused. */
#include <coffer/why.h>

#include "fake.h"
#include "support.h"

#include <stdlib.h>

#define CHECK(condition)              \
	do {                          \
		if (!(condition))     \
			return false; \
	} while (0)

#define DECODE(conn, type, msg) \
	(codec_decode((conn)->body, type##_fields, &(msg), sizeof(msg)) == COFFER_OK)

/* What a daemon that misbehaves does: conn->variant. */
enum { WELL, LONG_NAME, NO_ID, CONTROL_CHARACTER, STANDS_STILL, OTHER_NAME, NINE_SCOPES, NO_SCOPE };

static const struct slice token = { (const uint8_t *)FAKE_TOKEN, COFFER_TOKEN_LEN };

static bool is(struct slice text, const char *want)
{
	return slice_equal(text, slice_str(want));
}

static bool is_list(struct slice message, uint32_t tag, const char *first, const char *second)
{
	struct slice item;

	return codec_next(&message, tag, &item) && is(item, first) &&
	       codec_next(&message, tag, &item) && is(item, second) &&
	       !codec_next(&message, tag, &item);
}

static bool answer_create(struct fake_conn *conn)
{
	coffer_v1_CreateServiceRequest request;
	coffer_v1_CreateServiceResponse reply = { .id = SLICE_LITERAL(FAKE_RUN_ID),
						  .token = token,
						  .expires_at_ms = 77 };

	CHECK(DECODE(conn, coffer_v1_CreateServiceRequest, request));
	CHECK(is(request.name, "ci") && request.ttl_ms == 5000);
	CHECK(request.bind_uid && request.uid == 1000);
	CHECK(
	    is_list(conn->body, coffer_v1_CreateServiceRequest_scopes_tag, "system/ci", "global"));
	CHECK(is_list(conn->body, coffer_v1_CreateServiceRequest_allow_tag, "A*", "B"));
	fake_answer(conn, coffer_v1_CreateServiceResponse_fields, &reply);
	return true;
}

static bool put_grant(struct fake_conn *conn, const char *name, char last)
{
	static char id[] = FAKE_RUN_ID, name_max[COFFER_NAME_MAX + 2];
	coffer_v1_GrantInfo info = { .id = slice_str(id),
				     .name = slice_str(name),
				     .state = coffer_v1_GrantState_GRANT_REVOKED,
				     .created_at_ms = 1,
				     .expires_at_ms = 2,
				     .bind_uid = true,
				     .uid = 7 };
	struct slice scope = SLICE_LITERAL("system/ci");
	size_t mark;

	id[COFFER_ID_LEN - 1] = last;
	if (conn->variant == LONG_NAME) {
		memset(name_max, 'n', sizeof(name_max) - 1);
		info.name = slice_str(name_max);
	}
	if (conn->variant == NO_ID)
		info.id = SLICE_EMPTY;
	if (conn->variant == CONTROL_CHARACTER)
		scope = SLICE_LITERAL("sys\033tem");
	CHECK(codec_open_message(&conn->out, coffer_v1_ListGrantsResponse_grants_tag, &mark) ==
	      COFFER_OK);
	CHECK(codec_append(&conn->out, coffer_v1_GrantInfo_fields, &info) == COFFER_OK);
	CHECK(codec_append_bytes(&conn->out, coffer_v1_GrantInfo_scopes_tag, scope) == COFFER_OK);
	CHECK(codec_append_bytes(&conn->out, coffer_v1_GrantInfo_scopes_tag,
				 SLICE_LITERAL("global")) == COFFER_OK);
	return codec_close_message(&conn->out, mark) == COFFER_OK;
}

/* Two pages of one, or the one that is named. */
static bool answer_list(struct fake_conn *conn)
{
	coffer_v1_ListGrantsRequest request;
	coffer_v1_ListGrantsResponse reply = { .more = false };
	bool ok = true;

	CHECK(DECODE(conn, coffer_v1_ListGrantsRequest, request));
	CHECK(request.all == (request.name.len == 0));
	fake_begin(conn);
	if (request.name.len > 0) {
		CHECK(is(request.name, "ci"));
		ok = put_grant(conn, conn->variant == OTHER_NAME ? "cd" : "ci", '1');
	} else {
		reply.more = request.after.len == 0 || conn->variant == STANDS_STILL;
		CHECK(reply.more || request.after.data[COFFER_ID_LEN - 1] == '1');
		if (conn->variant != STANDS_STILL || request.after.len == 0)
			ok = put_grant(conn, "ci", reply.more ? '1' : '2');
	}
	CHECK(ok &&
	      codec_append(&conn->out, coffer_v1_ListGrantsResponse_fields, &reply) == COFFER_OK);
	fake_end(conn);
	return true;
}

static bool answer_renew(struct fake_conn *conn)
{
	coffer_v1_RenewGrantRequest request;
	coffer_v1_RenewGrantResponse reply = { .expires_at_ms = 99 };

	CHECK(DECODE(conn, coffer_v1_RenewGrantRequest, request));
	CHECK(is(request.id, FAKE_RUN_ID) && request.ttl_ms == 6000);
	fake_answer(conn, coffer_v1_RenewGrantResponse_fields, &reply);
	return true;
}

static bool put_why(struct fake_conn *conn)
{
	coffer_v1_WhyResponse reply = { .outcome = coffer_v1_WhyOutcome_WHY_FOUND,
					.state = coffer_v1_GrantState_GRANT_LIVE,
					.expires_at_ms = 11 };
	coffer_v1_WhyScope lacks = { .scope = SLICE_LITERAL("pipeline/app"),
				     .outcome = coffer_v1_ScopeOutcome_SCOPE_LACKS },
			   has = { .scope = SLICE_LITERAL("global"),
				   .outcome = coffer_v1_ScopeOutcome_SCOPE_HAS,
				   .version = 3,
				   .updated_at_ms = 4,
				   .expires_at_ms = 5,
				   .from_file = true };
	size_t count = conn->variant == NINE_SCOPES ? 9 : conn->variant == NO_SCOPE ? 0 : 2;

	fake_begin(conn);
	for (size_t i = 0; i < count; i++)
		CHECK(codec_append_message(&conn->out, coffer_v1_WhyResponse_scopes_tag,
					   coffer_v1_WhyScope_fields,
					   i + 1 < count ? &lacks : &has) == COFFER_OK);
	CHECK(codec_append_bytes(&conn->out, coffer_v1_WhyResponse_allow_tag,
				 SLICE_LITERAL("A*")) == COFFER_OK);
	CHECK(codec_append_bytes(&conn->out, coffer_v1_WhyResponse_allow_tag, SLICE_LITERAL("B")) ==
	      COFFER_OK);
	CHECK(codec_append(&conn->out, coffer_v1_WhyResponse_fields, &reply) == COFFER_OK);
	fake_end(conn);
	return true;
}

static bool answer_why_grant(struct fake_conn *conn)
{
	coffer_v1_WhyGrantRequest request;

	CHECK(DECODE(conn, coffer_v1_WhyGrantRequest, request));
	CHECK(is(request.name, "A") && is(request.id, FAKE_RUN_ID));
	return put_why(conn);
}

static bool answer_why(struct fake_conn *conn)
{
	coffer_v1_WhyRequest request;

	CHECK(DECODE(conn, coffer_v1_WhyRequest, request));
	CHECK(is(request.name, "A"));
	return put_why(conn);
}

static bool answer_hello(struct fake_conn *conn)
{
	fake_answer_hello(conn);
	return true;
}

static void serve(struct fake_conn *conn)
{
	static const struct fake_method methods[] = {
		{ "CreateService", answer_create },
		{ "ListGrants", answer_list },
		{ "RenewGrant", answer_renew },
		{ "WhyGrant", answer_why_grant },
		{ "Why", answer_why },
		{ "Hello", answer_hello },
	};

	fake_serve_methods(conn, methods, sizeof(methods) / sizeof(methods[0]));
}

static const char *const scopes[] = { "system/ci", "global" };
static const char *const allow[] = { "A*", "B" };
static const struct coffer_service_spec spec = { .name = "ci",
						 .scopes = scopes,
						 .scopes_len = 2,
						 .allow = allow,
						 .allow_len = 2,
						 .ttl_ms = 5000,
						 .bind_uid = true,
						 .uid = 1000 };

static void a_service_is_created_listed_and_renewed(void **state)
{
	struct fake fake = fake_start(serve, WELL);
	struct coffer_admin *admin = fake_open_admin(&fake);
	struct coffer_service_made made;
	struct coffer_services services;
	int64_t expires_at_ms;

	(void)state;
	assert_int_equal(coffer_admin_create_service(admin, &spec, &made), COFFER_OK);
	assert_string_equal(made.id, FAKE_RUN_ID);
	assert_string_equal(made.token, FAKE_TOKEN);
	assert_int_equal(made.expires_at_ms, 77);
	coffer_service_made_wipe(&made);
	assert_string_equal(made.token, "");
	assert_int_equal(coffer_admin_list_services(admin, true, &services), COFFER_OK);
	assert_int_equal(services.len, 2);
	assert_int_equal(services.items[1].id[COFFER_ID_LEN - 1], '2');
	assert_string_equal(services.items[1].name, "ci");
	assert_string_equal(services.items[1].scopes, "system/ci global");
	assert_string_equal(services.items[1].allow, "");
	assert_int_equal(services.items[1].state, COFFER_GRANT_REVOKED);
	assert_int_equal(services.items[1].created_at_ms, 1);
	assert_int_equal(services.items[1].expires_at_ms, 2);
	assert_true(services.items[1].bind_uid);
	assert_int_equal(services.items[1].uid, 7);
	coffer_services_free(&services);
	assert_int_equal(coffer_admin_find_service(admin, "ci", &services), COFFER_OK);
	assert_int_equal(services.len, 1);
	coffer_services_free(&services);
	assert_int_equal(coffer_admin_renew_service(admin, FAKE_RUN_ID, 6000, &expires_at_ms),
			 COFFER_OK);
	assert_int_equal(expires_at_ms, 99);
	assert_int_equal(coffer_admin_renew_service(admin, FAKE_RUN_ID, 6000, NULL), COFFER_OK);
	assert_int_equal(coffer_admin_find_service(admin, "", &services), COFFER_INVALID_ARGUMENT);
	assert_int_equal(coffer_admin_find_service(admin, NULL, &services),
			 COFFER_INVALID_ARGUMENT);
	coffer_admin_close(admin);
	fake_stop(&fake);
}

static void assert_answer(const struct coffer_answer *answer)
{
	assert_int_equal(answer->outcome, COFFER_WHY_FOUND);
	assert_int_equal(answer->scopes_len, 2);
	assert_string_equal(answer->scopes[0].scope, "pipeline/app");
	assert_int_equal(answer->scopes[0].outcome, COFFER_SCOPE_LACKS);
	assert_string_equal(answer->scopes[1].scope, "global");
	assert_int_equal(answer->scopes[1].outcome, COFFER_SCOPE_HAS);
	assert_int_equal(answer->scopes[1].version, 3);
	assert_int_equal(answer->scopes[1].updated_at_ms, 4);
	assert_int_equal(answer->scopes[1].expires_at_ms, 5);
	assert_true(answer->scopes[1].from_file);
	assert_string_equal(answer->allow, "A* B");
	assert_int_equal(answer->state, COFFER_GRANT_LIVE);
	assert_int_equal(answer->expires_at_ms, 11);
}

static void why_is_told_to_operators_and_to_jobs(void **state)
{
	struct fake fake = fake_start(serve, WELL);
	struct coffer_admin *admin = fake_open_admin(&fake);
	struct coffer_session *session;
	struct coffer_answer answer;

	(void)state;
	assert_int_equal(coffer_admin_why(admin, FAKE_RUN_ID, "A", &answer), COFFER_OK);
	assert_answer(&answer);
	coffer_answer_free(&answer);
	coffer_answer_free(&answer);
	coffer_admin_close(admin);
	session = fake_open(&fake);
	assert_int_equal(coffer_why(session, "A", &answer), COFFER_OK);
	assert_answer(&answer);
	coffer_answer_free(&answer);
	coffer_close(session);
	fake_stop(&fake);
}

static void a_malformed_service_is_refused(void **state)
{
	static const size_t variants[] = { LONG_NAME, NO_ID, CONTROL_CHARACTER, STANDS_STILL };

	(void)state;
	for (size_t i = 0; i < sizeof(variants) / sizeof(variants[0]); i++) {
		struct fake fake = fake_start(serve, variants[i]);
		struct coffer_admin *admin = fake_open_admin(&fake);
		struct coffer_services services;
		assert_int_equal(coffer_admin_list_services(admin, true, &services),
				 COFFER_INTERNAL);
		assert_null(services.items);
		coffer_admin_close(admin);
		fake_stop(&fake);
	}
}

static void another_service_than_the_named_one_is_refused(void **state)
{
	struct fake fake = fake_start(serve, OTHER_NAME);
	struct coffer_admin *admin = fake_open_admin(&fake);
	struct coffer_services services;

	(void)state;
	assert_int_equal(coffer_admin_find_service(admin, "ci", &services), COFFER_INTERNAL);
	assert_null(services.items);
	coffer_admin_close(admin);
	fake_stop(&fake);
}

static void an_answer_of_no_scope_or_too_many_is_refused(void **state)
{
	static const size_t variants[] = { NINE_SCOPES, NO_SCOPE };

	(void)state;
	for (size_t i = 0; i < sizeof(variants) / sizeof(variants[0]); i++) {
		struct fake fake = fake_start(serve, variants[i]);
		struct coffer_admin *admin = fake_open_admin(&fake);
		struct coffer_answer answer;
		assert_int_equal(coffer_admin_why(admin, FAKE_RUN_ID, "A", &answer),
				 COFFER_INTERNAL);
		assert_null(answer.allow);
		assert_int_equal(answer.scopes_len, 0);
		coffer_admin_close(admin);
		fake_stop(&fake);
	}
}

static void outcomes_and_states_have_names(void **state)
{
	(void)state;
	assert_string_equal(coffer_grant_state_name(COFFER_GRANT_LIVE), "live");
	assert_string_equal(coffer_grant_state_name(COFFER_GRANT_REVOKED), "revoked");
	assert_string_equal(coffer_grant_state_name((coffer_grant_state)0), "unknown");
	assert_string_equal(coffer_grant_state_name((coffer_grant_state)6), "unknown");
	assert_string_equal(coffer_why_outcome_name(COFFER_WHY_FOUND), "found");
	assert_string_equal(coffer_why_outcome_name(COFFER_WHY_ENDED), "ended");
	assert_string_equal(coffer_why_outcome_name((coffer_why_outcome)0), "unknown");
	assert_string_equal(coffer_why_outcome_name((coffer_why_outcome)5), "unknown");
	assert_string_equal(coffer_scope_outcome_name(COFFER_SCOPE_EXPIRED), "expired");
	assert_string_equal(coffer_scope_outcome_name((coffer_scope_outcome)-1), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_service_is_created_listed_and_renewed),
		cmocka_unit_test(why_is_told_to_operators_and_to_jobs),
		cmocka_unit_test(a_malformed_service_is_refused),
		cmocka_unit_test(another_service_than_the_named_one_is_refused),
		cmocka_unit_test(an_answer_of_no_scope_or_too_many_is_refused),
		cmocka_unit_test(outcomes_and_states_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
