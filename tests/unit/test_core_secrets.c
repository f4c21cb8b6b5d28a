/* Secrets: look-ups along scopes, versions, and what opens where. */
#include "core/secrets.h"

#include "world_test.h"

#define PLAIN_MAX 64

#define NOW 5
#define VALUE(...)                   \
	&(struct secrets_content)    \
	{                            \
		.value = __VA_ARGS__ \
	}

/* A grant as it stands in memory. */
static struct grant grant_over(const char *first, const char *second, const char *third,
			       const char *allow)
{
	struct grant grant = { .scopes = { TEXT(first), TEXT(second), TEXT(third) },
			       .allow = TEXT(allow) };

	grant.scopes_len = third ? 3 : second ? 2 : 1;
	return grant;
}

static void assert_value(struct world *world, const struct store_secret *row, const char *want)
{
	uint8_t *plain = arena_take(world->arena, PLAIN_MAX);
	size_t len;

	must(secrets_value_len(row, &len));
	assert_true(len <= PLAIN_MAX);
	must(secrets_open(&world->core, row, plain));
	assert_slice((struct slice){ plain, len }, want);
	arena_give(world->arena, plain, PLAIN_MAX, PLAIN_MAX);
}

static struct secrets_target target_of(const char *name)
{
	return (
	    struct secrets_target){ .scope = TEXT("global"), .name = TEXT(name), .now_ms = NOW };
}

/* Runs one change in a transaction of its own. */
#define CHANGE(world, call)                                \
	({                                                 \
		must(core_begin(&(world)->core));          \
		coffer_err changed = (call);               \
		if (changed == COFFER_OK)                  \
			must(core_commit(&(world)->core)); \
		else                                       \
			core_rollback(&(world)->core);     \
		changed;                                   \
	})

static coffer_err remove_from(struct world *world, const char *scope, const char *name, bool purge)
{
	struct secrets_target target = target_of(name);
	uint32_t version;

	target.scope = TEXT(scope);
	return CHANGE(world, secrets_remove(&world->core, &target, purge, &version));
}

/* C2 */
static void the_first_scope_that_has_the_name_wins(void **state)
{
	struct world *world = *state;
	struct grant grant = grant_over("run/x", "pipeline/p", "global", NULL);
	struct store_secret row;

	world_put(world, "global", "A", TEXT("of all"));
	must(secrets_find(&world->core, &grant, TEXT("A"), NOW, &row));
	assert_slice(row.scope, "global");
	world_put(world, "pipeline/p", "A", TEXT("of p"));
	must(secrets_find(&world->core, &grant, TEXT("A"), NOW, &row));
	assert_slice(row.scope, "pipeline/p");
	assert_value(world, &row, "of p");
	world_put(world, "pipeline/other", "A", TEXT("of another"));
	must(secrets_find(&world->core, &grant, TEXT("A"), NOW, &row));
	assert_value(world, &row, "of p");
	world_put(world, "run/x", "A", TEXT("own"));
	must(secrets_find(&world->core, &grant, TEXT("A"), NOW, &row));
	assert_value(world, &row, "own");
	must(remove_from(world, "run/x", "A", false));
	must(secrets_find(&world->core, &grant, TEXT("A"), NOW, &row));
	assert_value(world, &row, "of p");
	must(remove_from(world, "pipeline/p", "A", true));
	must(secrets_find(&world->core, &grant, TEXT("A"), NOW, &row));
	assert_value(world, &row, "of all");
	assert_int_equal(secrets_find(&world->core, &grant, TEXT("B"), NOW, &row),
			 COFFER_NOT_FOUND);
}

