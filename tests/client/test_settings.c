/* Goal of this test: where socket, token and run id come from, and what a wrong one is told as; never with the
 * token in it. */
#include "fake.h"
#include "support.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define OTHER_TOKEN "ABCDEFGHIJKLMNOPQRSTUVWXYZ987654"

/* Refuses Hello with what it said as the message, but for the token, which is named. */
static void serve_echo(struct fake_conn *conn)
{
	coffer_v1_HelloRequest hello;
	char text[512];

	if (!fake_read(conn) || codec_decode(conn->body, coffer_v1_HelloRequest_fields, &hello,
					     sizeof(hello)) != COFFER_OK)
		return;
	snprintf(text, sizeof(text), "token %s run %.*s client %.*s via %.*s",
		 slice_equal(hello.token, SLICE_LITERAL(FAKE_TOKEN))    ? "one"
		 : slice_equal(hello.token, SLICE_LITERAL(OTHER_TOKEN)) ? "two"
									: "unknown",
		 SLICE_ARG(hello.run_id), SLICE_ARG(hello.client), SLICE_ARG(hello.via));
	fake_refuse(conn, conn->id, COFFER_NOT_FOUND, text);
	(void)fake_send(conn);
}

static int clear_environment(void **state)
{
	(void)state;
	unsetenv("COFFER_SOCKET");
	unsetenv("COFFER_TOKEN");
	unsetenv("COFFER_TOKEN_FILE");
	unsetenv("COFFER_RUN_ID");
	unsetenv("COFFER_TRANSPORT");
	unsetenv("COFFER_BOOTSTRAP");
	unsetenv("SECRETS_API_URL");
	unsetenv("SECRETS_API_TOKEN");
	return 0;
}

/* Opens, and checks the message. */
static void expect(const struct coffer_options *options, coffer_err want, const char *message)
{
	struct coffer_session *session;
	coffer_err err = coffer_open(&session, options);

	assert_int_equal(err, want);
	if (strstr(coffer_message(session), message) == NULL)
		fail_msg("\"%s\" instead of \"%s\"", coffer_message(session), message);
	assert_null(strstr(coffer_message(session), "abcdefgh"));
	assert_null(strstr(coffer_message(session), "ABCDEFGH"));
	coffer_close(session);
}

static void the_environment_gives_what_options_leave_out(void **state)
{
	struct fake fake = fake_start(serve_echo, 0);
	struct coffer_options options = { .timeout_ms = FAKE_PATIENT_MS };

	(void)state;
	setenv("COFFER_SOCKET", fake.path, 1);
	setenv("COFFER_TOKEN", FAKE_TOKEN, 1);
	setenv("COFFER_TOKEN_FILE", "/nonexistent", 1);
	setenv("COFFER_RUN_ID", "run-from-environment", 1);
	expect(NULL, COFFER_NOT_FOUND, "token one run run-from-environment client libcoffer/");
	options.token = OTHER_TOKEN;
	options.run_id = "run-from-options";
	options.client = "test/1";
	options.via = "somebody";
	expect(&options, COFFER_NOT_FOUND,
	       "token two run run-from-options client test/1 via somebody");
	options.socket = "/nonexistent/socket";
	expect(&options, COFFER_UNAVAILABLE, "/nonexistent/socket");
	fake_stop(&fake);
}

static void a_url_and_a_token_alone_are_enough(void **state)
{
	struct fake fake = fake_start(serve_echo, 0);
	char url[160];

	(void)state;
	snprintf(url, sizeof(url), "unix://%s", fake.path);
	setenv("SECRETS_API_URL", url, 1);
	setenv("SECRETS_API_TOKEN", FAKE_TOKEN, 1);
	expect(NULL, COFFER_NOT_FOUND, "token one run  client libcoffer/");
	setenv("COFFER_TOKEN", "", 1); /* as good as unset */
	setenv("COFFER_SOCKET", "", 1);
	expect(NULL, COFFER_NOT_FOUND, "token one");
	setenv("COFFER_TOKEN", OTHER_TOKEN, 1); /* comes first */
	expect(NULL, COFFER_NOT_FOUND, "token two");
	unsetenv("COFFER_TOKEN");
	setenv("COFFER_TOKEN_FILE", "/nonexistent/token", 1); /* so does this */
	expect(NULL, COFFER_INVALID_ARGUMENT, "cannot open the token file /nonexistent/token");
	setenv("COFFER_SOCKET", "/nonexistent/socket", 1);
	setenv("COFFER_TOKEN", FAKE_TOKEN, 1);
	expect(NULL, COFFER_UNAVAILABLE, "/nonexistent/socket");
	fake_stop(&fake);
}

