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
	assert_int_equal(config.audit_rate, 64 << 10);
	assert_int_equal(config.keep_runs_ms, INT64_C(30) * 86400 * 1000);
	assert_null(config.migrate_rules);
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

/* With these arguments nothing is read, and that is said. */
static void assert_refused(const char *const *args, const char *wanted)
{
	struct config config;
	const char *told;

	assert_int_equal(read_with(&config, args, &told), COFFER_INVALID_ARGUMENT);
	if (strstr(told, wanted) == NULL)
		fail_msg("%s is not in: %s", wanted, told);
	assert_null(config.home);
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
		{ { "--skip-damaged" }, "--skip-damaged goes with --restore" },
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
	for (size_t i = 0; i < CASES(cases); i++)
		assert_refused(cases[i].args, cases[i].told);
}

static void bad_times_rules_and_rates_are_named(void **state)
{
	static const struct {
		const char *args[3], *told;
	} cases[] = {
		{ { "--keep-runs-for", "30" }, "--keep-runs-for: takes 0, or a time like" },
		{ { "--keep-runs-for", "-3d" }, "--keep-runs-for" },
		{ { "--keep-runs-for", "3dd" }, "--keep-runs-for" },
		{ { "--keep-runs-for", "d" }, "--keep-runs-for" },
		{ { "--keep-runs-for", "" }, "--keep-runs-for" },
		{ { "--keep-runs-for", "0d" }, "--keep-runs-for" },
		{ { "--keep-runs-for", "36526d" }, "--keep-runs-for" },
		{ { "--keep-runs-for", "99999999999999999999s" }, "--keep-runs-for" },
		{ { "--migrate-rules", "A_*" }, "a rule is not PATTERN=component" },
		{ { "--migrate-rules", "A_*=x,B/=y" }, "a rule" },
		{ { "--migrate-rules", "A_*=x y" }, "a rule is not PATTERN=component" },
		{ { "--migrate-rules", "" }, "--migrate-rules: is empty" },
		{ { "--migrate-rules", " , " }, "--migrate-rules: is empty" },
		{ { "--audit-rate", "1073741825" }, "--audit-rate: takes a number from 0" },
	};

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++)
		assert_refused(cases[i].args, cases[i].told);
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

static void settings_of_a_bucket_come_from_every_source_but_secrets_from_no_flag(void **state)
{
	struct home *home = *state;
	const char *told, *file = home_file(home, "coffer.conf",
					    "s3_region = of-file\ns3_prefix = of-file\n", 0600);
	struct config config;

	setenv("CI_SECRETS_S3_BUCKET", "of-ci", 1);
	setenv("CI_SECRETS_S3_REGION", "of-ci", 1);
	setenv("COFFER_S3_REGION", "of-variable", 1);
	setenv("CI_SECRETS_S3_ACCESS_KEY_ID", "id", 1);
	setenv("CI_SECRETS_S3_SECRET_KEY", "a secret", 1);
	must(read_with(&config, ARGS("--config", file, "--s3-encrypt", "sse-s3"), NULL));
	assert_string_equal(config.s3.bucket, "of-ci");
	assert_string_equal(config.s3.region, "of-variable");
	assert_string_equal(config.s3.prefix, "of-file");
	assert_string_equal(config.s3.encrypt, "sse-s3");
	assert_string_equal(config.s3.secret_access_key, "a secret");
	assert_null(getenv("CI_SECRETS_S3_SECRET_KEY"));
	config_free(&config);
	assert_null(config.s3.secret_access_key);
	assert_int_equal(read_with(&config, ARGS("--s3-secret-access-key", "x"), &told),
			 COFFER_INVALID_ARGUMENT);
	assert_non_null(strstr(told, "others could read it"));
	unsetenv("CI_SECRETS_S3_BUCKET");
	unsetenv("CI_SECRETS_S3_REGION");
	unsetenv("COFFER_S3_REGION");
	unsetenv("CI_SECRETS_S3_ACCESS_KEY_ID");
}

