/* What a grant and an operator may do. */
#include "core/policy.h"

#include "world_test.h"

static void globs_choose_names(void **state)
{
	static const struct {
		const char *globs, *name;
		bool want;
	} cases[] = {
		{ "", "ANY", true },
		{ "A", "A", true },
		{ "A", "AB", false },
		{ "AB", "A", false },
		{ "A*", "A", true },
		{ "A*", "AWS_KEY", true },
		{ "*", "X", true },
		{ "?", "X", true },
		{ "?", "XY", false },
		{ "*_KEY", "AWS_KEY", true },
		{ "*_KEY", "AWS_KEYS", false },
		{ "B\nA*\nC", "AWS", true },
		{ "B\nA*\nC", "C", true },
		{ "B\nA*\nC", "D", false },
		{ "a*", "AWS", false },
		{ "A.B", "AxB", false },
		{ "A.*", ".A", false },
		{ "*", ".hidden", true },
		{ "A\n", "B", false },
	};

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		struct grant grant = { .allow = TEXT(cases[i].globs) };
		assert_int_equal(policy_allows_name(&grant, TEXT(cases[i].name)), cases[i].want);
	}
}

static void a_glob_or_name_that_is_too_long_matches_nothing(void **state)
{
	char name[COFFER_NAME_MAX + 2];
	struct grant grant = { .allow = SLICE_LITERAL("*") };

	(void)state;
	memset(name, 'A', sizeof(name));
	assert_true(
	    policy_allows_name(&grant, (struct slice){ (const uint8_t *)name, COFFER_NAME_MAX }));
	assert_false(policy_allows_name(&grant, (struct slice){ (const uint8_t *)name,
								COFFER_NAME_MAX + 1 }));
	memset(name, '*', sizeof(name));
	grant.allow = (struct slice){ (const uint8_t *)name, COFFER_NAME_MAX + 1 };
	assert_false(policy_allows_name(&grant, TEXT("A")));
}

static void a_bound_grant_is_for_its_uid_alone(void **state)
{
	struct grant bound = { .bind_uid = true, .uid = 0 }, free_one = { .uid = 5 };

	(void)state;
	assert_true(policy_allows_peer(&bound, 0));
	assert_false(policy_allows_peer(&bound, 1));
	assert_false(policy_allows_peer(&bound, UINT32_MAX));
	assert_true(policy_allows_peer(&free_one, 77));
}

static void operators_are_root_the_daemon_and_the_group(void **state)
{
	static const gid_t groups[] = { 7, 50, 9 };
	static const struct {
		struct policy_operators operators;
		uint32_t uid, gid;
		size_t groups;
		bool want;
	} cases[] = {
		{ { 1000, false, 0 }, 0, 5, 0, true },
		{ { 1000, false, 0 }, 1000, 5, 0, true },
		{ { 1000, false, 0 }, 1001, 0, 3, false },
		{ { 1000, true, 50 }, 1001, 50, 0, true },
		{ { 1000, true, 50 }, 1001, 51, 3, true },
		{ { 1000, true, 50 }, 1001, 51, 1, false },
		{ { 1000, true, 50 }, 50, 51, 0, false },
		{ { 3000000000u, false, 0 }, 3000000000u, 1, 0, true },
	};

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++)
		assert_int_equal(policy_is_operator(&cases[i].operators, cases[i].uid, cases[i].gid,
						    groups, cases[i].groups),
				 cases[i].want);
}

static void system_scopes_need_to_be_asked_for(void **state)
{
	static const struct {
		const char *scope;
		bool system;
		coffer_err want;
	} cases[] = {
		{ "global", false, COFFER_OK },
		{ "pipeline/p", false, COFFER_OK },
		{ "run/x", true, COFFER_OK },
		{ "system/c", true, COFFER_OK },
		{ "system/c", false, COFFER_PERMISSION_DENIED },
		{ "system/", false, COFFER_INVALID_ARGUMENT },
		{ "system/../global", true, COFFER_INVALID_ARGUMENT },
		{ "System/c", false, COFFER_INVALID_ARGUMENT },
		{ "", true, COFFER_INVALID_ARGUMENT },
	};

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		const char *why = NULL;
		assert_int_equal(policy_check_scope(TEXT(cases[i].scope), cases[i].system, &why),
				 cases[i].want);
		assert_int_equal(why != NULL, cases[i].want != COFFER_OK);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(globs_choose_names),
		cmocka_unit_test(a_glob_or_name_that_is_too_long_matches_nothing),
		cmocka_unit_test(a_bound_grant_is_for_its_uid_alone),
		cmocka_unit_test(operators_are_root_the_daemon_and_the_group),
		cmocka_unit_test(system_scopes_need_to_be_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
