/* Tokens and the grants that they stand for. */
#include "core/grants.h"

#include "core/runs.h"
#include "world_test.h"

#define ID    "00000000-0000-7000-8000-000000000001"
#define TOKEN "abcdefghijklmnopqrstuvwxyz012345"

static struct grant *authenticate(struct world *world, const char *token, int64_t now_ms)
{
	char id[COFFER_ID_LEN + 1];
	struct grant *grant;
	grant_end end;

	must(grants_authenticate(&world->core, TEXT(token), now_ms, &grant, &end, id));
	assert_string_equal(id, grant->id);
	assert_int_equal(end, GRANT_LIVE);
	return grant;
}

static void assert_refused(struct world *world, const char *token, int64_t now_ms, grant_end want,
			   const char *id_wanted)
{
	char id[COFFER_ID_LEN + 1] = "x";
	struct grant *grant;
	grant_end end;

	assert_int_equal(grants_authenticate(&world->core, TEXT(token), now_ms, &grant, &end, id),
			 COFFER_UNAUTHENTICATED);
	assert_null(grant);
	assert_int_equal(end, want);
	assert_string_equal(id, id_wanted);
}

static void a_token_gives_its_grant_and_no_other_does(void **state)
{
	static const char *const others[] = { "", "abcdefghijklmnopqrstuvwxyz01234",
					      "abcdefghijklmnopqrstuvwxyz0123456",
					      "Abcdefghijklmnopqrstuvwxyz012345",
					      "abcdefghijklmnopqrstuvwxyz01234-" };
	struct world *world = *state;
	struct grant *grant;

	world_grant(world, ID, GRANT_SERVICE, TOKEN, "pipeline/p\nglobal");
	grant = authenticate(world, TOKEN, 0);
	assert_string_equal(grant->id, ID);
	assert_int_equal(grant->kind, GRANT_SERVICE);
	assert_int_equal(grant->scopes_len, 2);
	assert_slice(grant->scopes[0], "pipeline/p");
	assert_slice(grant->scopes[1], "global");
	assert_int_equal(grant->allow.len, 0);
	grants_release(&world->core, grant);
	for (size_t i = 0; i < CASES(others); i++)
		assert_refused(world, others[i], 0, GRANT_LIVE, "");
}

static void connections_share_a_grant_until_the_last_lets_it_go(void **state)
{
	struct world *world = *state;
	struct grant *first, *second;

	world_grant(world, ID, GRANT_RUN, TOKEN, "global");
	first = authenticate(world, TOKEN, 0);
	second = authenticate(world, TOKEN, 0);
	assert_ptr_equal(first, second);
	grants_release(&world->core, first);
	assert_non_null(world->core.grants);
	grants_release(&world->core, second);
	assert_null(world->core.grants);
	grants_release(&world->core, NULL);
}

static void an_ended_grant_tells_the_log_how_it_ended(void **state)
{
	static const struct {
		grant_end end;
		const char *name;
	} cases[] = {
		{ GRANT_FINISHED, "finished" },
		{ GRANT_SUPERSEDED, "superseded" },
		{ GRANT_EXPIRED, "expired" },
		{ GRANT_REVOKED, "revoked" },
	};
	struct world *world = *state;

	for (size_t i = 0; i < CASES(cases); i++) {
		char id[COFFER_ID_LEN + 1] = ID, token[] = TOKEN;
		id[0] = token[0] = (char)('a' + i);
		world_grant(world, id, GRANT_RUN, token, "global");
		must(core_begin(&world->core));
		must(grants_end(&world->core, TEXT(id), cases[i].end));
		must(core_commit(&world->core));
		assert_refused(world, token, 0, cases[i].end, id);
		assert_string_equal(grants_end_name(cases[i].end), cases[i].name);
	}
	assert_string_equal(grants_end_name(GRANT_LIVE), "unknown");
	assert_string_equal(grants_end_name((grant_end)77), "unknown");
}

static void a_grant_expires_at_its_millisecond(void **state)
{
	struct world *world = *state;
	struct world_run run = world_run(world, "p", 5000);
	struct grant *grant = authenticate(world, run.token, 4999);

	assert_int_equal(grants_state(grant, 4999), GRANT_LIVE);
	assert_int_equal(grants_state(grant, 5000), GRANT_EXPIRED);
	assert_refused(world, run.token, 5000, GRANT_EXPIRED, run.id);
	grants_release(&world->core, grant);
}

/* A5, and: what is rolled back has not ended anything. */
static void an_end_reaches_open_connections_with_its_commit(void **state)
{
	struct world *world = *state;
	struct grant *grant;

	world_grant(world, ID, GRANT_RUN, TOKEN, "global");
	grant = authenticate(world, TOKEN, 0);
	must(core_begin(&world->core));
	must(grants_end(&world->core, TEXT(ID), GRANT_REVOKED));
	assert_int_equal(grants_state(grant, 0), GRANT_LIVE);
	core_rollback(&world->core);
	assert_int_equal(grants_state(grant, 0), GRANT_LIVE);
	must(core_begin(&world->core));
	must(core_commit(&world->core));
	assert_int_equal(grants_state(grant, 0), GRANT_LIVE);
	must(core_begin(&world->core));
	must(grants_end(&world->core, TEXT(ID), GRANT_REVOKED));
	must(core_commit(&world->core));
	assert_int_equal(grants_state(grant, 0), GRANT_REVOKED);
	grants_release(&world->core, grant);
}

static void a_grant_ends_once(void **state)
{
	struct world *world = *state;

	world_grant(world, ID, GRANT_RUN, TOKEN, "global");
	must(core_begin(&world->core));
	must(grants_end(&world->core, TEXT(ID), GRANT_FINISHED));
	must(core_commit(&world->core));
	must(core_begin(&world->core));
	assert_int_equal(grants_end(&world->core, TEXT(ID), GRANT_REVOKED), COFFER_NOT_FOUND);
	core_rollback(&world->core);
	assert_refused(world, TOKEN, 0, GRANT_FINISHED, ID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_token_gives_its_grant_and_no_other_does),
		CASE(connections_share_a_grant_until_the_last_lets_it_go),
		CASE(an_ended_grant_tells_the_log_how_it_ended),
		CASE(a_grant_expires_at_its_millisecond),
		CASE(an_end_reaches_open_connections_with_its_commit),
		CASE(a_grant_ends_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