static void a_url_of_another_kind_is_refused_and_not_shown(void **state)
{
	static const char *const urls[] = {
		"https://abcdefgh@host/", "unix://relative", "unix:/path", "/path",
		"UNIX:///path",           "unix://"
	};

	(void)state;
	setenv("SECRETS_API_TOKEN", FAKE_TOKEN, 1);
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		setenv("SECRETS_API_URL", urls[i], 1);
		expect(NULL, COFFER_INVALID_ARGUMENT,
		       "SECRETS_API_URL is not of the form unix:///path");
	}
}

static void write_file(const char *path, const char *content, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, len), len);
	close(fd);
}

static void a_token_file_holds_a_token_and_at_most_a_newline(void **state)
{
	static const struct {
		const char *content;
		size_t len;
		coffer_err want;
		const char *message;
	} cases[] = {
		{ FAKE_TOKEN, 32, COFFER_NOT_FOUND, "token one" },
		{ FAKE_TOKEN "\n", 33, COFFER_NOT_FOUND, "token one" },
		{ FAKE_TOKEN "\n\n", 34, COFFER_INVALID_ARGUMENT, "does not hold a token" },
		{ FAKE_TOKEN "\r\n", 34, COFFER_INVALID_ARGUMENT, "does not hold a token" },
		{ FAKE_TOKEN FAKE_TOKEN, 64, COFFER_INVALID_ARGUMENT, "does not hold a token" },
		{ FAKE_TOKEN, 31, COFFER_INVALID_ARGUMENT, "does not hold a token" },
		{ "abcdefghijklmnopqrstuvwxyz01234-", 32, COFFER_INVALID_ARGUMENT, "does not" },
		{ "abcdefghijklmnopqrstuvwxyz01234\0", 32, COFFER_INVALID_ARGUMENT, "does not" },
		{ "\n", 1, COFFER_INVALID_ARGUMENT, "does not hold a token" },
		{ "", 0, COFFER_INVALID_ARGUMENT, "does not hold a token" },
	};
	struct fake fake = fake_start(serve_echo, 0);
	char path[sizeof(fake.path)];

	(void)state;
	snprintf(path, sizeof(path), "%s/token", fake.folder);
	setenv("COFFER_SOCKET", fake.path, 1);
	setenv("COFFER_TOKEN_FILE", path, 1);
	expect(NULL, COFFER_INVALID_ARGUMENT, "cannot open the token file /tmp/coffer-client-");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		write_file(path, cases[i].content, cases[i].len);
		expect(NULL, cases[i].want, cases[i].message);
	}
	unlink(path);
	setenv("COFFER_TOKEN_FILE", fake.folder, 1);
	expect(NULL, COFFER_INVALID_ARGUMENT, "cannot read the token file");
	fake_stop(&fake);
}

/* Out of a pipe a file comes once. It was read a second time by those who redact the token. */
static void the_tokens_are_found_once_and_the_first_opens_a_session(void **state)
{
	struct fake fake = fake_start(serve_echo, 0);
	struct coffer_options options = { .socket = fake.path, .timeout_ms = FAKE_PATIENT_MS };
	struct coffer_tokens tokens;
	char path[32];
	int ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	snprintf(path, sizeof(path), "/dev/fd/%d", ends[0]);
	assert_int_equal(write(ends[1], OTHER_TOKEN "\n", 33), 33);
	close(ends[1]);
	setenv("COFFER_TOKEN_FILE", path, 1);
	setenv("SECRETS_API_TOKEN", FAKE_TOKEN, 1);
	assert_int_equal(coffer_tokens_find(&tokens, NULL), COFFER_OK);
	assert_int_equal(tokens.len, 2);
	assert_string_equal(tokens.items[0].text, OTHER_TOKEN);
	assert_string_equal(tokens.items[0].from, "COFFER_TOKEN_FILE");
	assert_string_equal(tokens.items[1].text, FAKE_TOKEN);
	assert_string_equal(tokens.items[1].from, "SECRETS_API_TOKEN");
	options.token = tokens.items[0].text;
	expect(&options, COFFER_NOT_FOUND, "token two");
	coffer_tokens_free(&tokens);
	assert_int_equal(tokens.len, 0);
	close(ends[0]);
	fake_stop(&fake);
}

