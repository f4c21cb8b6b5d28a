/* What is remembered of changes: who sees them, what a rollback takes back, and what is forgotten. */
#include "core/changes.h"

#include "core/grants.h"
#include "world_test.h"

#define FIRST 10 /* the revision to begin with */

static struct changes changes;

static int setup(void **state)
{
	(void)state;
	changes_init(&changes, FIRST);
	return 0;
}

static void change(const char *scope, const char *name)
{
	changes_add(&changes, TEXT(scope), TEXT(name));
	changes_commit(&changes, changes.revision + 1);
}

static struct grant grant_of(const char *allow)
{
	return (struct grant){ .scopes = { TEXT("run/x"), TEXT("pipeline/p"), TEXT("global") },
			       .scopes_len = 3,
			       .allow = TEXT(allow) };
}

/* A5, C2: nobody is told that a secret of others has changed. */
static void a_change_is_seen_by_whom_the_secret_is(void **state)
{
	static const struct {
		const char *scope, *name, *allow;
		bool want;
	} cases[] = {
		{ "global", "A", NULL, true },
		{ "pipeline/p", "A", NULL, true },
		{ "run/x", "A", NULL, true },
		{ "pipeline/q", "A", NULL, false },
		{ "pipeline/pp", "A", NULL, false },
		{ "pipeline", "/pA", NULL, false },
		{ "run/y", "A", NULL, false },
		{ "system/c", "A", NULL, false },
		{ "global", "AWS_KEY", "AWS_*\nB", true },
		{ "global", "B", "AWS_*\nB", true },
		{ "global", "BB", "AWS_*\nB", false },
		{ "pipeline/q", "B", "AWS_*\nB", false },
	};

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		struct grant grant = grant_of(cases[i].allow);
		changes_init(&changes, FIRST);
		change(cases[i].scope, cases[i].name);
		assert_int_equal(changes_seen(&changes, &grant, FIRST), cases[i].want);
		assert_false(changes_seen(&changes, &grant, FIRST + 1));
	}
}

static void what_came_before_the_first_and_what_never_came_counts_as_changed(void **state)
{
	struct grant grant = grant_of(NULL);

	(void)state;
	assert_false(changes_seen(&changes, &grant, FIRST));
	assert_true(changes_seen(&changes, &grant, FIRST - 1));
	assert_true(changes_seen(&changes, &grant, 0));
	assert_true(changes_seen(&changes, &grant, FIRST + 1));
	assert_true(changes_seen(&changes, &grant, UINT64_MAX));
	change("pipeline/q", "A");
	assert_false(changes_seen(&changes, &grant, FIRST));
	assert_false(changes_seen(&changes, &grant, FIRST + 1));
	assert_true(changes_seen(&changes, &grant, FIRST + 2));
}

static void a_change_is_known_when_it_is_committed_and_not_if_it_is_rolled_back(void **state)
{
	struct grant grant = grant_of(NULL);

	(void)state;
	changes_add(&changes, TEXT("global"), TEXT("A"));
	assert_false(changes_seen(&changes, &grant, FIRST));
	changes_rollback(&changes);
	assert_false(changes_seen(&changes, &grant, FIRST));
	changes_commit(&changes, FIRST);
	assert_false(changes_seen(&changes, &grant, FIRST));
	change("pipeline/q", "A");
	assert_false(changes_seen(&changes, &grant, FIRST));
	changes_add(&changes, TEXT("global"), TEXT("A"));
	changes_add(&changes, TEXT("pipeline/q"), TEXT("A"));
	changes_commit(&changes, FIRST + 2);
	assert_true(changes_seen(&changes, &grant, FIRST));
	assert_true(changes_seen(&changes, &grant, FIRST + 1));
	assert_false(changes_seen(&changes, &grant, FIRST + 2));
}

static void make_longest(char scope[COFFER_SCOPE_MAX + 1], char name[COFFER_NAME_MAX + 1])
{
	memset(scope, 's', COFFER_SCOPE_MAX);
	memset(name, 'N', COFFER_NAME_MAX);
	scope[COFFER_SCOPE_MAX] = name[COFFER_NAME_MAX] = '\0';
}