static void a_file_with_a_secret_is_open_to_nobody_else(void **state)
{
	static const char text[] =
	    "s3_bucket = b\ns3_access_key_id = i\ns3_secret_access_key = s\n";
	struct home *home = *state;
	struct config config;
	const char *told;

	must(read_with(&config, ARGS("--config", home_file(home, "private", text, 0600)), NULL));
	assert_string_equal(config.s3.secret_access_key, "s");
	config_free(&config);
	assert_int_equal(read_with(&config, ARGS("--config", home_file(home, "open", text, 0640)),
				   &told),
			 COFFER_INVALID_ARGUMENT);
	assert_non_null(strstr(told, "is open to others"));
	assert_null(config.s3.secret_access_key);
}

static void settings_of_a_bucket_that_do_not_go_together_are_named(void **state)
{
	static const struct {
		const char *args[10], *told;
	} cases[] = {
		{ { "--s3-endpoint", "http://x" }, "no --s3-bucket" },
		{ { "--s3-bucket", "b", "--ephemeral" }, "--ephemeral" },
		{ { "--s3-bucket", "b", "--s3-access-key-id", "i" }, "go together" },
		{ { "--s3-bucket", "b", "--s3-encrypt", "sse-c" }, "sse-c-key-file" },
		{ { "--s3-bucket", "b", "--s3-encrypt", "rot13" }, "is one of" },
	};

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++)
		assert_refused(cases[i].args, cases[i].told);
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

/* The token of a session with the bucket's store is longer than a line: its end was taken for the name of a setting, and
 * that it is unknown was told with it. */
static void nothing_of_a_line_that_is_too_long_is_told(void **state)
{
	struct home *home = *state;
	char text[600] = "# fine\ns3_session_token = ";
	struct config config;
	const char *told;

	memset(text + strlen(text), 'S', 400);
	strcat(text, "==\n");
	home_file(home, "coffer.conf", text, 0600);
	assert_int_equal(read_with(&config, ARGS("--home", home->folder), &told),
			 COFFER_INVALID_ARGUMENT);
	assert_null(strstr(told, "SSS"));
	assert_non_null(strstr(told, "line 2"));
}

static void a_folder_is_no_settings_file(void **state)
{
	struct home *home = *state;
	struct config config;
	const char *told;

	assert_int_equal(read_with(&config, ARGS("--config", home->folder), &told),
			 COFFER_INVALID_ARGUMENT);
	assert_non_null(strstr(told, home->folder));
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

static void a_time_has_a_number_and_a_unit(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} cases[] = {
		{ "0", 0 },          { "1s", 1000 },      { "90m", 5400000 },
		{ "12h", 43200000 }, { "7d", 604800000 }, { "36525d", INT64_C(36525) * 86400000 },
	};
	struct config config;

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		must(read_with(&config, ARGS("--keep-runs-for", cases[i].text), NULL));
		assert_int_equal(config.keep_runs_ms, cases[i].ms);
		config_free(&config);
	}
}

/* D3 */
static void rules_are_a_list_of_one_source(void **state)
{
	struct home *home = *state;
	const char *file = home_file(home, "coffer.conf",
				     "migrate_rules = A_*=a, B_*=b\n\nmigrate_rules = C=c\n", 0600);
	struct config config;

	must(read_with(&config, ARGS("--config", file), NULL));
	assert_string_equal(config.migrate_rules, "A_*=a\nB_*=b\nC=c");
	config_free(&config);
	must(read_with(&config,
		       ARGS("--config", file, "--migrate-rule", "D=d", "--migrate-rule", "E=e"),
		       NULL));
	assert_string_equal(config.migrate_rules, "D=d\nE=e");
	config_free(&config);
	setenv("COFFER_MIGRATE_RULES", "F=f,G=g", 1);
	must(read_with(&config, ARGS("--config", file), NULL));
	assert_string_equal(config.migrate_rules, "F=f\nG=g");
	config_free(&config);
}

