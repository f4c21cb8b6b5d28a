/* The parts of a daemon, put together and taken apart. */
#include "server.h"

#include <sys/wait.h>

#include "core/secrets.h"
#include "home_test.h"

static struct config config_of(const struct home *home)
{
	struct config config = { .value_max = COFFER_VALUE_MAX_DEFAULT,
				 .versions_kept = 3,
				 .allow_swap = true };

	if (home != NULL)
		config.home = strdup(home->path);
	return config;
}

static coffer_err init(const struct config *config, const char **told)
{
	int saved = told_begin();
	coffer_err err = server_init(config);

	*told = told_end(saved);
	return err;
}

static coffer_err open_server(struct server *server, const struct config *config, const char **told)
{
	int saved = told_begin();
	coffer_err err;

	memset(server, 0, sizeof(*server));
	err = server_open(server, config);
	*told = told_end(saved);
	return err;
}

/* Runs server_prepare and returns what it printed on stdout, in a static buffer. */
static coffer_err prepare(struct server *server, const struct config *config, const char **out,
			  const char **told)
{
	static char printed[1024];
	int fd = memfd_create("out", MFD_CLOEXEC), stdout_saved = dup(STDOUT_FILENO);
	int saved = told_begin();
	coffer_err err;
	ssize_t n;

	fflush(stdout);
	assert_true(fd >= 0 && stdout_saved >= 0 && dup2(fd, STDOUT_FILENO) >= 0);
	err = server_prepare(server, config);
	fflush(stdout);
	n = pread(fd, printed, sizeof(printed) - 1, 0);
	assert_true(dup2(stdout_saved, STDOUT_FILENO) >= 0);
	close(stdout_saved);
	close(fd);
	*told = told_end(saved);
	printed[n > 0 ? n : 0] = '\0';
	*out = printed;
	return err;
}

static bool has_secret(struct server *server, const char *name, const char *want)
{
	struct store_secret row;
	uint8_t *plain;
	size_t len;
	bool same;

	if (secrets_at(&server->core, TEXT("global"), TEXT(name), 0, 0, &row) != COFFER_OK)
		return false;
	must(secrets_value_len(&row, &len));
	plain = arena_take(server->arena, len + 1);
	must(secrets_open(&server->core, &row, plain));
	same = len == strlen(want) && memcmp(plain, want, len) == 0;
	arena_give(server->arena, plain, len + 1, len);
	return same;
}

static void a_home_is_made_once_and_opens_again_and_again(void **state)
{
	struct config config = config_of(*state);
	struct server server;
	const char *told, *out;

	must(init(&config, &told));
	assert_int_equal(init(&config, &told), COFFER_ALREADY_EXISTS);
	assert_non_null(strstr(told, "there is a store at"));
	config.secrets[config.secrets_len++] = "A=value";
	must(open_server(&server, &config, &told));
	must(prepare(&server, &config, &out, &told));
	assert_string_equal(out, "");
	server_close(&server);
	config.secrets_len = 0;
	must(open_server(&server, &config, &told));
	assert_true(has_secret(&server, "A", "value"));
	assert_int_equal(trail_head(server.trail)->seq, 1);
	assert_string_equal(server.rpc.cipher, "xchacha20-poly1305");
	server_close(&server);
	config_free(&config);
}

static void what_is_not_there_is_told(void **state)
{
	struct config config = config_of(*state);
	struct server server;
	const char *told;
	char key[160];

	assert_int_equal(open_server(&server, &config, &told), COFFER_NOT_FOUND);
	assert_non_null(strstr(told, "coffer init"));
	server_close(&server);
	must(init(&config, &told));
	snprintf(key, sizeof(key), "%s/key", config.home);
	assert_int_equal(unlink(key), 0);
	assert_int_equal(open_server(&server, &config, &told), COFFER_NOT_FOUND);
	assert_non_null(strstr(told, key));
	server_close(&server);
	config_free(&config);
}

