/* The daemon's settings: where they come from, and what is wrong with them. */
#include "config.h"

#include "home_test.h"

#define ARGS_MAX 8

/* Reads the settings with these arguments; what is printed goes to *told, if that is not NULL. */
static coffer_err read_with(struct config *config, const char *const *args, const char **told)
{
	char *argv[ARGS_MAX + 2] = { (char[]){ "cofferd" } };
	int argc = 1, saved = told_begin();
	coffer_err err;

	for (; *args != NULL; args++)
		argv[argc++] = (char *)(uintptr_t)*args;
	err = config_read(config, argc, argv);
	if (told != NULL)
		*told = told_end(saved);
	else
		(void)told_end(saved);
	return err;
}

#define ARGS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void without_any_source_there_are_defaults(void **state)
{
	struct home *home = *state;
	struct config config;

	must(read_with(&config, ARGS("--home", home->path), NULL));
	assert_int_equal(config.action, CONFIG_SERVE);
	assert_false(config.ephemeral || config.allow_swap);
	assert_int_equal(config.connections, 1024);
	assert_int_equal(config.connections_per_uid, 128);
	assert_int_equal(config.value_max, COFFER_VALUE_MAX_DEFAULT);
	assert_int_equal(config.versions_kept, COFFER_VERSIONS_KEPT);
	assert_int_equal(config.audit_file_max, 64 << 20);
	assert_int_equal(config.audit_keep, 16);
	assert_null(config.socket);
	assert_null(config.key_file);
	config_free(&config);
	assert_null(config.home);
	config_free(&config);
}

/* J1 */
static void flags_beat_the_environment_which_beats_the_file(void **state)
{
	struct home *home = *state;
	const char *file =
	    home_file(home, "coffer.conf",
		      "max_connections = 11\nmax_connections_per_uid = 12\n"
		      "versions_kept = 13\nadmin_group = of-file\nallow_swap = yes\n",
		      0600);
	struct config config;

	setenv("COFFER_MAX_CONNECTIONS", "21", 1);
	setenv("COFFER_VERSIONS_KEPT", "23", 1);
	setenv("COFFER_ADMIN_GROUP", "", 1); /* as if it were not set */
	must(read_with(&config, ARGS("--config", file, "--max-connections", "31"), NULL));
	assert_int_equal(config.connections, 31);
	assert_int_equal(config.connections_per_uid, 12);
	assert_int_equal(config.versions_kept, 23);
	assert_string_equal(config.admin_group, "of-file");
	assert_true(config.allow_swap);
	config_free(&config);
}

static void the_file_is_found_by_the_home_of_flag_or_environment(void **state)
{
	struct home *home = *state;
	struct config config;

	home_file(home, "coffer.conf", "versions_kept = 13\n", 0600);
	must(read_with(&config, ARGS("--home", home->folder), NULL));
	assert_int_equal(config.versions_kept, 13);
	config_free(&config);
	setenv("COFFER_HOME", home->folder, 1);
	must(read_with(&config, ARGS("--max-connections=5"), NULL));
	assert_int_equal(config.versions_kept, 13);
	config_free(&config);
	must(read_with(&config, ARGS("--home", "/nonexistent"), NULL));
	assert_int_equal(config.versions_kept, COFFER_VERSIONS_KEPT);
	config_free(&config);
	must(read_with(&config, ARGS("--ephemeral"), NULL)); /* has no home */
	assert_int_equal(config.versions_kept, COFFER_VERSIONS_KEPT);
	config_free(&config);
}

/* J1: and flags add to each other. */
static void folders_are_a_list_that_flags_replace_as_a_whole(void **state)
{
	struct home *home = *state;
	struct config config;

	must(read_with(&config, ARGS("--home", home->path), NULL));
	assert_null(config.source_dirs);
	config_free(&config);
	home_file(home, "coffer.conf", "source_dirs = /of/file:/b\n", 0600);
	must(read_with(&config, ARGS("--home", home->folder), NULL));
	assert_string_equal(config.source_dirs, "/of/file:/b");
	config_free(&config);
	setenv("COFFER_SOURCE_DIRS", "/of/environment", 1);
	must(read_with(&config, ARGS("--home", home->folder), NULL));
	assert_string_equal(config.source_dirs, "/of/environment");
	config_free(&config);
	must(read_with(&config,
		       ARGS("--home", home->folder, "--source-dirs", "/x:/y", "--source-dirs=/z"),
		       NULL));
	assert_string_equal(config.source_dirs, "/x:/y:/z");
	config_free(&config);
	assert_null(config.source_dirs);
}

