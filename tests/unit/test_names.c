/* The syntax of everything that a peer names. */
#include "names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#define A16  "aaaaaaaaaaaaaaaa"
#define A64  A16 A16 A16 A16
#define A128 A64 A64

/* A literal with its length, so that it may hold NULs. */
#define IN(text)                                          \
	{                                                 \
		(const uint8_t *)(text), sizeof(text) - 1 \
	}

struct row {
	struct slice in;
	const char *why; /* NULL: fine */
};

typedef coffer_err (*check)(struct slice in, const char **why);

static void run(check names_check, const struct row *rows, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		const char *why = NULL;
		coffer_err err = names_check(rows[i].in, &why);

		if (err != (rows[i].why == NULL ? COFFER_OK : COFFER_INVALID_ARGUMENT) ||
		    (rows[i].why != NULL && strstr(why, rows[i].why) == NULL))
			fail_msg("'%.*s': %s, %s", SLICE_ARG(rows[i].in), coffer_err_name(err),
				 why ? why : "fine");
	}
}
#define RUN(names_check, rows) run(names_check, rows, sizeof(rows) / sizeof((rows)[0]))

static void secrets_have_names_by_the_table(void **state)
{
	static const struct row rows[] = {
		{ IN("A"), NULL },
		{ IN("_"), NULL },
		{ IN("aZ_09.-"), NULL },
		{ IN("a.."), NULL },
		{ IN("__coffer"), NULL },
		{ IN("__COFFER_X"), NULL },
		{ IN("x__coffer_"), NULL },
		{ IN(A128), NULL },
		{ { NULL, 0 }, "is empty" },
		{ IN(A128 "a"), "is longer than 128" },
		{ IN("0A"), "does not begin" },
		{ IN(".A"), "does not begin" },
		{ IN("-A"), "does not begin" },
		{ IN("/A"), "does not begin" },
		{ IN("A/B"), "has a character" },
		{ IN("A B"), "has a character" },
		{ IN("A\n"), "has a character" },
		{ IN("A\0"), "has a character" },
		{ IN("A\0B"), "has a character" },
		{ IN("A\xc3\xa9"), "has a character" },
		{ IN("A*"), "has a character" },
		{ IN("A="), "has a character" },
		{ IN("__coffer_"), "reserved" },
		{ IN("__coffer_migrated"), "reserved" },
	};

	(void)state;
	RUN(names_check_secret, rows);
}

static void ids_have_parts_by_the_table(void **state)
{
	static const struct row rows[] = {
		{ IN("app"), NULL },
		{ IN("0190b6b5-9d3e-7c1a-8f00-0123456789ab"), NULL },
		{ IN("team/app/main"), NULL },
		{ IN("..."), NULL },
		{ IN(".hidden/..x"), NULL },
		{ IN(A128 A64 "aaaaaaaaaaaaaaaa" A16 A16 "aaaaaa"), NULL },
		{ IN(A128 A64 "aaaaaaaaaaaaaaaa" A16 A16 "aaaaaaa"), "is longer than 246" },
		{ { NULL, 0 }, "is empty" },
		{ IN("/"), "empty part" },
		{ IN("/app"), "empty part" },
		{ IN("app/"), "empty part" },
		{ IN("a//b"), "empty part" },
		{ IN("."), "'.' or '..'" },
		{ IN(".."), "'.' or '..'" },
		{ IN("a/../b"), "'.' or '..'" },
		{ IN("a/."), "'.' or '..'" },
		{ IN("../a"), "'.' or '..'" },
		{ IN("a b"), "has a character" },
		{ IN("a\0b"), "has a character" },
		{ IN("a\\b"), "has a character" },
		{ IN("__coffer_x"), "reserved" },
		{ IN("a/__coffer_x/b"), "reserved" },
	};

	(void)state;
	RUN(names_check_id, rows);
}

static coffer_err check_scope(struct slice in, const char **why)
{
	scope_kind kind;

	return names_check_scope(in, &kind, why);
}

