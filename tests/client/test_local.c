/* Goal of this test: a session over a file answers as one over a socket does: the same calls, errors and
 * words. */
#include "local_file.h"

#include <sys/wait.h>
#include <time.h>

static void a_session_knows_what_the_file_told(void **state)
{
	struct coffer_session *session = open_file(whole);
	struct coffer_value value;

	(void)state;
	assert_string_equal(coffer_run_id(session), LOCAL_RUN_ID);
	assert_int_equal(coffer_expires_at_ms(session), 99999999999999);
	assert_string_equal(coffer_scope(session, 1), "pipeline/app");
	assert_string_equal(coffer_scope(session, 2), "global");
	assert_null(coffer_scope(session, 3));
	value_is(session, "A", "a\0b", 3);
	value_is(session, "A.1", "", 0);
	value_is(session, "BINARY", "\0\xff\1\n\0", 5);
	assert_int_equal(coffer_get(session, "B", &value), COFFER_OK);
	assert_string_equal(value.data, "text \"\xe2\x82\xac\xf0\x9f\x98\x80/");
	assert_string_equal(value.scope, "global");
	assert_int_equal(value.version, 3);
	coffer_value_free(&value);
	coffer_close(session);
}

static void lists_are_sorted_and_batches_in_the_order_asked_for(void **state)
{
	static const char *const sorted[] = { "A", "A.1", "B", "BINARY" };
	static const char *const asked[] = { "BINARY", "A", "BINARY" };
	struct coffer_session *session = open_file(whole);
	struct coffer_secrets secrets;

	(void)state;
	assert_int_equal(coffer_list(session, &secrets), COFFER_OK);
	assert_int_equal(secrets.len, 4);
	for (size_t i = 0; i < 4; i++) {
		assert_string_equal(secrets.items[i].name, sorted[i]);
		assert_null(secrets.items[i].value.data);
	}
	assert_int_equal(secrets.items[2].updated_at_ms, 55);
	assert_int_equal(secrets.items[2].value.version, 3);
	assert_string_equal(secrets.items[2].value.scope, "global");
	coffer_secrets_free(&secrets);
	assert_int_equal(coffer_environment(session, &secrets), COFFER_OK);
	assert_int_equal(secrets.len, 4);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(secrets.items[i].name, sorted[i]);
	assert_int_equal(secrets.items[3].value.len, 5);
	coffer_secrets_free(&secrets);
	assert_int_equal(coffer_get_many(session, asked, 3, &secrets), COFFER_OK);
	assert_int_equal(secrets.len, 3);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(secrets.items[i].name, asked[i]);
	assert_memory_equal(secrets.items[1].value.data, "a\0b", 3);
	coffer_secrets_free(&secrets);
	coffer_close(session);
}

static void the_bootstrap_data_is_given_once(void **state)
{
	struct coffer_session *session = open_file(whole);
	struct coffer_bootstrap about;

	(void)state;
	assert_int_equal(coffer_claim(session, &about), COFFER_OK);
	assert_string_equal(about.run_id, LOCAL_RUN_ID);
	assert_string_equal(about.git_dir, "/srv/git");
	assert_string_equal(about.pipeline, "app");
	assert_string_equal(about.repo, "r");
	assert_string_equal(about.ref, "main");
	assert_string_equal(about.sha, "0f");
	assert_int_equal(about.pushed_at_ms, 77);
	assert_string_equal(about.sentry_dsn, "https://s");
	assert_string_equal(about.sentry_trace_id, "");
	assert_int_equal(about.extras_len, 1);
	assert_string_equal(about.extras[0].key, "key");
	assert_string_equal(about.extras[0].value, "line\nline");
	assert_int_equal(coffer_claim(session, &(struct coffer_bootstrap){ 0 }), COFFER_GONE);
	assert_string_equal(coffer_message(session), "the bootstrap data was claimed before");
	coffer_close(session);
	assert_string_equal(about.ref, "main"); /* it is the caller's */
	coffer_bootstrap_free(&about);
	session = open_file("{\"version\":1,\"git_dir\":\"/g\"}");
	assert_int_equal(coffer_claim(session, &about), COFFER_NOT_FOUND);
	assert_string_equal(coffer_message(session), "the run has no bootstrap data");
	assert_null(about.memory);
	coffer_close(session);
}