static void what_is_forgotten_counts_as_changed(void **state)
{
	struct grant grant = grant_of(NULL);
	uint64_t after = FIRST;

	(void)state;
	while (!changes_seen(&changes, &grant, FIRST)) {
		assert_true(after < FIRST + CHANGES_BYTES);
		change("pipeline/q", "A");
		after++;
	}
	assert_true(after > FIRST + 100);
	assert_false(changes_seen(&changes, &grant, after - 100));
	change("global", "A");
	assert_true(changes_seen(&changes, &grant, after - 100));
	assert_false(changes_seen(&changes, &grant, after + 1));
}

/* A batch of the longest names is more than there is room for: it pushes out what was before it, and its own. */
static void a_transaction_may_be_larger_than_the_room(void **state)
{
	struct grant grant = grant_of(NULL);
	char scope[COFFER_SCOPE_MAX + 1], name[COFFER_NAME_MAX + 1];

	(void)state;
	make_longest(scope, name);
	for (int committed = 0; committed < 2; committed++) {
		changes_init(&changes, FIRST);
		change("pipeline/q", "A");
		for (int i = 0; i < COFFER_BATCH_MAX; i++)
			changes_add(&changes, TEXT(scope), TEXT(name));
		if (!committed) {
			changes_rollback(&changes);
			assert_true(changes_seen(&changes, &grant, FIRST));
			assert_false(changes_seen(&changes, &grant, FIRST + 1));
			assert_true(changes_seen(&changes, &grant, FIRST + 2));
			continue;
		}
		changes_commit(&changes, FIRST + 2);
		assert_true(changes_seen(&changes, &grant, FIRST + 1));
		assert_false(changes_seen(&changes, &grant, FIRST + 2));
	}
}

/* --- against a model ---------------------------------------------------------------------------------------- */

#define STEPS 20000
#define SEED  20240612u

static uint32_t seed;

static unsigned pick(unsigned below)
{
	seed = seed * 1664525u + 1013904223u;
	return (unsigned)(((uint64_t)seed * below) >> 32);
}

/* Adds a change; true if the model's grant, of names "A*", sees it. */
static bool add_random(void)
{
	char scope[COFFER_SCOPE_MAX + 1], name[COFFER_NAME_MAX + 1];
	const char *const scopes[] = { "global", "pipeline/p", "pipeline/q", "run/y", scope };
	size_t which = pick(CASES(scopes));

	make_longest(scope, name);
	name[pick(10) == 0 ? COFFER_NAME_MAX : 1 + pick(16)] = '\0';
	name[0] = pick(3) == 0 ? 'A' : 'B';
	changes_add(&changes, TEXT(scopes[which]), TEXT(name));
	return which < 2 && name[0] == 'A';
}

/* The newest changes, half of the room full of them, are told exactly; older ones are never missed. */
static void random_transactions_are_seen_as_the_model_has_them(void **state)
{
	static bool seen[FIRST + STEPS + 1]; /* whether that revision changed what the grant sees */
	struct grant grant = grant_of("A*");
	size_t exact = 0, vague = 0;

	(void)state;
	seed = SEED;
	print_message("seed %u\n", SEED);
	for (int step = 0; step < STEPS; step++) {
		bool any = false, want = false;
		uint64_t after = changes.revision;
		for (unsigned n = pick(4); n > 0; n--)
			any |= add_random();
		if (pick(8) == 0) {
			changes_rollback(&changes);
		} else if (changes.len > changes.committed) {
			changes_commit(&changes, changes.revision + 1);
			seen[changes.revision] = any;
		}
		after =
		    changes.revision - pick(pick(2) ? 10 : 600) % (changes.revision - FIRST + 1);
		for (uint64_t revision = after; revision < changes.revision; revision++)
			want |= seen[revision + 1];
		if (after >= changes.since) {
			exact++;
			assert_int_equal(changes_seen(&changes, &grant, after), want);
		} else {
			vague++;
			assert_true(changes_seen(&changes, &grant, after));
			assert_true(changes.revision - after > 5);
		}
	}
	assert_true(exact > STEPS / 4 && vague > STEPS / 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_change_is_seen_by_whom_the_secret_is, setup),
		cmocka_unit_test_setup(
		    what_came_before_the_first_and_what_never_came_counts_as_changed, setup),
		cmocka_unit_test_setup(
		    a_change_is_known_when_it_is_committed_and_not_if_it_is_rolled_back, setup),
		cmocka_unit_test_setup(what_is_forgotten_counts_as_changed, setup),
		cmocka_unit_test_setup(a_transaction_may_be_larger_than_the_room, setup),
		cmocka_unit_test_setup(random_transactions_are_seen_as_the_model_has_them, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
