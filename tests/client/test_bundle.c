/* Goal of this test: what is not a bootstrap file to the letter is refused, in words that hold nothing of
 * it, and gone. */
#include "local_file.h"

static const struct {
	const char *content, *words;
} malformed[] = {
	{ "", "line 1, column 1: the text ends too early" },
	{ "\n{\"version\":1", "line 2, column 13: the text ends too early" },
	{ "{\"version\":1}x", "line 1, column 14: there is something behind the value" },
	{ "{\"version\":1 \"run_id\":\"\"}", "there is no ',' or '}'" },
	{ "{\"version\" 1}", "there is no ':' behind a key" },
	{ "{version:1}", "there is no key in quotes" },
	{ "{\"version\":1,\"secrets\":{\"A\":\"\xff\"}}", "a string is not UTF-8" },
	{ "{\"version\":1,\"secrets\":{\"A\":\"\\ud800\"}}", "a wrong escape" },
	{ "[]", "'version' is not 1" },
	{ "\"version\"", "'version' is not 1" },
	{ "{}", "'version' is not 1" },
	{ "{\"version\":null}", "'version' is not 1" },
	{ "{\"version\":2}", "'version' is not 1" },
	{ "{\"version\":1.0}", "'version' is not 1" },
	{ "{\"version\":\"1\"}", "'version' is not of its type" },
	{ "{\"version\":1,\"version\":1}", "'version' stands there twice" },
	{ "{\"version\":1,\"v\\u0065rsion\":1}", "'version' stands there twice" },
	{ "{\"version\":1,\"secrets\":null,\"secrets\":{}}", "'secrets' stands there twice" },
	{ "{\"version\":1,\"secrets\":[]}", "'secrets' is not of its type" },
	{ "{\"version\":1,\"secrets\":{\"A\":1}}", "the value of 'A' is not a string" },
	{ "{\"version\":1,\"secrets\":{\"A\":{\"B\":\"\"}}}", "the value of 'A' is not a" },
	{ "{\"version\":1,\"secrets\":{\"A B\":\"\"}}", "a secret's name has a character" },
	{ "{\"version\":1,\"secrets\":{\"\":\"\"}}", "a secret's name is empty" },
	{ "{\"version\":1,\"secrets\":{\"__coffer_x\":\"\"}}", "reserved prefix" },
	{ "{\"version\":1,\"secrets\":{\"A\":\"\",\"B\":\"\",\"A\":\"\"}}",
	  "'A' stands there twice" },
	{ "{\"version\":1,\"secrets\":{\"A\":\"\"},\"secrets_base64\":{\"A\":\"\"}}",
	  "'A' stands there twice" },
	{ "{\"version\":1,\"secrets_base64\":{\"A\":\"AAA\"}}", "of 'A' is not base64" },
	{ "{\"version\":1,\"secrets_base64\":{\"A\":\"A===\"}}", "of 'A' is not base64" },
	{ "{\"version\":1,\"secrets_base64\":{\"A\":\"AB==\"}}", "of 'A' is not base64" },
	{ "{\"version\":1,\"secrets_base64\":{\"A\":\"AA==AAAA\"}}", "of 'A' is not base64" },
	{ "{\"version\":1,\"secrets_base64\":{\"A\":\"AA_-\"}}", "of 'A' is not base64" },
	{ "{\"version\":1,\"secrets_base64\":{\"A\":\"AA A\"}}", "of 'A' is not base64" },
	{ "{\"version\":1,\"expires_at_ms\":-1}", "'expires_at_ms' is not a whole number" },
	{ "{\"version\":1,\"expires_at_ms\":1e3}", "'expires_at_ms' is not a whole" },
	{ "{\"version\":1,\"expires_at_ms\":9223372036854775808}", "or too large" },
	{ "{\"version\":1,\"run_id\":\"" LOCAL_RUN_ID "0\"}", "the run's id or a scope" },
	{ "{\"version\":1,\"run_id\":\"a\\nb\"}", "the run's id or a scope" },
	{ "{\"version\":1,\"scopes\":[1]}", "'scopes' holds something else than strings" },
	{ "{\"version\":1,\"scopes\":[\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\"]}",
	  "'scopes' holds more than 8 strings" },
	{ "{\"version\":1,\"allow\":[\"A B\"]}", "a glob in 'allow' has a character" },
	{ "{\"version\":1,\"meta\":{\"ref\":[]}}", "'ref' is not of its type" },
	{ "{\"version\":1,\"meta\":{\"ref\":\"a\\u0000b\"}}", "has a NUL" },
	{ "{\"version\":1,\"extras\":{\"a\":1}}", "an extra is not a string" },
	{ "{\"version\":1,\"extras\":{\"a\":\"\",\"a\":\"\"}}", "an extra stands there twice" },
	{ "{\"version\":1,\"secrets\":{\"A\":\"\"},\"secret_info\":{\"A\":1}}",
	  "'secret_info' holds something else" },
	{ "{\"version\":1,\"secrets\":{\"A\":\"\"},\"secret_info\":{\"A\":{\"scope\":\"x\"}"
	  "}}",
	  "the scope of 'A' is none of" },
	{ "{\"version\":1,\"secrets\":{\"A\":\"\"},\"secret_info\":{\"A\":{\"version\":"
	  "4294967296}}}",
	  "'version' is not a whole number, or too large" },
};

static void malformed_content_is_refused_in_words_and_gone(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
		write_file(malformed[i].content);
		refused(COFFER_INVALID_ARGUMENT, malformed[i].words);
		assert_false(exists(path));
	}
}

/* Each beginning of a good file is refused, and each end of one. */
static void a_file_that_was_cut_is_refused_at_every_byte(void **state)
{
	size_t len = strlen(whole) - 1; /* without the newline */

	(void)state;
	for (size_t i = 0; i < len; i++) {
		write_bytes(whole, i, 0600);
		refused(COFFER_INVALID_ARGUMENT, "line 1, column ");
		assert_false(exists(path));
	}
}

/* What is wrong with a file is told without a byte of its values. */
static void messages_hold_no_value(void **state)
{
	static const char *const contents[] = {
		"{\"version\":1,\"secrets\":{\"hunter2\xff\":\"hunter2\"}}",
		"{\"version\":1,\"secrets\":{\"hunter2 \":\"hunter2\"}}",
		"{\"version\":1,\"secrets_base64\":{\"A\":\"hunter2\"}}",
		"{\"version\":1,\"secrets\":\"hunter2\"}",
		"{\"version\":1,\"scopes\":[\"hunter2\\n\"]}",
		"{\"version\":1,\"secrets\":{\"A\":\"hunter2\"} \"hunter2\"}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
		struct coffer_session *session;
		write_file(contents[i]);
		assert_int_equal(try_open(&session), COFFER_INVALID_ARGUMENT);
		assert_null(strstr(coffer_message(session), "hunter2"));
		coffer_close(session);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOCAL_CASE(malformed_content_is_refused_in_words_and_gone),
		LOCAL_CASE(a_file_that_was_cut_is_refused_at_every_byte),
		LOCAL_CASE(messages_hold_no_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