static void refusals_are_in_the_daemons_words(void **state)
{
	static const char *const two[] = { "X", "AWS_B", "AWS_C" };
	struct coffer_session *session = open_file("{\"version\":1,\"secrets\":{\"AWS_A\":\"1\"},"
						   "\"allow\":[\"AWS_*\",\"?\"]}");
	struct coffer_value value;
	struct coffer_secrets secrets;

	(void)state;
	assert_int_equal(coffer_get(session, "AWS_B", &value), COFFER_NOT_FOUND);
	assert_string_equal(coffer_message(session), "unknown secret 'AWS_B'");
	assert_int_equal(coffer_get(session, "DB", &value), COFFER_PERMISSION_DENIED);
	assert_string_equal(coffer_message(session), "secret 'DB' is not allowed to this run");
	assert_int_equal(coffer_get(session, "-", &value), COFFER_INVALID_ARGUMENT);
	assert_string_equal(coffer_message(session),
			    "the secret's name does not begin with a letter or '_'");
	assert_int_equal(coffer_get(session, NULL, &value), COFFER_INVALID_ARGUMENT);
	assert_null(value.data);
	assert_int_equal(coffer_get_many(session, two, 1, &secrets), COFFER_NOT_FOUND);
	assert_string_equal(coffer_message(session), "unknown secret 'X'");
	assert_int_equal(coffer_get_many(session, two, 3, &secrets), COFFER_NOT_FOUND);
	assert_string_equal(coffer_message(session), "unknown secrets 'X', 'AWS_B', 'AWS_C'");
	assert_int_equal(coffer_get_many(session, two, 0, &secrets), COFFER_INVALID_ARGUMENT);
	assert_int_equal(coffer_get_many(session, two, 65, &secrets), COFFER_INVALID_ARGUMENT);
	assert_null(secrets.items);
	value_is(session, "AWS_A", "1", 1);
	assert_string_equal(coffer_message(session), "");
	coffer_close(session);
}

static void a_file_without_secrets_has_none(void **state)
{
	struct coffer_session *session = open_file(" {\n\"version\" : 1 , \"secrets\" : null}");
	struct coffer_secrets secrets;

	(void)state;
	assert_int_equal(coffer_list(session, &secrets), COFFER_OK);
	assert_int_equal(secrets.len, 0);
	assert_int_equal(coffer_environment(session, &secrets), COFFER_OK);
	assert_int_equal(secrets.len, 0);
	assert_string_equal(coffer_run_id(session), "");
	assert_int_equal(coffer_expires_at_ms(session), 0);
	coffer_close(session);
}

static void the_environment_names_transport_and_file(void **state)
{
	struct coffer_session *session;

	(void)state;
	write_file(whole);
	setenv("COFFER_TRANSPORT", "filesystem", 1);
	setenv("COFFER_BOOTSTRAP", path, 1);
	setenv("COFFER_RUN_ID", LOCAL_RUN_ID, 1);
	assert_int_equal(coffer_open(&session, NULL), COFFER_OK);
	coffer_close(session);
	setenv("COFFER_RUN_ID", "01932f3a-0000-7000-8000-000000000002", 1);
	write_file(whole);
	refused(COFFER_UNAUTHENTICATED, "of another run");
	assert_false(exists(path));
	setenv("COFFER_BOOTSTRAP", "", 1);
	assert_int_equal(coffer_open(&session, NULL), COFFER_INVALID_ARGUMENT);
	assert_string_equal(coffer_message(session),
			    "no bootstrap file: COFFER_BOOTSTRAP is not set");
	coffer_close(session);
	setenv("COFFER_TRANSPORT", "pigeon", 1);
	assert_int_equal(coffer_open(&session, NULL), COFFER_INVALID_ARGUMENT);
	assert_string_equal(coffer_message(session),
			    "the transport is neither 'socket' nor 'filesystem'");
	coffer_close(session);
	setenv("COFFER_TRANSPORT", "socket", 1);
	setenv("COFFER_BOOTSTRAP", path, 1);
	write_file(whole);
	assert_int_equal(coffer_open(&session, NULL), COFFER_INVALID_ARGUMENT);
	assert_true(exists(path)); /* it is not looked at */
	coffer_close(session);
}

