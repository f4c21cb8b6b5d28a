/* Goal of this test: references, alone and inside JSON: what is one, what becomes of it, and that no other
 * byte of a document changes; and that what is not JSON to the letter is refused at its place. */
#include <coffer/registry.h>

#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t asked;

static coffer_err ask(void *context, const char *name, struct coffer_value *out, const char **why)
{
	(void)context;
	asked++;
	if (name[0] == 'X')
		return COFFER_NOT_FOUND;
	if (name[0] == 'E') {
		*why = "the source is away";
		return COFFER_UNAVAILABLE;
	}
	return coffer_value_copy(out, (const uint8_t *)name, strlen(name));
}

static struct coffer_registry *registry;

static int make_registry(void **state)
{
	static const uint8_t controls[] = "\"\\/\b\f\n\r\t\x01\x1f\x7f";

	(void)state;
	asked = 0;
	if (coffer_registry_new(&registry, NULL) != COFFER_OK)
		return -1;
	coffer_registry_fallback(registry, ask, NULL);
	return coffer_registry_declare(registry, "EMPTY", NULL, 0) != COFFER_OK ||
	       coffer_registry_declare(registry, "NUL", (const uint8_t *)"a\0b", 3) != COFFER_OK ||
	       coffer_registry_declare(registry, "CONTROLS", controls, sizeof(controls) - 1) !=
		   COFFER_OK ||
	       coffer_registry_declare(registry, "EURO", (const uint8_t *)"\xe2\x82\xac", 3) !=
		   COFFER_OK ||
	       coffer_registry_declare(registry, "BINARY", (const uint8_t *)"\xff\xfe", 2) !=
		   COFFER_OK ||
	       coffer_registry_declare(registry, "LOOP", (const uint8_t *)"secret:EURO", 11) !=
		   COFFER_OK;
}

static int free_registry(void **state)
{
	(void)state;
	coffer_registry_free(registry);
	return 0;
}

static coffer_err resolve(const char *json, size_t len, struct coffer_value *out)
{
	/* A copy without a byte behind it, for the sanitizer. */
	char *copy = malloc(len > 0 ? len : 1);
	coffer_err err;

	assert_non_null(copy);
	memcpy(copy, json, len);
	err = coffer_resolve_json(registry, copy, len, out);
	assert_memory_equal(copy, json, len);
	free(copy);
	return err;
}

static void becomes(const char *json, const char *want)
{
	struct coffer_value out;

	if (resolve(json, strlen(json), &out) != COFFER_OK)
		fail_msg("%s: %s", json, coffer_registry_message(registry));
	assert_string_equal(out.data, want);
	assert_int_equal(out.len, strlen(want));
	assert_string_equal(coffer_registry_message(registry), "");
	coffer_value_free(&out);
}

static void refused(const char *json, size_t len, coffer_err want, const char *words)
{
	struct coffer_value out;
	coffer_err err = resolve(json, len, &out);

	if (err != want || strstr(coffer_registry_message(registry), words) == NULL)
		fail_msg("%s: %s \"%s\" instead of %s \"%s\"", json, coffer_err_name(err),
			 coffer_registry_message(registry), coffer_err_name(want), words);
	assert_null(out.data);
}

static void a_reference_is_the_word_and_a_name_and_nothing_else(void **state)
{
	static const char *const none[] = {
		"",          "secret",    "secret:",   "secret: A",       "secret:A ",
		" secret:A", "SECRET:A",  "secret:1",  "secret:A/B",      "secret:__coffer_x",
		"secret:\n", "xsecret:A", "secret::A", "secret:secret:A",
	};
	char text[7 + 130];

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_null(coffer_reference(none[i]));
	assert_null(coffer_reference(NULL));
	assert_string_equal(coffer_reference("secret:A"), "A");
	assert_string_equal(coffer_reference("secret:a_B.c-9"), "a_B.c-9");
	memset(text, 'a', sizeof(text));
	memcpy(text, "secret:", 7);
	text[7 + 128] = '\0';
	assert_ptr_equal(coffer_reference(text), text + 7);
	text[7 + 128] = 'a';
	text[7 + 129] = '\0';
	assert_null(coffer_reference(text));
}

static void references_become_strings_at_any_depth(void **state)
{
	(void)state;
	becomes("\"secret:A\"", "\"A\"");
	becomes("[\"secret:A\",{\"k\":[[\"secret:B\"],\"secret:A\"]}]",
		"[\"A\",{\"k\":[[\"B\"],\"A\"]}]");
	becomes(" {\"a\" : \"secret:A\" , \"b\":\"secret:EMPTY\"}\n",
		" {\"a\" : \"A\" , \"b\":\"\"}\n");
}