/* What is remembered of a look-up must not outlive a change, and must be the same answer twice. */
static void a_look_up_sees_every_change_at_once(void **state)
{
	struct world *world = *state;
	struct grant grant = grant_over("global", NULL, NULL, NULL);
	struct store_secret row;

	for (int i = 0; i < 3; i++) {
		char value[32];
		assert_int_equal(secrets_find(&world->core, &grant, TEXT("A"), NOW, &row),
				 COFFER_NOT_FOUND);
		for (int k = 0; k < 3; k++) {
			snprintf(value, sizeof(value), "%d-%d", i, k);
			world_put(world, "global", "A", TEXT(value));
			for (int again = 0; again < 2; again++) {
				must(secrets_find(&world->core, &grant, TEXT("A"), NOW, &row));
				assert_value(world, &row, value);
			}
		}
		must(remove_from(world, "global", "A", i == 1));
	}
}

static void a_walk_merges_the_scopes_by_name(void **state)
{
	static const struct {
		const char *name, *scope;
	} want[] = { { "A", "global" }, { "AB", "pipeline/p" }, { "B", "pipeline/p" },
		     { "D", "run/x" },  { "E", "pipeline/p" },  { "a", "global" } };
	struct world *world = *state;
	struct grant grant = grant_over("run/x", "pipeline/p", "global", NULL);
	struct secrets_cursor cursor = { .len = 0 };
	struct store_secret row;

	world_put(world, "global", "A", TEXT("1"));
	world_put(world, "global", "B", TEXT("1"));
	world_put(world, "global", "D", TEXT("1"));
	world_put(world, "global", "a", TEXT("1"));
	world_put(world, "pipeline/p", "AB", TEXT("1"));
	world_put(world, "pipeline/p", "B", TEXT("1"));
	world_put(world, "pipeline/p", "E", TEXT("1"));
	world_put(world, "pipeline/p", "C", TEXT("1"));
	world_put(world, "run/x", "D", TEXT("1"));
	world_put(world, "run/x", "E", TEXT("1"));
	world_put(world, "pipeline/q", "AA", TEXT("1"));
	must(remove_from(world, "pipeline/p", "C", false));
	must(remove_from(world, "run/x", "E", false));
	for (size_t i = 0; i < CASES(want); i++) {
		must(secrets_next(&world->core, &grant, &cursor, NOW, &row));
		assert_slice(row.name, want[i].name);
		assert_slice(row.scope, want[i].scope);
		assert_value(world, &row, "1");
	}
	assert_int_equal(secrets_next(&world->core, &grant, &cursor, NOW, &row), COFFER_NOT_FOUND);
}

static void a_walk_passes_over_what_the_globs_leave_out(void **state)
{
	struct world *world = *state;
	struct grant grant = grant_over("pipeline/p", "global", NULL, "B*\nD");
	struct secrets_cursor cursor = { .len = 0 };
	struct store_secret row;

	for (const char *name = "ABCDE"; *name != '\0'; name++)
		world_put(world, "global", (char[]){ *name, '\0' }, TEXT("1"));
	world_put(world, "pipeline/p", "BB", TEXT("1"));
	must(secrets_next(&world->core, &grant, &cursor, NOW, &row));
	assert_slice(row.name, "B");
	must(secrets_next(&world->core, &grant, &cursor, NOW, &row));
	assert_slice(row.name, "BB");
	must(secrets_next(&world->core, &grant, &cursor, NOW, &row));
	assert_slice(row.name, "D");
	assert_int_equal(secrets_next(&world->core, &grant, &cursor, NOW, &row), COFFER_NOT_FOUND);
}

/* E2 */
static void every_write_is_a_version_and_the_newest_are_kept(void **state)
{
	static const struct {
		uint32_t version;
		const char *value; /* NULL: not there */
	} want[] = { { 0, "5" },  { 5, "5" },  { 4, "4" },          { 3, "3" },
		     { 2, NULL }, { 6, NULL }, { UINT32_MAX, NULL } };
	struct world *world = *state;
	struct store_secret row;

	for (const char *value = "12345"; *value != '\0'; value++)
		world_put(world, "global", "A", (struct slice){ (const uint8_t *)value, 1 });
	for (size_t i = 0; i < CASES(want); i++) {
		coffer_err err =
		    secrets_at(&world->core, TEXT("global"), TEXT("A"), want[i].version, NOW, &row);
		assert_int_equal(err, want[i].value ? COFFER_OK : COFFER_NOT_FOUND);
		if (err == COFFER_OK)
			assert_value(world, &row, want[i].value);
	}
	must(remove_from(world, "global", "A", false));
	assert_int_equal(secrets_at(&world->core, TEXT("global"), TEXT("A"), 0, NOW, &row),
			 COFFER_NOT_FOUND);
	assert_int_equal(secrets_at(&world->core, TEXT("global"), TEXT("A"), 6, NOW, &row),
			 COFFER_NOT_FOUND);
	must(secrets_at(&world->core, TEXT("global"), TEXT("A"), 5, NOW, &row));
}

