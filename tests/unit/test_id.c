/* Run ids (A3) and tokens (A2). */
#include "base/id.h"

#include "names.h"
#include "stack_scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#define NOW_MS INT64_C(0x0123456789ab)

static void id_has_the_form_of_uuid_version_7_with_its_time(void **state)
{
	struct id_source source = { 0 };
	char id[COFFER_ID_LEN + 1];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		id_make(&source, NOW_MS, id);
		assert_int_equal(strlen(id), COFFER_ID_LEN);
		assert_true(names_is_uuid(slice_str(id)));
		assert_memory_equal(id, "01234567-89ab-7", 15);
		assert_non_null(strchr("89ab", id[19]));
	}
}

static void ids_sort_as_they_were_made(void **state)
{
	static const struct {
		const char *name;
		int64_t from_ms;
		int64_t step_ms;
		int count;
	} cases[] = {
		{ "within one millisecond", NOW_MS, 0, 20000 },
		{ "while the clock goes on", NOW_MS, 1, 1000 },
		{ "while the clock goes back", NOW_MS, -1000, 1000 },
		{ "before 1970", -NOW_MS, 1, 1000 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct id_source source = { 0 };
		char last[COFFER_ID_LEN + 1] = "", id[COFFER_ID_LEN + 1];

		for (int n = 0; n < cases[i].count; n++) {
			id_make(&source, cases[i].from_ms + n * cases[i].step_ms, id);
			if (strcmp(last, id) >= 0)
				fail_msg("%s: %s is not after %s", cases[i].name, id, last);
			memcpy(last, id, sizeof(last));
		}
	}
}

static void ids_of_two_sources_differ(void **state)
{
	struct id_source a = { 0 }, b = { 0 };
	char id_a[COFFER_ID_LEN + 1], id_b[COFFER_ID_LEN + 1];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		id_make(&a, NOW_MS, id_a);
		id_make(&b, NOW_MS, id_b);
		assert_string_not_equal(id_a, id_b);
	}
}

static void what_is_stored_as_an_id_has_its_length(void **state)
{
	static const char text[] = "00000000-0000-7000-8000-0000000000012";
	char id[COFFER_ID_LEN + 1] = "as it was";

	(void)state;
	for (size_t len = 0; len < sizeof(text); len++)
		if (len != COFFER_ID_LEN)
			assert_int_equal(id_copy(id, (struct slice){ (const uint8_t *)text, len }),
					 COFFER_DATA_LOSS);
	assert_string_equal(id, "as it was");
	assert_int_equal(id_copy(id, (struct slice){ (const uint8_t *)text, COFFER_ID_LEN }),
			 COFFER_OK);
	assert_int_equal(strlen(id), COFFER_ID_LEN);
	assert_memory_equal(id, text, COFFER_ID_LEN);
}

static void token_has_its_alphabet_and_writes_no_further(void **state)
{
	char token[COFFER_TOKEN_LEN + 1];

	(void)state;
	for (int i = 0; i < 200; i++) {
		token[COFFER_TOKEN_LEN] = '!';
		id_make_token(token);
		assert_true(names_is_token((struct slice){ (uint8_t *)token, COFFER_TOKEN_LEN }));
		assert_int_equal(token[COFFER_TOKEN_LEN], '!');
	}
}

/* 124,000 characters over 62: the expected count of each is 2,000, its standard deviation 44. A bound
 * of 7 of them fails by chance less than once in 10^9 runs; a byte modulo 62 gives eight of the
 * characters 2,422. */
static void token_characters_are_uniform(void **state)
{
	unsigned counts[256] = { 0 };
	char token[COFFER_TOKEN_LEN];

	(void)state;
	for (int i = 0; i < 124000 / COFFER_TOKEN_LEN; i++) {
		id_make_token(token);
		for (size_t c = 0; c < sizeof(token); c++)
			counts[(unsigned char)token[c]]++;
	}
	for (int c = 0; c < 256; c++) {
		if (counts[c] != 0 && (counts[c] < 2000 - 310 || counts[c] > 2000 + 310))
			fail_msg("character %d came %u times", c, counts[c]);
	}
}

/* What id_make_token must not do: build the token in memory of its own. */
__attribute__((noinline)) static void careless_token(char out[COFFER_TOKEN_LEN])
{
	char local[1024]; /* the token at its low end is below the frames that follow */

	id_make_token(local);
	memcpy(out, local, COFFER_TOKEN_LEN);
	__asm__ __volatile__("" : : "r"(local) : "memory");
}

static void token_is_nowhere_on_the_stack(void **state)
{
	static char token[COFFER_TOKEN_LEN];

	(void)state;
	careless_token(token);
	assert_true(stack_scan_finds(token, 8));
	id_make_token(token);
	assert_false(stack_scan_finds(token, 8));
	assert_false(stack_scan_finds(token + COFFER_TOKEN_LEN - 8, 8));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(id_has_the_form_of_uuid_version_7_with_its_time),
		cmocka_unit_test(ids_sort_as_they_were_made),
		cmocka_unit_test(ids_of_two_sources_differ),
		cmocka_unit_test(what_is_stored_as_an_id_has_its_length),
		cmocka_unit_test(token_has_its_alphabet_and_writes_no_further),
		cmocka_unit_test(token_characters_are_uniform),
		cmocka_unit_test(token_is_nowhere_on_the_stack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
