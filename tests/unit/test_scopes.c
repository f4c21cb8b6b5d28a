/* Lists of scopes and globs. */
#include "core/scopes.h"

#include "world_test.h"

static const struct slice run_id = SLICE_LITERAL("0190b6b5-9d3e-7c1a-8f00-0123456789ab");

static void a_list_gives_its_items_in_order(void **state)
{
	static const struct {
		const char *list, *items[4];
	} cases[] = {
		{ "", { NULL } },           { "a", { "a" } },
		{ "a\nbc", { "a", "bc" } }, { "a\n\nb", { "a", "", "b" } },
		{ "a\n", { "a" } },         { "\n", { "" } },
	};

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		struct slice list = TEXT(cases[i].list), item;
		size_t n = 0;
		while (scopes_next(&list, &item))
			assert_slice(item, cases[i].items[n++]);
		assert_null(cases[i].items[n]);
		assert_int_equal(list.len, 0);
	}
}

static void items_are_added_until_the_list_is_full(void **state)
{
	uint8_t text[6];
	struct buf list = { text, 0, sizeof(text) };

	(void)state;
	must(scopes_add(&list, TEXT("ab")));
	must(scopes_add(&list, TEXT("cde")));
	assert_slice(body_of(&list), "ab\ncde");
	assert_int_equal(scopes_add(&list, TEXT("f")), COFFER_RESOURCE_EXHAUSTED);
}

static void a_run_searches_its_own_scope_first_and_global_last(void **state)
{
	uint8_t text[SCOPES_OF_RUN_MAX];
	struct buf list = { text, 0, sizeof(text) };
	char scope[SCOPES_RUN_LEN];

	(void)state;
	must(scopes_of_run(&list, run_id, TEXT("team/app")));
	assert_slice(body_of(&list), "run/0190b6b5-9d3e-7c1a-8f00-0123456789ab\n"
				     "pipeline/team/app\nglobal");
	assert_slice(scopes_run(scope, run_id), "run/0190b6b5-9d3e-7c1a-8f00-0123456789ab");
}

static void the_longest_pipeline_fits(void **state)
{
	uint8_t text[SCOPES_OF_RUN_MAX], pipeline[COFFER_SCOPE_MAX - 9];
	struct buf list = { text, 0, sizeof(text) };
	struct slice rest, item;
	const char *why;

	(void)state;
	memset(pipeline, 'p', sizeof(pipeline));
	must(names_check_id((struct slice){ pipeline, sizeof(pipeline) }, &why));
	must(scopes_of_run(&list, run_id, (struct slice){ pipeline, sizeof(pipeline) }));
	rest = body_of(&list);
	assert_true(scopes_next(&rest, &item));
	assert_true(scopes_next(&rest, &item));
	assert_int_equal(item.len, COFFER_SCOPE_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_gives_its_items_in_order),
		cmocka_unit_test(items_are_added_until_the_list_is_full),
		cmocka_unit_test(a_run_searches_its_own_scope_first_and_global_last),
		cmocka_unit_test(the_longest_pipeline_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