static void scopes_are_of_four_kinds(void **state)
{
	static const struct row rows[] = {
		{ IN("pipeline/" A128 A64 A16 A16 A16 "aaaaaa"), NULL },
		{ IN("pipeline/" A128 A64 A16 A16 A16 "aaaaaaa"), "is longer than 255" },
		{ IN("run/" A128 A64 A16 A16 A16 "aaaaaaa"), "is longer than 246" },
		{ { NULL, 0 }, "is none of" },
		{ IN("globa"), "is none of" },
		{ IN("global/"), "is none of" },
		{ IN("global/x"), "is none of" },
		{ IN("Global"), "is none of" },
		{ IN("global\0"), "is none of" },
		{ IN("pipeline"), "is none of" },
		{ IN("pipeline/"), "is empty" },
		{ IN("run//x"), "empty part" },
		{ IN("system/../global"), "'.' or '..'" },
		{ IN("system/__coffer_x"), "reserved" },
	};
	static const struct {
		const char *in;
		scope_kind kind;
	} kinds[] = {
		{ "global", SCOPE_GLOBAL },
		{ "pipeline/team/app", SCOPE_PIPELINE },
		{ "run/0190b6b5-9d3e-7c1a-8f00-0123456789ab", SCOPE_RUN },
		{ "system/registry", SCOPE_SYSTEM },
	};

	(void)state;
	RUN(check_scope, rows);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const char *why = NULL;
		scope_kind kind = SCOPE_GLOBAL;

		assert_int_equal(names_check_scope(slice_str(kinds[i].in), &kind, &why), COFFER_OK);
		assert_int_equal(kind, kinds[i].kind);
	}
}

static void globs_have_wildcards_beside_the_characters_of_names(void **state)
{
	static const struct row rows[] = {
		{ IN("*"), NULL },
		{ IN("AWS_*"), NULL },
		{ IN("?.-_9"), NULL },
		{ IN(A128), NULL },
		{ { NULL, 0 }, "is empty" },
		{ IN(A128 "*"), "is longer" },
		{ IN("[a]"), "has a character" },
		{ IN("a\\*"), "has a character" },
		{ IN("a/b"), "has a character" },
		{ IN("a\0"), "has a character" },
	};

	(void)state;
	RUN(names_check_glob, rows);
}

static coffer_err check_text(struct slice in, const char **why)
{
	return names_check_text(in, 16, why);
}

static void free_text_is_utf8_without_controls(void **state)
{
	static const struct row rows[] = {
		{ { NULL, 0 }, NULL },
		{ IN(A16), NULL },
		{ IN(A16 "a"), "is too long" },
		{ IN(" ~\u00a0\u00e9\u20ac"), NULL },
		{ IN("\U0001f512\U0010ffff"), NULL },
		{ IN("\xef\xbf\xbf\xee\x80\x80"), NULL },
		{ IN("\xed\x9f\xbf"), NULL },
		{ IN("a\0"), "control" },
		{ IN("\n"), "control" },
		{ IN("\x1b[0m"), "control" },
		{ IN("\x1f"), "control" },
		{ IN("\x7f"), "control" },
		{ IN("\xc2\x80"), "control" },
		{ IN("\xc2\x9b"
		     "0m"),
		  "control" },
		{ IN("\xc2\x9f"), "control" },
		{ IN("\x80"), "not UTF-8" },
		{ IN("a\xff"), "not UTF-8" },
		{ IN("\xc0\x80"), "not UTF-8" },
		{ IN("\xc1\xbf"), "not UTF-8" },
		{ IN("\xe0\x9f\xbf"), "not UTF-8" },
		{ IN("\xf0\x8f\xbf\xbf"), "not UTF-8" },
		{ IN("\xed\xa0\x80"), "not UTF-8" },
		{ IN("\xf4\x90\x80\x80"), "not UTF-8" },
		{ IN("\xf5\x80\x80\x80"), "not UTF-8" },
		{ IN("\xc3"), "not UTF-8" },
		{ IN("\xe2\x82"), "not UTF-8" },
		{ IN("\xf0\x9f\x94"), "not UTF-8" },
		{ IN("\xe2\x28\xa1"), "not UTF-8" },
		{ IN("\xe2\x82\x28"), "not UTF-8" },
	};

	(void)state;
	RUN(check_text, rows);
}

