/* What transactions do to what is in memory. */
#include "core/core.h"

#include <sqlite3.h>

#include "core/grants.h"
#include "core/secrets.h"
#include "store/sqlite/query.h"
#include "world_test.h"

#define ID    "00000000-0000-7000-8000-000000000001"
#define TOKEN "abcdefghijklmnopqrstuvwxyz012345"

static uint64_t stored_revision(struct world *world)
{
	uint64_t revision;

	must(store_revision_get(world->store, &revision));
	return revision;
}

static coffer_err touch(struct world *world)
{
	return core_touch(&world->core, TEXT("global"), TEXT("A"));
}

/* Nobody could wait after revision 0. */
static void a_transaction_with_changes_counts_once_from_one_on(void **state)
{
	struct world *world = *state;

	assert_int_equal(world->core.revision, 1);
	must(core_begin(&world->core));
	must(touch(world));
	must(touch(world));
	assert_int_equal(world->core.revision, 1);
	must(core_commit(&world->core));
	assert_int_equal(world->core.revision, 2);
	assert_int_equal(stored_revision(world), 2);
	must(core_begin(&world->core));
	must(core_commit(&world->core));
	assert_int_equal(world->core.revision, 2);
}

/* Who waits is woken for no other commit, and for each of these. */
static void a_commit_that_changes_secrets_or_ends_a_grant_is_an_event(void **state)
{
	struct world *world = *state;

	world_grant(world, ID, GRANT_RUN, TOKEN, "global");
	assert_int_equal(world->core.events, 0);
	world_put(world, "global", "A", TEXT("v"));
	assert_int_equal(world->core.events, 1);
	must(core_begin(&world->core));
	must(touch(world));
	must(grants_end(&world->core, TEXT(ID), GRANT_REVOKED));
	core_rollback(&world->core);
	assert_int_equal(world->core.events, 1);
	must(core_begin(&world->core));
	must(grants_end(&world->core, TEXT(ID), GRANT_REVOKED));
	must(core_commit(&world->core));
	assert_int_equal(world->core.events, 2);
	must(core_begin(&world->core));
	must(core_commit(&world->core));
	assert_int_equal(world->core.events, 2);
}

static void what_is_rolled_back_is_not_counted(void **state)
{
	struct world *world = *state;
	struct grant grant = { .scopes = { TEXT("global") }, .scopes_len = 1 };

	must(core_begin(&world->core));
	must(touch(world));
	core_rollback(&world->core);
	assert_int_equal(world->core.revision, 1);
	must(core_begin(&world->core));
	must(core_commit(&world->core));
	assert_int_equal(world->core.revision, 1);
	assert_false(changes_seen(&world->core.changes, &grant, 1));
	assert_int_equal(stored_revision(world), 0);
}

static int refuse_commit(void *unused)
{
	(void)unused;
	return 1;
}

/* A5 must not come true by a change that was not made. */
static void a_commit_that_fails_ends_no_grant_and_counts_nothing(void **state)
{
	struct world *world = *state;
	char id[COFFER_ID_LEN + 1];
	struct grant *grant;
	grant_end end;

	world_grant(world, ID, GRANT_RUN, TOKEN, "global");
	must(grants_authenticate(&world->core, TEXT(TOKEN), 0, &grant, &end, id));
	(void)sqlite3_commit_hook(world->store->db, refuse_commit, NULL);
	must(core_begin(&world->core));
	must(grants_end(&world->core, TEXT(ID), GRANT_REVOKED));
	must(touch(world));
	assert_int_not_equal(core_commit(&world->core), COFFER_OK);
	assert_int_equal(grants_state(grant, 0), GRANT_LIVE);
	assert_int_equal(world->core.revision, 1);
	assert_int_equal(world->core.events, 0);
	assert_false(changes_seen(&world->core.changes, grant, 1));
	(void)sqlite3_commit_hook(world->store->db, NULL, NULL);
	must(core_begin(&world->core));
	must(core_commit(&world->core));
	assert_int_equal(grants_state(grant, 0), GRANT_LIVE);
	grants_release(&world->core, grant);
}

static void the_revision_is_taken_up_from_the_store(void **state)
{
	struct world *world = *state;
	struct core again = world->core;

	world_put(world, "global", "A", TEXT("1"));
	world_put(world, "global", "A", TEXT("2"));
	must(core_init(&again));
	assert_int_equal(again.revision, 3);
	core_destroy(&again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_transaction_with_changes_counts_once_from_one_on),
		CASE(a_commit_that_changes_secrets_or_ends_a_grant_is_an_event),
		CASE(what_is_rolled_back_is_not_counted),
		CASE(a_commit_that_fails_ends_no_grant_and_counts_nothing),
		CASE(the_revision_is_taken_up_from_the_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