static void compare_and_set_needs_the_newest_live_version(void **state)
{
	struct world *world = *state;
	struct secrets_target target = target_of("A");
	uint32_t version;
	static const struct {
		uint32_t if_version;
		bool remove;
		coffer_err want;
	} steps[] = {
		{ 1, false, COFFER_ABORTED }, /* there is none */
		{ 0, false, COFFER_OK },      /* makes 1 */
		{ 0, false, COFFER_ABORTED }, { 2, false, COFFER_ABORTED },
		{ 1, false, COFFER_OK },                              /* makes 2 */
		{ 1, true, COFFER_ABORTED },  { 2, true, COFFER_OK }, /* 3 is a tombstone */
		{ 3, false, COFFER_ABORTED }, { 0, true, COFFER_NOT_FOUND },
		{ 0, false, COFFER_OK }, /* makes 4 */
	};

	target.check_version = true;
	for (size_t i = 0; i < CASES(steps); i++) {
		target.if_version = steps[i].if_version;
		assert_int_equal(
		    CHANGE(world,
			   steps[i].remove
			       ? secrets_remove(&world->core, &target, false, &version)
			       : secrets_put(&world->core, &target, VALUE(TEXT("v")), &version)),
		    steps[i].want);
	}
	assert_int_equal(version, 4);
}

static void a_value_may_be_empty_and_as_large_as_configured(void **state)
{
	struct world *world = *state;
	struct secrets_target target = target_of("A");
	uint8_t *value = calloc(1, world->core.value_max + 1);
	struct store_secret row;
	uint32_t version;
	size_t len;

	assert_non_null(value);
	must(CHANGE(world, secrets_put(&world->core, &target, VALUE(SLICE_EMPTY), &version)));
	must(secrets_at(&world->core, target.scope, target.name, 0, NOW, &row));
	assert_value(world, &row, "");
	must(CHANGE(world, secrets_put(&world->core, &target,
				       VALUE({ value, world->core.value_max }), &version)));
	must(secrets_at(&world->core, target.scope, target.name, 0, NOW, &row));
	must(secrets_value_len(&row, &len));
	assert_int_equal(len, world->core.value_max);
	assert_int_equal(CHANGE(world,
				secrets_put(&world->core, &target,
					    VALUE({ value, world->core.value_max + 1 }), &version)),
			 COFFER_RESOURCE_EXHAUSTED);
	free(value);
}

static void a_rollback_is_a_new_version_of_an_old_value(void **state)
{
	static const struct {
		uint32_t from;
		coffer_err want;
	} cases[] = {
		{ 0, COFFER_NOT_FOUND },
		{ 1, COFFER_NOT_FOUND }, /* pruned */
		{ 9, COFFER_NOT_FOUND },
		{ UINT32_MAX, COFFER_NOT_FOUND },
		{ 4, COFFER_FAILED_PRECONDITION }, /* the tombstone */
		{ 3, COFFER_OK },
	};
	struct world *world = *state;
	struct secrets_target target = target_of("A");
	struct store_secret row;
	uint32_t version;

	world_put(world, "global", "A", TEXT("one"));
	world_put(world, "global", "A", TEXT("two"));
	world_put(world, "global", "A", TEXT("three"));
	must(remove_from(world, "global", "A", false));
	for (size_t i = 0; i < CASES(cases); i++)
		assert_int_equal(
		    CHANGE(world, secrets_rollback(&world->core, &target, cases[i].from, &version)),
		    cases[i].want);
	assert_int_equal(version, 5);
	must(secrets_at(&world->core, target.scope, target.name, 0, NOW, &row));
	assert_value(world, &row, "three");
}