static void bad_input_is_named(void **state)
{
	static const struct {
		const char *args[5], *told;
	} cases[] = {
		{ { "--max-connections", "0" }, "--max-connections: takes a number from 1" },
		{ { "--max-connections", "x" }, "--max-connections" },
		{ { "--max-connections", "" }, "--max-connections" },
		{ { "--max-connections", "5x" }, "--max-connections" },
		{ { "--max-connections", "-1" }, "--max-connections" },
		{ { "--max-connections", " -1" }, "--max-connections" },
		{ { "--max-connections", "99999999999999999999" }, "--max-connections" },
		{ { "--value-max", "1048577" }, "--value-max: takes a number from 65536" },
		{ { "--versions-kept", "101" }, "--versions-kept" },
		{ { "--arena-bytes", "1000" }, "--arena-bytes" },
		{ { "--log-level", "loud" }, "--log-level: is one of error|warn|info|debug" },
		{ { "--log-level", "warn|info" }, "--log-level" },
		{ { "--log-level", "war" }, "--log-level" },
		{ { "--log-level", "" }, "--log-level" },
		{ { "--audit-file-max", "4095" }, "--audit-file-max: takes a number from 4096" },
		{ { "--audit-file-max", "1073741825" }, "--audit-file-max" },
		{ { "--audit-keep", "1001" }, "--audit-keep: takes a number from 0" },
		{ { "--audit-keep", "-1" }, "--audit-keep" },
		{ { "--audit-sync", "never" }, "--audit-sync: is one of lazy|always" },
		{ { "--sandbox", "maybe" }, "--sandbox: is one of on|off|require" },
		{ { "--source-dirs", "x" }, "--source-dirs: takes absolute paths" },
		{ { "--source-dirs", "/x:y" }, "--source-dirs: takes absolute paths" },
		{ { "--source-dirs", "/x:" }, "--source-dirs: takes absolute paths" },
		{ { "--source-dirs", "/x", "--source-dirs", "" }, "--source-dirs: takes" },
		{ { "--cipher", "rot13" }, "--cipher" },
		{ { "--home", "" }, "--home: is empty" },
		{ { "--key-file", "" }, "--key-file: is empty" },
		{ { "--sing" }, "--sing" },
		{ { "--home" }, "--home" },
		{ { "--allow-swap=no" }, "--allow-swap" },
		{ { "stray" }, "unexpected argument 'stray'" },
		{ { "--secret", "NAME" }, "--secret takes NAME=" },
	};

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		struct config config;
		const char *told;
		assert_int_equal(read_with(&config, cases[i].args, &told), COFFER_INVALID_ARGUMENT);
		if (strstr(told, cases[i].told) == NULL)
			fail_msg("%s is not in: %s", cases[i].told, told);
		assert_null(config.home);
	}
}

static void bad_input_of_the_environment_is_named(void **state)
{
	static const struct {
		const char *name, *value, *told;
	} cases[] = {
		{ "COFFER_MAX_CONNECTIONS", "many", "environment: max-connections" },
		{ "COFFER_LOG_LEVEL", "loud", "environment: log-level" },
		{ "COFFER_ALLOW_SWAP", "maybe", "environment: allow-swap: is yes or no" },
	};
	struct home *home = *state;

	for (size_t i = 0; i < CASES(cases); i++) {
		struct config config;
		const char *told;
		setenv(cases[i].name, cases[i].value, 1);
		assert_int_equal(read_with(&config, ARGS("--home", home->path), &told),
				 COFFER_INVALID_ARGUMENT);
		assert_non_null(strstr(told, cases[i].told));
		unsetenv(cases[i].name);
	}
}