static void every_other_byte_stays(void **state)
{
	static const char *const same[] = {
		"null",
		" true\t",
		"\r\n-0.0e+00",
		"123456789012345678901234567890.000000000000000000001E-999999",
		"[]",
		"{ }",
		"{\"secret:A\":\"secret\"}",
		"{\"a\":1,\"a\":2}",
		"[\"\\u0073ecret\", \"secret:A B\", \"x secret:A\", \"\\/\\u20AC\xe2\x82\xac\"]",
		"[false , 1.10, \"\\ud83d\\ude00\", {\"\": \"\"}]",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		becomes(same[i], same[i]);
	assert_int_equal(asked, 0);
}

static void an_escaped_reference_is_one_and_an_escaped_key_none(void **state)
{
	(void)state;
	becomes("[\"secret\\u003aA\",\"\\u0073\\u0065cret:\\u0041\"]", "[\"A\",\"A\"]");
	becomes("{\"secret\\u003aA\":1}", "{\"secret\\u003aA\":1}");
	becomes("[\"secret:A\\u0000\"]", "[\"secret:A\\u0000\"]");
}

static void a_value_is_written_as_json_has_it(void **state)
{
	(void)state;
	becomes("[\"secret:CONTROLS\"]", "[\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\"]");
	becomes("[\"secret:NUL\"]", "[\"a\\u0000b\"]");
	becomes("[\"secret:EURO\"]", "[\"\xe2\x82\xac\"]");
	becomes("[\"secret:LOOP\"]", "[\"secret:EURO\"]"); /* a value is not resolved again */
}

static void a_name_is_resolved_once_for_a_document(void **state)
{
	(void)state;
	becomes("[\"secret:A\",\"secret:B\",\"secret:A\",{\"secret:C\":\"secret:A\"}]",
		"[\"A\",\"B\",\"A\",{\"secret:C\":\"A\"}]");
	assert_int_equal(asked, 2);
}

static void every_unknown_name_is_told(void **state)
{
	static const char one[] = "[\"secret:X1\", \"secret:A\", \"secret:X1\"]";
	static const char more[] =
	    "[\"secret:X2\", {\"a\": [\"secret:X1\", \"secret:X2\"]}, \"secret:XY\"]";
	char long_one[32 + 200 * 80] = "[", name[80];

	(void)state;
	refused(one, strlen(one), COFFER_NOT_FOUND, "unknown secret 'X1'");
	refused(more, strlen(more), COFFER_NOT_FOUND, "unknown secrets 'X2', 'X1', 'XY'");
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "\"secret:X%.*s%d\",", 50,
			 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", i);
		strcat(long_one, name);
	}
	strcat(long_one, "1]");
	refused(long_one, strlen(long_one), COFFER_NOT_FOUND, ", ...");
	assert_true(strlen(coffer_registry_message(registry)) <= COFFER_MESSAGE_MAX);
}

static void a_value_that_cannot_stand_in_json_is_refused_by_name(void **state)
{
	(void)state;
	refused("[\"secret:BINARY\"]", 17, COFFER_INVALID_ARGUMENT,
		"the value of 'BINARY' is not UTF-8 and cannot stand in JSON");
	refused("[\"secret:EXTERN\"]", 17, COFFER_UNAVAILABLE, "the source is away");
}