/* A store without its key is lost, so an init that fails must not leave one that looks whole. */
static void an_init_that_fails_can_be_repeated(void **state)
{
	struct config config = config_of(*state);
	struct server server;
	const char *told;
	char missing[160];

	snprintf(missing, sizeof(missing), "%s/missing/passphrase", config.home);
	config.passphrase_file = missing;
	assert_int_equal(init(&config, &told), COFFER_NOT_FOUND);
	assert_non_null(strstr(told, missing));
	config.passphrase_file = NULL;
	must(init(&config, &told));
	must(open_server(&server, &config, &told));
	server_close(&server);
	config_free(&config);
}

static void a_passphrase_in_the_environment_is_erased_though_nobody_needs_it(void **state)
{
	struct config config = config_of(*state);
	struct server server;
	const char *told;

	must(init(&config, &told));
	setenv("COFFER_PASSPHRASE", "correct horse", 1);
	must(open_server(&server, &config, &told));
	assert_null(getenv("COFFER_PASSPHRASE"));
	server_close(&server);
	config_free(&config);
}

/* J3; with sockets elsewhere it once told the client where they were not. */
static void an_ephemeral_server_tells_its_client_where_to_go(void **state)
{
	struct home *home = *state;
	struct config config = config_of(NULL);
	char path[160], line[200], folder[32];
	struct server server;
	const char *told, *out;
	struct stat st;

	config.ephemeral = true;
	for (int elsewhere = 0; elsewhere < 2; elsewhere++) {
		snprintf(path, sizeof(path), "%s/s.sock", home->folder);
		config.socket = elsewhere ? path : NULL;
		must(open_server(&server, &config, &told));
		memcpy(folder, server.temporary, sizeof(folder));
		assert_int_equal(stat(folder, &st), 0);
		must(prepare(&server, &config, &out, &told));
		snprintf(line, sizeof(line), "COFFER_SOCKET=%s\n",
			 elsewhere ? path : server.paths.runner_socket);
		assert_non_null(strstr(out, line));
		snprintf(line, sizeof(line), "COFFER_ADMIN_SOCKET=%s\n", server.paths.admin_socket);
		assert_non_null(strstr(out, line));
		assert_non_null(strstr(out, "COFFER_RUN_ID="));
		assert_int_equal(strlen(strstr(out, "COFFER_TOKEN=")),
				 sizeof("COFFER_TOKEN=") + COFFER_TOKEN_LEN);
		server_close(&server);
		assert_int_equal(stat(folder, &st), -1); /* nothing stays */
	}
}

static void secrets_of_the_command_line_come_from_files_or_arguments(void **state)
{
	struct home *home = *state;
	struct config config = config_of(NULL);
	char from_file[200];
	struct server server;
	const char *told, *out;

	snprintf(from_file, sizeof(from_file), "A=@%s",
		 home_file(home, "value", "of the file\n", 0600));
	config.ephemeral = true;
	config.secrets[config.secrets_len++] = from_file;
	config.secrets[config.secrets_len++] = "B=of=argument";
	config.secrets[config.secrets_len++] = "C=";
	must(open_server(&server, &config, &told));
	must(prepare(&server, &config, &out, &told));
	assert_true(has_secret(&server, "A", "of the file\n"));
	assert_true(has_secret(&server, "B", "of=argument"));
	assert_true(has_secret(&server, "C", ""));
	assert_non_null(strstr(told, "B=VALUE can be read in the process list"));
	assert_null(strstr(told, "argument"));
	server_close(&server);
}