static void there_is_a_greatest_number_of_rules(void **state)
{
	char text[COFFER_ALLOW_MAX * 16] = "";
	struct config config;
	const char *told;

	(void)state;
	for (int i = 0; i < COFFER_ALLOW_MAX; i++)
		snprintf(text + strlen(text), 16, "A%d=a,", i);
	must(read_with(&config, ARGS("--migrate-rules", text), NULL));
	config_free(&config);
	assert_int_equal(read_with(&config, ARGS("--migrate-rules", text, "--migrate-rules", "B=b"),
				   &told),
			 COFFER_INVALID_ARGUMENT);
	assert_non_null(strstr(told, "more than 32 rules"));
}

static void a_reload_takes_over_what_it_can_and_tells_what_it_cannot(void **state)
{
	struct home *home = *state;
	struct config now, fresh;
	struct config_changes changes;
	const char *file = home_file(home, "coffer.conf", "audit_sync = lazy\nlisten = /a\n", 0600);

	must(read_with(&now, ARGS("--config", file), NULL));
	must(read_with(&fresh, ARGS("--config", file), NULL));
	config_renew(&now, &fresh, &changes);
	assert_string_equal(changes.taken, "");
	assert_string_equal(changes.left, "");
	config_free(&fresh);
	home_file(home, "coffer.conf",
		  "listen = /b\nvalue_max = 100000\naudit_sync = always\naudit_keep = 3\n"
		  "keep_runs_for = 1h\nmigrate_rules = A=a\naudit_rate = 5\naudit_file_max = 5000\n"
		  "allow_swap = yes\nlog_level = warn\n",
		  0600);
	must(read_with(&fresh, ARGS("--config", file), NULL));
	config_renew(&now, &fresh, &changes);
	assert_string_equal(changes.taken, "audit_sync, audit_file_max, audit_keep, audit_rate, "
					   "log_level, keep_runs_for, migrate_rules");
	assert_string_equal(changes.left, "listen, allow_swap, value_max");
	config_free(&fresh);
	assert_string_equal(now.audit_sync, "always");
	assert_string_equal(now.socket, "/a");
	assert_int_equal(now.audit_keep, 3);
	assert_int_equal(now.audit_rate, 5);
	assert_int_equal(now.keep_runs_ms, 3600000);
	assert_string_equal(now.migrate_rules, "A=a");
	assert_int_equal(now.value_max, COFFER_VALUE_MAX_DEFAULT);
	assert_false(now.allow_swap);
	config_free(&now);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_HOME(without_any_source_there_are_defaults),
		IN_A_HOME(flags_beat_the_environment_which_beats_the_file),
		IN_A_HOME(the_file_is_found_by_the_home_of_flag_or_environment),
		IN_A_HOME(folders_are_a_list_that_flags_replace_as_a_whole),
		IN_A_HOME(bad_input_is_named),
		IN_A_HOME(bad_times_rules_and_rates_are_named),
		IN_A_HOME(bad_input_of_the_environment_is_named),
		IN_A_HOME(settings_of_a_bucket_come_from_every_source_but_secrets_from_no_flag),
		IN_A_HOME(a_file_with_a_secret_is_open_to_nobody_else),
		IN_A_HOME(settings_of_a_bucket_that_do_not_go_together_are_named),
		IN_A_HOME(bad_lines_of_the_file_are_named_by_number),
		IN_A_HOME(a_line_of_any_length_is_read_whole_or_refused),
		IN_A_HOME(nothing_of_a_line_that_is_too_long_is_told),
		IN_A_HOME(a_folder_is_no_settings_file),
		IN_A_HOME(a_file_that_is_named_must_be_there),
		IN_A_HOME(actions_and_secrets_are_taken_from_the_command_line),
		IN_A_HOME(a_time_has_a_number_and_a_unit),
		IN_A_HOME(rules_are_a_list_of_one_source),
		IN_A_HOME(there_is_a_greatest_number_of_rules),
		IN_A_HOME(a_reload_reads_the_same_arguments_again),
		IN_A_HOME(a_reload_takes_over_what_it_can_and_tells_what_it_cannot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