static void bad_lines_of_the_file_are_named_by_number(void **state)
{
	static const struct {
		const char *text, *told, *line;
	} cases[] = {
		{ "# fine\nsing = yes\n", "unknown setting 'sing'", "line 2" },
		{ "log_level = warn\n\nmax_connections = x\n", "max-connections", "line 3" },
		{ "allow_swap = 2\n", "allow-swap", "line 1" },
		{ "[section]\nlog_level = warn\n", "log_level", "line 2" },
		{ "just words\n", "coffer.conf", "line 1" },
		{ "cipher = aes-256-gcm\n", "unknown setting 'cipher'", "line 1" },
		{ "listen =\n", "listen: is empty", "line 1" },
	};
	struct home *home = *state;

	for (size_t i = 0; i < CASES(cases); i++) {
		struct config config;
		const char *told;
		home_file(home, "coffer.conf", cases[i].text, 0600);
		assert_int_equal(read_with(&config, ARGS("--home", home->folder), &told),
				 COFFER_INVALID_ARGUMENT);
		if (strstr(told, cases[i].told) == NULL || strstr(told, cases[i].line) == NULL)
			fail_msg("%s, %s is not in: %s", cases[i].told, cases[i].line, told);
	}
}

/* A path that is cut off would be another path. */
static void a_line_of_any_length_is_read_whole_or_refused(void **state)
{
	struct home *home = *state;
	char text[2000], value[1001];

	for (size_t len = 100; len <= 1000; len += 100) {
		struct config config;
		memset(value, 'x', len);
		value[0] = '/';
		value[len] = '\0';
		snprintf(text, sizeof(text), "listen = %s\n", value);
		home_file(home, "coffer.conf", text, 0600);
		if (read_with(&config, ARGS("--home", home->folder), NULL) != COFFER_OK)
			continue;
		assert_string_equal(config.socket, value);
		config_free(&config);
	}
}

static void a_file_that_is_named_must_be_there(void **state)
{
	struct config config;
	const char *told;

	(void)state;
	assert_int_equal(read_with(&config, ARGS("--config", "/nonexistent/c"), &told),
			 COFFER_INVALID_ARGUMENT);
	assert_non_null(strstr(told, "/nonexistent/c"));
}

static void actions_and_secrets_are_taken_from_the_command_line(void **state)
{
	struct home *home = *state;
	struct config config;

	must(read_with(&config, ARGS("--init", "--home", home->path), NULL));
	assert_int_equal(config.action, CONFIG_INIT);
	config_free(&config);
	must(read_with(&config, ARGS("-h"), NULL));
	assert_int_equal(config.action, CONFIG_HELP);
	config_free(&config);
	must(read_with(&config, ARGS("--version"), NULL));
	assert_int_equal(config.action, CONFIG_VERSION);
	config_free(&config);
	must(
	    read_with(&config, ARGS("--ephemeral", "--secret", "A=@f", "--secret", "B=x=y"), NULL));
	assert_true(config.ephemeral);
	assert_int_equal(config.secrets_len, 2);
	assert_string_equal(config.secrets[1], "B=x=y");
	config_free(&config);
}

static void a_reload_reads_the_same_arguments_again(void **state)
{
	struct home *home = *state;
	struct config first, second;
	char name[] = "cofferd", flag[] = "--home";
	char *argv[] = { name, flag, home->folder, NULL };

	home_file(home, "coffer.conf", "versions_kept = 3\n", 0600);
	must(config_read(&first, 3, argv));
	home_file(home, "coffer.conf", "versions_kept = 4\n", 0600);
	must(config_read(&second, first.argc, first.argv));
	assert_int_equal(first.versions_kept, 3);
	assert_int_equal(second.versions_kept, 4);
	config_free(&first);
	config_free(&second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_HOME(without_any_source_there_are_defaults),
		IN_A_HOME(flags_beat_the_environment_which_beats_the_file),
		IN_A_HOME(the_file_is_found_by_the_home_of_flag_or_environment),
		IN_A_HOME(folders_are_a_list_that_flags_replace_as_a_whole),
		IN_A_HOME(bad_input_is_named),
		IN_A_HOME(bad_input_of_the_environment_is_named),
		IN_A_HOME(bad_lines_of_the_file_are_named_by_number),
		IN_A_HOME(a_line_of_any_length_is_read_whole_or_refused),
		IN_A_HOME(a_file_that_is_named_must_be_there),
		IN_A_HOME(actions_and_secrets_are_taken_from_the_command_line),
		IN_A_HOME(a_reload_reads_the_same_arguments_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