/* What Unicode allows, by another way of looking at it: decode, and encode again. */
static void every_short_sequence_is_utf8_only_if_it_encodes_one_character(void **state)
{
	(void)state;
	for (uint32_t c = 0; c < 0x110000; c++) {
		uint8_t bytes[4];
		size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
		bool surrogate = c >= 0xd800 && c < 0xe000;

		for (size_t i = len; i-- > 1;)
			bytes[i] = (uint8_t)(0x80 | (c >> 6 * (len - 1 - i) & 0x3f));
		bytes[0] = (uint8_t)(c >> 6 * (len - 1));
		if (len > 1)
			bytes[0] |= (uint8_t)(0xf00 >> len);
		if (names_utf8((struct slice){ bytes, len }) != (surrogate ? 0 : len))
			fail_msg("U+%04X", c);
		for (size_t part = 1; part < len; part++)
			if (names_utf8((struct slice){ bytes, part }) != 0)
				fail_msg("U+%04X cut to %zu bytes", c, part);
	}
}

static void tokens_have_one_length_and_alphabet(void **state)
{
	char token[COFFER_TOKEN_LEN + 2] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";

	(void)state;
	assert_true(names_is_token(slice_str(token)));
	assert_true(names_is_token(SLICE_LITERAL("abcdefghijklmnopqrstuvwxyz678900")));
	assert_false(names_is_token(SLICE_EMPTY));
	for (size_t len = 0; len < COFFER_TOKEN_LEN; len++)
		assert_false(names_is_token((struct slice){ (const uint8_t *)token, len }));
	for (size_t at = 0; at < COFFER_TOKEN_LEN; at++) {
		for (unsigned c = 0; c < 256; c++) {
			char was = token[at];
			bool want = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
				    (c >= 'a' && c <= 'z');

			token[at] = (char)c;
			assert_int_equal(names_is_token((struct slice){ (const uint8_t *)token,
									COFFER_TOKEN_LEN }),
					 want);
			token[at] = was;
		}
	}
	token[COFFER_TOKEN_LEN] = 'A';
	assert_false(names_is_token(slice_str(token)));
}

static void uuids_are_in_lower_case_with_dashes_in_their_places(void **state)
{
	static const struct {
		const char *in;
		bool want;
	} cases[] = {
		{ "0190b6b5-9d3e-7c1a-8f00-0123456789ab", true },
		{ "ffffffff-ffff-ffff-ffff-ffffffffffff", true },
		{ "", false },
		{ "0190B6B5-9d3e-7c1a-8f00-0123456789ab", false },
		{ "0190b6b5-9d3e-7c1a-8f00-0123456789a", false },
		{ "0190b6b5-9d3e-7c1a-8f00-0123456789abc", false },
		{ "0190b6b59d3e-7c1a-8f00-0123456789ab-", false },
		{ "0190b6b5-9d3e-7c1a-8f00-0123456789ag", false },
		{ "0190b6b5-9d3e-7c1a-8f00-01234567 9ab", false },
		{ "0190b6b5_9d3e-7c1a-8f00-0123456789ab", false },
		{ "------------------------------------", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(names_is_uuid(slice_str(cases[i].in)), cases[i].want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(secrets_have_names_by_the_table),
		cmocka_unit_test(ids_have_parts_by_the_table),
		cmocka_unit_test(scopes_are_of_four_kinds),
		cmocka_unit_test(globs_have_wildcards_beside_the_characters_of_names),
		cmocka_unit_test(free_text_is_utf8_without_controls),
		cmocka_unit_test(every_short_sequence_is_utf8_only_if_it_encodes_one_character),
		cmocka_unit_test(tokens_have_one_length_and_alphabet),
		cmocka_unit_test(uuids_are_in_lower_case_with_dashes_in_their_places),
	};

	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