static const struct {
	const char *json;
	const char *words;
} malformed[] = {
	{ "", "line 1, column 1: the text ends too early" },
	{ " \n ", "line 2, column 2: the text ends too early" },
	{ "\xef\xbb\xbf{}", "line 1, column 1: there is no value" },
	{ "{} {}", "line 1, column 4: there is something behind the value" },
	{ "[1\n,\n2 3]", "line 3, column 3: there is no ',' or ']'" },
	{ "[\"\xe2\x82\xac\" 1]", "line 1, column 6: there is no ',' or ']'" },
	{ "{\"a\":1 \"b\":2}", "column 8: there is no ',' or '}'" },
	{ "{\"a\":1]", "there is no ',' or '}'" },
	{ "[1}", "there is no ',' or ']'" },
	{ "[1,]", "column 4: there is no value" },
	{ "[,1]", "there is no value" },
	{ "{,}", "there is no key" },
	{ "{\"a\":1,}", "there is no key" },
	{ "{\"a\"}", "there is no ':'" },
	{ "{\"a\":}", "there is no value" },
	{ "{a:1}", "there is no key" },
	{ "{'a':1}", "there is no key" },
	{ "{1:1}", "there is no key" },
	{ "{\"a\"=1}", "there is no ':'" },
	{ "]", "there is no value" },
	{ "[", "column 2: the text ends too early" },
	{ "{\"a\":[1", "the text ends too early" },
	{ "nul", "there is no value" },
	{ "nulll", "column 5: there is something behind the value" },
	{ "True", "there is no value" },
	{ "NaN", "there is no value" },
	{ "-Infinity", "a number is not of its form" },
	{ "-", "the text ends too early" },
	{ "01", "there is something behind the value" },
	{ "-01", "there is something behind the value" },
	{ "+1", "there is no value" },
	{ "1.", "the text ends too early" },
	{ "[1.]", "a number is not of its form" },
	{ "[.5]", "there is no value" },
	{ "[1e]", "a number is not of its form" },
	{ "[1e+]", "a number is not of its form" },
	{ "[0x10]", "there is no ',' or ']'" },
	{ "\"a", "the text ends too early" },
	{ "\"a\nb\"", "line 1, column 3: a string has a control character" },
	{ "\"a\tb\"", "a string has a control character" },
	{ "\"\\x41\"", "column 2: a string has a wrong escape" },
	{ "\"\\u12g4\"", "a string has a wrong escape" },
	{ "\"\\u123\"", "a string has a wrong escape" },
	{ "\"\\U0041\"", "a string has a wrong escape" },
	{ "\"\\ud800\"", "a string has a wrong escape" },
	{ "\"\\ud800x\"", "a string has a wrong escape" },
	{ "\"\\ud800\\u0041\"", "a string has a wrong escape" },
	{ "\"\\ud800\\ud800\"", "a string has a wrong escape" },
	{ "\"\\udc00\\ud800\"", "a string has a wrong escape" },
	{ "\"\\udc00\"", "a string has a wrong escape" },
	{ "\"\\", "a string has a wrong escape" },
	{ "\"\x80\"", "a string is not UTF-8" },
	{ "\"\xc0\xaf\"", "a string is not UTF-8" },
	{ "\"\xed\xa0\x80\"", "a string is not UTF-8" },
	{ "\"\xf4\x90\x80\x80\"", "a string is not UTF-8" },
	{ "\"\xe2\x82\"", "a string is not UTF-8" },
	{ "{\"\xff\":1}", "a string is not UTF-8" },
	{ "[1] // no", "there is something behind the value" },
	{ "/* no */ 1", "there is no value" },
	{ "\f1", "there is no value" },
};

static void what_is_not_json_is_refused_at_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++)
		refused(malformed[i].json, strlen(malformed[i].json), COFFER_INVALID_ARGUMENT,
			malformed[i].words);
	refused("[\"a\0b\"]", 7, COFFER_INVALID_ARGUMENT, "a string has a control character");
	refused("[1,\0]", 5, COFFER_INVALID_ARGUMENT, "there is no value");
	refused("1\0", 2, COFFER_INVALID_ARGUMENT, "there is something behind the value");
	refused("\"\\\0\"", 4, COFFER_INVALID_ARGUMENT, "a string has a wrong escape");
}

static void a_document_that_was_cut_is_refused_at_every_byte(void **state)
{
	static const char json[] = "{\"a\":[\"secret:A\",-1.5e+3,{\"\\ud83d\\ude00\":null}],"
				   "\"b\":[true,false,\"\xe2\x82\xac\"]}";

	(void)state;
	for (size_t i = 0; i + 1 < sizeof(json); i++)
		refused(json, i, COFFER_INVALID_ARGUMENT, "line 1, column ");
	assert_int_equal(asked, 0);
}

static void depth_is_bounded(void **state)
{
	enum { MOST = 512 };
	char json[4 * MOST + 16] = "", end[4 * MOST] = "";
	struct coffer_value out;

	(void)state;
	/* Arrays and objects mixed, so that a level that is taken for the other shows. */
	for (size_t i = 0; i < MOST / 2; i++) {
		strcat(json, i % 3 == 0 ? "[" : "{\"\":");
		end[MOST / 2 - 1 - i] = i % 3 == 0 ? ']' : '}';
	}
	strcat(json, "1");
	strcat(json, end);
	becomes(json, json);
	memset(json, '[', MOST);
	memset(json + MOST, ']', MOST);
	assert_int_equal(resolve(json, (size_t)2 * MOST, &out), COFFER_OK);
	coffer_value_free(&out);
	memset(json, '[', MOST + 1);
	refused(json, MOST + 1, COFFER_INVALID_ARGUMENT, "it is nested too deep");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, make_registry, free_registry)
	const struct CMUnitTest tests[] = {
		CASE(a_reference_is_the_word_and_a_name_and_nothing_else),
		CASE(references_become_strings_at_any_depth),
		CASE(every_other_byte_stays),
		CASE(an_escaped_reference_is_one_and_an_escaped_key_none),
		CASE(a_value_is_written_as_json_has_it),
		CASE(a_name_is_resolved_once_for_a_document),
		CASE(every_unknown_name_is_told),
		CASE(a_value_that_cannot_stand_in_json_is_refused_by_name),
		CASE(what_is_not_json_is_refused_at_its_place),
		CASE(a_document_that_was_cut_is_refused_at_every_byte),
		CASE(depth_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