static void secrets_that_cannot_be_taken_stop_the_start(void **state)
{
	static const struct {
		const char *argument, *told, *untold;
		coffer_err want;
	} cases[] = {
		{ "A=@/nonexistent/v", "cannot open /nonexistent/v", NULL, COFFER_UNAVAILABLE },
		{ "A=@/dev/zero", "at most 65536 bytes from /dev/zero", NULL,
		  COFFER_INVALID_ARGUMENT },
		{ "sup3r+secret=x", "the secret's name", "sup3r", COFFER_INVALID_ARGUMENT },
		{ "=x", "the secret's name is empty", NULL, COFFER_INVALID_ARGUMENT },
		{ "__coffer_a=x", "reserved", NULL, COFFER_INVALID_ARGUMENT },
	};
	struct config config = config_of(NULL);
	struct server server;
	const char *told, *out;

	(void)state;
	config.ephemeral = true;
	must(open_server(&server, &config, &told));
	for (size_t i = 0; i < CASES(cases); i++) {
		config.secrets[0] = cases[i].argument;
		config.secrets_len = 1;
		assert_int_equal(prepare(&server, &config, &out, &told), cases[i].want);
		if (strstr(told, cases[i].told) == NULL)
			fail_msg("%s is not in: %s", cases[i].told, told);
		assert_true(cases[i].untold == NULL || strstr(told, cases[i].untold) == NULL);
		assert_string_equal(out, "");
	}
	server_close(&server);
}

/* A record that was committed with its change, and did not reach the log, is in it after the next start. */
static void the_anchors_record_reaches_the_log_at_the_next_start(void **state)
{
	struct config config = config_of(*state);
	struct server server;
	const char *told, *out;
	struct reader_verdict verdict = { .cursor_len = 0 };
	char path[200];

	must(init(&config, &told));
	config.secrets[0] = "A=value";
	config.secrets_len = 1;
	must(open_server(&server, &config, &told));
	must(prepare(&server, &config, &out, &told));
	server_close(&server);
	snprintf(path, sizeof(path), "%s/audit/00000000000000000001.jsonl", config.home);
	assert_int_equal(truncate(path, 0), 0); /* as if the machine had stopped before */
	must(open_server(&server, &config, &told));
	assert_int_equal(trail_head(server.trail)->seq, 1);
	while (!verdict.done)
		must(trail_verify(server.trail, 1 << 20, &verdict));
	assert_string_equal(verdict.problem, "");
	assert_int_equal(verdict.last_seq, 1);
	server_close(&server);
	config_free(&config);
}

/* By another process: one must not open a database twice. */
static void a_store_that_is_in_use_is_left_alone(void **state)
{
	struct config config = config_of(*state);
	struct server first, second;
	const char *told;
	char want[64];
	pid_t child;
	int status;

	must(init(&config, &told));
	must(open_server(&first, &config, &told));
	snprintf(want, sizeof(want), "is in use by pid %d", (int)getpid());
	if ((child = fork()) == 0) {
		coffer_err err = open_server(&second, &config, &told);
		_exit(err == COFFER_FAILED_PRECONDITION && strstr(told, want) != NULL ? 0 : 1);
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	server_close(&first);
	must(open_server(&first, &config, &told));
	server_close(&first);
	config_free(&config);
}

static void a_server_that_was_never_opened_can_be_closed(void **state)
{
	struct server server;

	(void)state;
	memset(&server, 0, sizeof(server));
	server_close(&server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_HOME(a_home_is_made_once_and_opens_again_and_again),
		IN_A_HOME(what_is_not_there_is_told),
		IN_A_HOME(an_init_that_fails_can_be_repeated),
		IN_A_HOME(a_passphrase_in_the_environment_is_erased_though_nobody_needs_it),
		IN_A_HOME(an_ephemeral_server_tells_its_client_where_to_go),
		IN_A_HOME(secrets_of_the_command_line_come_from_files_or_arguments),
		IN_A_HOME(secrets_that_cannot_be_taken_stop_the_start),
		IN_A_HOME(the_anchors_record_reaches_the_log_at_the_next_start),
		IN_A_HOME(a_store_that_is_in_use_is_left_alone),
		IN_A_HOME(a_server_that_was_never_opened_can_be_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
