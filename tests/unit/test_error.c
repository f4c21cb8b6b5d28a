/* The one error space: every code has a name and a text, and the names are those on the wire. */
#include <coffer/error.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <string.h>

static void the_numbers_are_what_they_always_were(void **state)
{
	static const struct {
		coffer_err err;
		int number;
		const char *name;
	} cases[] = {
		{ COFFER_OK, 0, "OK" },
		{ COFFER_INVALID_ARGUMENT, 1, "INVALID_ARGUMENT" },
		{ COFFER_UNAUTHENTICATED, 2, "UNAUTHENTICATED" },
		{ COFFER_PERMISSION_DENIED, 3, "PERMISSION_DENIED" },
		{ COFFER_NOT_FOUND, 4, "NOT_FOUND" },
		{ COFFER_ALREADY_EXISTS, 5, "ALREADY_EXISTS" },
		{ COFFER_GONE, 6, "GONE" },
		{ COFFER_ABORTED, 7, "ABORTED" },
		{ COFFER_FAILED_PRECONDITION, 8, "FAILED_PRECONDITION" },
		{ COFFER_RESOURCE_EXHAUSTED, 9, "RESOURCE_EXHAUSTED" },
		{ COFFER_UNAVAILABLE, 10, "UNAVAILABLE" },
		{ COFFER_DEADLINE_EXCEEDED, 11, "DEADLINE_EXCEEDED" },
		{ COFFER_UNIMPLEMENTED, 12, "UNIMPLEMENTED" },
		{ COFFER_INTERNAL, 13, "INTERNAL" },
		{ COFFER_DATA_LOSS, 14, "DATA_LOSS" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(cases[i].err, cases[i].number);
		assert_string_equal(coffer_err_name(cases[i].err), cases[i].name);
		assert_true(strlen(coffer_err_text(cases[i].err)) > 0);
		assert_string_not_equal(coffer_err_text(cases[i].err), "unknown error");
	}
}

/* A newer server may send them. */
static void numbers_that_are_no_codes_have_a_name_too(void **state)
{
	const int numbers[] = { 15, 16, 255, INT_MAX, -1, INT_MIN };

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		assert_string_equal(coffer_err_name((coffer_err)numbers[i]), "UNKNOWN");
		assert_string_equal(coffer_err_text((coffer_err)numbers[i]), "unknown error");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_numbers_are_what_they_always_were),
		cmocka_unit_test(numbers_that_are_no_codes_have_a_name_too),
	};

	return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