static void a_relative_path_is_fine(void **state)
{
	struct coffer_options options = { .transport = "filesystem", .bootstrap = "file" };
	struct coffer_session *session;
	int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	write_file(whole);
	assert_int_equal(chdir(folder), 0);
	assert_int_equal(coffer_open(&session, &options), COFFER_OK);
	assert_int_equal(fchdir(here), 0);
	close(here);
	assert_false(exists(path));
	coffer_close(session);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void waiting_takes_its_time_and_finds_no_change(void **state)
{
	struct coffer_session *session = open_file(whole);
	uint64_t revision = 0;
	bool changed = true;
	int64_t start;

	(void)state;
	assert_int_equal(coffer_wait(session, 0, 60000, &revision, &changed), COFFER_OK);
	assert_false(changed);
	assert_true(revision > 0);
	start = now_ms();
	assert_int_equal(coffer_wait(session, revision, 30, &revision, &changed), COFFER_OK);
	assert_false(changed);
	assert_true(now_ms() - start >= 29);
	assert_int_equal(coffer_wait(session, revision, -1, &revision, &changed),
			 COFFER_INVALID_ARGUMENT);
	coffer_close(session);
}

static void an_expired_file_is_refused_as_an_expired_token_is(void **state)
{
	struct coffer_session *session;
	coffer_err err = COFFER_UNAUTHENTICATED;
	struct coffer_secrets secrets;
	struct coffer_value value;
	char content[128];
	uint64_t revision;
	bool changed;

	(void)state;
	write_file("{\"version\":1,\"expires_at_ms\":1}");
	assert_int_equal(try_open(&session), COFFER_UNAUTHENTICATED);
	assert_string_equal(coffer_message(session), "the token is not valid");
	coffer_close(session);
	/* Longer and longer, for a machine that takes its time between these lines. */
	for (int64_t lasts = 100; err == COFFER_UNAUTHENTICATED; lasts *= 4) {
		snprintf(
		    content, sizeof(content),
		    "{\"version\":1,\"meta\":{},\"secrets\":{\"A\":\"a\"},\"expires_at_ms\":%lld}",
		    (long long)(now_ms() + lasts));
		write_file(content);
		err = try_open(&session);
		if (err != COFFER_OK)
			coffer_close(session);
	}
	assert_int_equal(coffer_wait(session, 1, 1000000000, &revision, &changed),
			 COFFER_UNAUTHENTICATED);
	assert_int_equal(coffer_get(session, "A", &value), COFFER_UNAUTHENTICATED);
	assert_string_equal(coffer_message(session), "the token is not valid");
	assert_int_equal(coffer_environment(session, &secrets), COFFER_UNAUTHENTICATED);
	assert_int_equal(coffer_list(session, &secrets), COFFER_UNAUTHENTICATED);
	assert_int_equal(coffer_get_many(session, (const char *const[]){ "A" }, 1, &secrets),
			 COFFER_UNAUTHENTICATED);
	assert_int_equal(coffer_claim(session, &(struct coffer_bootstrap){ 0 }),
			 COFFER_UNAUTHENTICATED);
	coffer_close(session);
}

static void a_forked_child_gets_nothing(void **state)
{
	struct coffer_session *session = open_file(whole);
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct coffer_value value;
		coffer_err err = coffer_get(session, "A", &value);
		coffer_close(session);
		_exit(err == COFFER_FAILED_PRECONDITION && value.data == NULL ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	value_is(session, "A", "a\0b", 3);
	coffer_close(session);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOCAL_CASE(a_session_knows_what_the_file_told),
		LOCAL_CASE(lists_are_sorted_and_batches_in_the_order_asked_for),
		LOCAL_CASE(the_bootstrap_data_is_given_once),
		LOCAL_CASE(refusals_are_in_the_daemons_words),
		LOCAL_CASE(a_file_without_secrets_has_none),
		LOCAL_CASE(the_environment_names_transport_and_file),
		LOCAL_CASE(a_relative_path_is_fine),
		LOCAL_CASE(waiting_takes_its_time_and_finds_no_change),
		LOCAL_CASE(an_expired_file_is_refused_as_an_expired_token_is),
		LOCAL_CASE(a_forked_child_gets_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