static void a_purge_leaves_no_version(void **state)
{
	struct world *world = *state;
	struct store_secret row;

	assert_int_equal(remove_from(world, "global", "A", true), COFFER_NOT_FOUND);
	world_put(world, "global", "A", TEXT("one"));
	must(remove_from(world, "global", "A", false));
	must(remove_from(world, "global", "A", true));
	assert_int_equal(store_secret_latest(world->store, TEXT("global"), TEXT("A"), &row),
			 COFFER_NOT_FOUND);
	world_put(world, "global", "A", TEXT("two"));
	must(secrets_at(&world->core, TEXT("global"), TEXT("A"), 1, NOW, &row));
}

/* The number behind the greatest version was once handed to the store, which refuses it as a defect. */
static void the_greatest_version_is_the_last(void **state)
{
	struct world *world = *state;
	struct secrets_target target = target_of("A");
	struct store_secret row = { .scope = target.scope,
				    .name = target.name,
				    .version = UINT32_MAX - 1,
				    .sealed = TEXT("sealed") };
	uint32_t version;

	must(CHANGE(world, store_secret_put(world->store, &row)));
	assert_int_equal(CHANGE(world,
				secrets_put(&world->core, &target, VALUE(TEXT("v")), &version)),
			 COFFER_RESOURCE_EXHAUSTED);
}

/* Whoever can write the database can move rows about in it, or edit them. */
static void a_record_opens_only_where_it_was_written(void **state)
{
	struct world *world = *state;
	uint8_t *plain = arena_take(world->arena, PLAIN_MAX), sealed[128];
	static const uint8_t zeros[PLAIN_MAX];
	struct store_secret row;
	size_t len;

	world_put(world, "global", "A", TEXT("value"));
	must(secrets_at(&world->core, TEXT("global"), TEXT("A"), 0, NOW, &row));
	len = row.sealed.len;
	assert_true(len <= sizeof(sealed));
	memcpy(sealed, row.sealed.data, len);
	for (int i = 0; i < 5; i++) {
		struct store_secret moved = { .scope = TEXT(i == 0 ? "pipeline/p" : "global"),
					      .name = TEXT(i == 1 ? "B" : "A"),
					      .version = i == 2 ? 2 : 1,
					      .flags = i == 3 ? STORE_DELETED : 0,
					      .sealed = { sealed, len } };
		memset(plain, 0x55, PLAIN_MAX);
		assert_int_equal(secrets_open(&world->core, &moved, plain),
				 i == 4 ? COFFER_OK : COFFER_DATA_LOSS);
		assert_memory_equal(plain, i == 4 ? (const uint8_t *)"value" : zeros, 5);
	}
	for (size_t i = 0; i < len; i++) {
		struct store_secret bent = { .scope = TEXT("global"),
					     .name = TEXT("A"),
					     .version = 1,
					     .sealed = { sealed, len } };
		sealed[i] ^= 1;
		assert_int_equal(secrets_open(&world->core, &bent, plain), COFFER_DATA_LOSS);
		sealed[i] ^= 1;
	}
	arena_give(world->arena, plain, PLAIN_MAX, PLAIN_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(the_first_scope_that_has_the_name_wins),
		CASE(a_look_up_sees_every_change_at_once),
		CASE(a_walk_merges_the_scopes_by_name),
		CASE(a_walk_passes_over_what_the_globs_leave_out),
		CASE(every_write_is_a_version_and_the_newest_are_kept),
		CASE(compare_and_set_needs_the_newest_live_version),
		CASE(a_value_may_be_empty_and_as_large_as_configured),
		CASE(a_rollback_is_a_new_version_of_an_old_value),
		CASE(a_purge_leaves_no_version),
		CASE(the_greatest_version_is_the_last),
		CASE(a_record_opens_only_where_it_was_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