static void a_token_file_that_is_not_needed_is_not_read(void **state)
{
	struct coffer_tokens tokens;

	(void)state;
	assert_int_equal(coffer_tokens_find(&tokens, ""), COFFER_OK);
	assert_int_equal(tokens.len, 0);
	setenv("COFFER_TOKEN_FILE", "/nonexistent", 1);
	assert_int_equal(coffer_tokens_find(&tokens, NULL), COFFER_INVALID_ARGUMENT);
	assert_non_null(strstr(tokens.message, "cannot open the token file /nonexistent"));
	assert_int_equal(tokens.len, 0);
	setenv("COFFER_TOKEN", FAKE_TOKEN, 1);
	assert_int_equal(coffer_tokens_find(&tokens, OTHER_TOKEN), COFFER_OK);
	assert_int_equal(tokens.len, 2);
	assert_string_equal(tokens.items[0].text, OTHER_TOKEN);
	assert_null(tokens.items[0].from);
	assert_string_equal(tokens.items[1].from, "COFFER_TOKEN");
	coffer_tokens_free(&tokens);
}

/* Whoever starts another program takes these out of its environment. */
static void the_variables_that_a_token_stands_in_are_known(void **state)
{
	(void)state;
	assert_string_equal(coffer_token_variable(0), "COFFER_TOKEN");
	assert_string_equal(coffer_token_variable(1), "COFFER_TOKEN_FILE");
	assert_string_equal(coffer_token_variable(2), "SECRETS_API_TOKEN");
	assert_null(coffer_token_variable(3));
}

static void wrong_settings_are_named(void **state)
{
	static const char long_path[] =
	    "/tmp/0123456789012345678901234567890123456789012345678901234567890123456789"
	    "0123456789012345678901234567890123";
	static const struct {
		struct coffer_options options;
		const char *message;
	} cases[] = {
		{ { .token = FAKE_TOKEN }, "COFFER_SOCKET is not set" },
		{ { .token = FAKE_TOKEN, .socket = "" }, "COFFER_SOCKET is not set" },
		{ { .token = FAKE_TOKEN, .socket = long_path }, "longer than 107 bytes: /tmp/01" },
		{ { .socket = "/nonexistent/s" },
		  "neither COFFER_TOKEN nor COFFER_TOKEN_FILE nor" },
		{ { .socket = "/nonexistent/s", .token = "abcdefgh" }, "the token is not 32" },
		{ { .socket = "/nonexistent/s", .token = FAKE_TOKEN, .timeout_ms = -1 },
		  "the timeout is negative" },
		{ { .socket = "/nonexistent/s", .token = FAKE_TOKEN, .run_id = "a\nb" },
		  "the run id has a control character" },
		{ { .socket = "/nonexistent/s", .token = FAKE_TOKEN, .client = "\xff" },
		  "the client's name is not UTF-8" },
		{ { .socket = "/nonexistent/s", .token = FAKE_TOKEN, .via = "\x7f" },
		  "the name of whom the client speaks for has a control character" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect(&cases[i].options, COFFER_INVALID_ARGUMENT, cases[i].message);
	setenv("COFFER_TOKEN", "abcdefgh", 1);
	setenv("COFFER_SOCKET", "/nonexistent/s", 1);
	expect(NULL, COFFER_INVALID_ARGUMENT, "the token in COFFER_TOKEN is not 32");
	unsetenv("COFFER_TOKEN");
	setenv("SECRETS_API_TOKEN", "abcdefgh", 1);
	expect(NULL, COFFER_INVALID_ARGUMENT, "the token in SECRETS_API_TOKEN is not 32");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_environment_gives_what_options_leave_out,
				       clear_environment),
		cmocka_unit_test_setup(a_url_and_a_token_alone_are_enough, clear_environment),
		cmocka_unit_test_setup(a_url_of_another_kind_is_refused_and_not_shown,
				       clear_environment),
		cmocka_unit_test_setup(a_token_file_holds_a_token_and_at_most_a_newline,
				       clear_environment),
		cmocka_unit_test_setup(the_tokens_are_found_once_and_the_first_opens_a_session,
				       clear_environment),
		cmocka_unit_test_setup(a_token_file_that_is_not_needed_is_not_read,
				       clear_environment),
		cmocka_unit_test(the_variables_that_a_token_stands_in_are_known),
		cmocka_unit_test_setup(wrong_settings_are_named, clear_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
