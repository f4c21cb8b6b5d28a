/* Services: grants with a name, which end, are renewed and give their name back. */
#include "core/services.h"

#include "core/grants.h"
#include "core/policy.h"
#include "world_test.h"

struct made {
	char id[COFFER_ID_LEN + 1];
	char token[COFFER_TOKEN_LEN + 1];
};

static coffer_err create(struct world *world, const char *name, int64_t now_ms, int64_t expires_ms,
			 struct made *made)
{
	struct services_spec spec = { .name = TEXT(name),
				      .scopes = TEXT("system/ci\nglobal"),
				      .now_ms = now_ms,
				      .expires_ms = expires_ms };
	char *token = arena_take(world->arena, COFFER_TOKEN_LEN);
	coffer_err err;

	*made = (struct made){ .id = "" };
	must(core_begin(&world->core));
	if ((err = services_create(&world->core, &spec, made->id, token)) == COFFER_OK)
		must(core_commit(&world->core));
	else
		core_rollback(&world->core);
	memcpy(made->token, token, COFFER_TOKEN_LEN);
	arena_give(world->arena, token, COFFER_TOKEN_LEN, COFFER_TOKEN_LEN);
	return err;
}

static coffer_err renew(struct world *world, const char *id, int64_t now_ms, int64_t expires_ms)
{
	coffer_err err;

	must(core_begin(&world->core));
	err = services_renew(&world->core, TEXT(id), now_ms, expires_ms);
	if (err == COFFER_OK)
		must(core_commit(&world->core));
	else
		core_rollback(&world->core);
	return err;
}

static struct grant *authenticate(struct world *world, const struct made *made, int64_t now_ms,
				  coffer_err want, grant_end want_end)
{
	char id[COFFER_ID_LEN + 1];
	struct grant *grant;
	grant_end end;

	assert_int_equal(
	    grants_authenticate(&world->core, TEXT(made->token), now_ms, &grant, &end, id), want);
	assert_int_equal(end, want_end);
	assert_string_equal(id, made->id);
	return grant;
}

static void a_services_token_gives_its_scopes_in_their_order(void **state)
{
	struct world *world = *state;
	struct grant *grant;
	struct made made;

	must(create(world, "dispatcher", 10, 1000, &made));
	grant = authenticate(world, &made, 10, COFFER_OK, GRANT_LIVE);
	assert_int_equal(grant->kind, GRANT_SERVICE);
	assert_int_equal(grant->scopes_len, 2);
	assert_slice(grant->scopes[0], "system/ci");
	assert_slice(grant->scopes[1], "global");
	grants_release(&world->core, grant);
}

static void a_name_is_taken_while_its_service_lives(void **state)
{
	struct world *world = *state;
	struct made first, second;

	must(create(world, "a", 0, 1000, &first));
	must(create(world, "b", 0, 1000, &second));
	assert_int_equal(create(world, "a", 999, 5000, &second), COFFER_ALREADY_EXISTS);
	must(core_begin(&world->core));
	must(grants_end(&world->core, TEXT(first.id), GRANT_REVOKED));
	must(core_commit(&world->core));
	must(create(world, "a", 999, 5000, &second));
	assert_string_not_equal(first.id, second.id);
	assert_string_not_equal(first.token, second.token);
	authenticate(world, &first, 0, COFFER_UNAUTHENTICATED, GRANT_REVOKED);
}

static void an_expired_service_gives_its_name_to_the_next(void **state)
{
	struct world *world = *state;
	struct made first, second;
	struct store_grant row;

	must(create(world, "a", 0, 1000, &first));
	must(create(world, "a", 1000, 5000, &second));
	must(store_grant_by_id(world->store, TEXT(first.id), &row));
	assert_int_equal(row.end, GRANT_EXPIRED);
	grants_release(&world->core, authenticate(world, &second, 1000, COFFER_OK, GRANT_LIVE));
}

/* Also a shorter time: so who waits on an open connection is to look again. */
static void a_renewal_reaches_open_connections_with_its_commit(void **state)
{
	struct world *world = *state;
	struct grant *grant;
	struct made made;
	uint64_t events;

	must(create(world, "a", 0, 1000, &made));
	grant = authenticate(world, &made, 0, COFFER_OK, GRANT_LIVE);
	must(core_begin(&world->core));
	must(services_renew(&world->core, TEXT(made.id), 500, 9000));
	assert_int_equal(grants_state(grant, 1000), GRANT_EXPIRED);
	core_rollback(&world->core);
	assert_int_equal(grants_state(grant, 1000), GRANT_EXPIRED);
	must(core_begin(&world->core));
	must(core_commit(&world->core));
	assert_int_equal(grants_state(grant, 1000), GRANT_EXPIRED);
	events = world->core.events;
	must(renew(world, made.id, 500, 9000));
	assert_int_equal(world->core.events, events + 1);
	assert_int_equal(grants_state(grant, 8999), GRANT_LIVE);
	assert_int_equal(grants_state(grant, 9000), GRANT_EXPIRED);
	must(renew(world, made.id, 500, 600));
	assert_int_equal(grants_state(grant, 600), GRANT_EXPIRED);
	grants_release(&world->core, grant);
	authenticate(world, &made, 600, COFFER_UNAUTHENTICATED, GRANT_EXPIRED);
}

static void what_has_ended_is_not_renewed(void **state)
{
	struct world *world = *state;
	struct world_run run = world_run(world, "p", NEVER);
	struct made made;

	must(create(world, "a", 0, 1000, &made));
	assert_int_equal(renew(world, made.id, 1000, 5000), COFFER_FAILED_PRECONDITION);
	authenticate(world, &made, 1000, COFFER_UNAUTHENTICATED, GRANT_EXPIRED);
	must(core_begin(&world->core));
	must(grants_end(&world->core, TEXT(made.id), GRANT_REVOKED));
	must(core_commit(&world->core));
	assert_int_equal(renew(world, made.id, 0, 5000), COFFER_FAILED_PRECONDITION);
	assert_int_equal(renew(world, "00000000-0000-7000-8000-00000000ffff", 0, 5000),
			 COFFER_NOT_FOUND);
	/* A run's time is its own. */
	assert_int_equal(renew(world, run.id, 0, 5000), COFFER_NOT_FOUND);
}

static void a_service_reads_any_scope_but_a_runs(void **state)
{
	static const struct {
		const char *scope;
		coffer_err want;
	} cases[] = {
		{ "global", COFFER_OK },
		{ "pipeline/team/app", COFFER_OK },
		{ "system/ci", COFFER_OK },
		{ "run/00000000-0000-7000-8000-000000000001", COFFER_INVALID_ARGUMENT },
		{ "run/x", COFFER_INVALID_ARGUMENT },
		{ "system/", COFFER_INVALID_ARGUMENT },
		{ "system/../global", COFFER_INVALID_ARGUMENT },
		{ "", COFFER_INVALID_ARGUMENT },
	};

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		const char *why = NULL;
		assert_int_equal(policy_check_service_scope(TEXT(cases[i].scope), &why),
				 cases[i].want);
		assert_int_equal(why != NULL, cases[i].want != COFFER_OK);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_services_token_gives_its_scopes_in_their_order),
		CASE(a_name_is_taken_while_its_service_lives),
		CASE(an_expired_service_gives_its_name_to_the_next),
		CASE(a_renewal_reaches_open_connections_with_its_commit),
		CASE(what_has_ended_is_not_renewed),
		cmocka_unit_test(a_service_reads_any_scope_but_a_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
