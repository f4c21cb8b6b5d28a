#include "config.h"

#include <coffer/limits.h>
#include <ctype.h>
#include <getopt.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "paths.h"
#include "setting.h"
#include "settings_file.h"

#define FLAG      "--" /* a setting's source, as it is told */
#define AT(field) offsetof(struct config, field)

static const struct setting settings[] = {
	{ "home", TEXT, AT(home), "DIR", 0, 0, AT_START, "the folder that holds everything" },
	{ "config", TEXT, AT(config_file), "FILE", 0, 0, AT_START,
	  "settings file [HOME/coffer.conf]" },
	{ "db", TEXT, AT(database), "PATH", 0, 0, AT_START,
	  "the database [HOME/coffer.db]; :memory: is --ephemeral" },
	{ "listen", TEXT, AT(socket), "PATH", 0, 0, AT_START,
	  "runner socket [HOME/run/coffer.sock]" },
	{ "listen-admin", TEXT, AT(admin_socket), "PATH", 0, 0, AT_START,
	  "operator socket [HOME/run/admin.sock]" },
	{ "admin-group", TEXT, AT(admin_group), "GROUP", 0, 0, AT_START,
	  "its members may operate too" },
	{ "key-file", TEXT, AT(key_file), "FILE", 0, 0, AT_START, "the 32-byte key [HOME/key]" },
	{ "passphrase-file", TEXT, AT(passphrase_file), "FILE", 0, 0, AT_START,
	  "opens a store made with a passphrase; - is stdin" },
	{ "cipher", CHOICE, AT(cipher), "xchacha20-poly1305|aes-256-gcm", 0, 0, FLAG_ONLY,
	  "of a new store, with --init" },
	{ "audit-sync", CHOICE, AT(audit_sync), "lazy|always", 0, 0, LIVE,
	  "always: a reply waits until its record is on disk" },
	{ "audit-file-max", NUMBER, AT(audit_file_max), "BYTES", 4096, 1u << 30, LIVE,
	  "of the audit log, then the next begins [64 MiB]" },
	{ "audit-keep", NUMBER, AT(audit_keep), "N", 0, 1000, LIVE,
	  "files of the audit log; 0: all [16]" },
	{ "audit-rate", NUMBER, AT(audit_rate), "BYTES", 0, 1u << 30, LIVE,
	  "of records of one job's uid in a second, for long; 0: any [64 KiB]" },
	{ "log-level", CHOICE, AT(log_level), "error|warn|info|debug", 0, 0, LIVE,
	  "what goes to stderr" },
	{ "sandbox", CHOICE, AT(sandbox), "on|off|require", 0, 0, AT_START,
	  "give up what is not needed; require: or do not start [on]" },
	{ "source-dirs", FOLDERS, AT(source_dirs), "DIR[:DIR]...", 0, 0, AT_START,
	  "read files of no other folders; may be repeated" },
	{ "allow-swap", SWITCH, AT(allow_swap), NULL, 0, 0, AT_START,
	  "go on if memory cannot be locked" },
	{ "arena-bytes", NUMBER, AT(arena_bytes), "N", 1024 * 1024, 1u << 30, AT_START,
	  "locked memory for plaintext [4 MiB, or seven of the largest values]" },
	{ "max-connections", NUMBER, AT(connections), "N", 1, 1000000, LIVE,
	  "on the runner socket [1024]" },
	{ "max-connections-per-uid", NUMBER, AT(connections_per_uid), "N", 1, 1000000, LIVE,
	  "[128]" },
	{ "value-max", NUMBER, AT(value_max), "BYTES", COFFER_VALUE_MAX_DEFAULT,
	  COFFER_VALUE_MAX_CEILING, AT_START, "of one secret [65536]" },
	{ "keep-runs-for", DURATION, AT(keep_runs_ms), "TIME", 0, 0, LIVE,
	  "after their end, like 12h or 90d; 0: for ever [30d]" },
	{ "migrate-rules", RULES, AT(migrate_rules), "PATTERN=COMPONENT", 0, 0, LIVE,
	  "where secrets of a flat store belong; may be repeated" },
	{ "versions-kept", NUMBER, AT(versions_kept), "N", 1, 100, LIVE, "of one secret [10]" },
	{ "s3-bucket", TEXT, AT(s3.bucket), "NAME", 0, 0, AT_START,
	  "keep the store in this bucket, for other hosts too: see docs/s3.md" },
	{ "s3-endpoint", TEXT, AT(s3.endpoint), "URL", 0, 0, AT_START,
	  "of its store, like https://s3.example.org [AWS's]" },
	{ "s3-region", TEXT, AT(s3.region), "NAME", 0, 0, AT_START, "[us-east-1]" },
	{ "s3-access-key-id", TEXT, AT(s3.access_key_id), "ID", 0, 0, AT_START,
	  "by which the store knows this host" },
	{ "s3-secret-access-key", SECRET, AT(s3.secret_access_key), NULL, 0, 0, AT_START, NULL },
	{ "s3-secret-access-key-file", TEXT, AT(s3.secret_access_key_file), "FILE", 0, 0, AT_START,
	  "or s3_secret_access_key as variable or in the settings file" },
	{ "s3-session-token", SECRET, AT(s3.session_token), NULL, 0, 0, AT_START, NULL },
	{ "s3-prefix", TEXT, AT(s3.prefix), "PREFIX", 0, 0, AT_START,
	  "what every object's key begins with [coffer]" },
	{ "s3-encrypt", CHOICE, AT(s3.encrypt), "none|sse-s3|sse-kms|sse-c", 0, 0, AT_START,
	  "once more, by the store [none]" },
	{ "s3-sse-kms-key-id", TEXT, AT(s3.sse_kms_key_id), "ID", 0, 0, AT_START,
	  "of sse-kms [the bucket's]" },
	{ "s3-sse-c-key-file", TEXT, AT(s3.sse_c_key_file), "FILE", 0, 0, AT_START,
	  "the key of sse-c: 32 bytes in base64" },
	{ "s3-single-writer", SWITCH, AT(s3.single_writer), NULL, 0, 0, AT_START,
	  "for a store without conditional writes: nobody else writes" },
	{ "s3-sync-interval", DURATION, AT(s3.sync_interval_ms), "TIME", 0, 0, AT_START,
	  "how often to look what others have written [30s]" },
	{ "s3-ca-file", TEXT, AT(s3.ca_file), "FILE", 0, 0, AT_START,
	  "certificates to trust in place of the system's" },
	{ "s3-path-style", CHOICE, AT(s3.path_style), "yes|no", 0, 0, AT_START,
	  "the bucket stands in the path [yes with an endpoint]" },
	{ "s3-helper", TEXT, AT(s3.helper), "PATH", 0, 0, AT_START, "of coffer-s3" },
};

#define HELP_COLUMN  33
#define SETTINGS_LEN (sizeof(settings) / sizeof(settings[0]))

/* Options that are not settings. */
enum {
	OPT_FIRST = 256,
	OPT_INIT = OPT_FIRST + SETTINGS_LEN,
	OPT_RESTORE,
	OPT_CHECK_BACKUP,
	OPT_SKIP_DAMAGED,
	OPT_EPHEMERAL,
	OPT_SECRET,
	OPT_HELP,
	OPT_VERSION
};

/* Compares "max-connections" with "max_connections" or "MAX_CONNECTIONS". */
static bool same_name(const char *name, const char *other)
{
	for (; *name != '\0' && *other != '\0'; name++, other++) {
		char c = *name == '-' ? '_' : *name;
		if (c != *other && (c < 'a' || c > 'z' || c - 'a' + 'A' != *other))
			return false;
	}
	return *name == *other;
}

static int on_ini_line(void *user, const char *section, const char *name, const char *value)
{
	struct config *config = user;

	for (size_t i = 0; i < SETTINGS_LEN && section[0] == '\0'; i++)
		if (settings[i].use != FLAG_ONLY && same_name(settings[i].name, name))
			return setting_set(config, &settings[i], "settings file: ", value) ==
			       COFFER_OK;
	fprintf(stderr, "cofferd: settings file: unknown setting '%s'\n", name);
	return 0;
}

/* A file that holds a secret is read by nobody else. */
static coffer_err check_private(const struct config *config, const char *path)
{
	struct stat st;

	if ((config->s3.secret_access_key == NULL && config->s3.session_token == NULL) ||
	    (stat(path, &st) == 0 && (st.st_mode & 077) == 0))
		return COFFER_OK;
	fprintf(stderr, "cofferd: %s holds a secret of the bucket, and is open to others\n", path);
	return COFFER_INVALID_ARGUMENT;
}

static coffer_err read_file(struct config *config, const char *path, bool required)
{
	coffer_err err = settings_file_read(path, required, on_ini_line, config);

	return err == COFFER_OK ? check_private(config, path) : err;
}

static const struct setting *find(const char *name)
{
	size_t i = 0;

	while (strcmp(settings[i].name, name) != 0)
		i++;
	return &settings[i];
}

static coffer_err read_aliases(struct config *config)
{
	const char *name, *value;
	coffer_err err = COFFER_OK;

	for (size_t i = 0; err == COFFER_OK && (name = s3_settings_alias(i, &value)) != NULL; i++)
		if (value != NULL)
			err = setting_set(config, find(name), "environment: ", value);
	return err;
}

static coffer_err read_environment(struct config *config)
{
	char variable[64] = "COFFER_";
	coffer_err err;

	if ((err = read_aliases(config)) != COFFER_OK)
		return err;
	for (size_t i = 0; i < SETTINGS_LEN; i++) {
		char *at = variable + sizeof("COFFER_") - 1;
		const char *value;
		for (const char *c = settings[i].name; *c != '\0'; c++)
			*at++ = *c == '-' ? '_' : (char)toupper(*c);
		*at = '\0';
		if (settings[i].use == FLAG_ONLY || (value = getenv(variable)) == NULL ||
		    value[0] == '\0')
			continue;
		if ((err = setting_set(config, &settings[i], "environment: ", value)) != COFFER_OK)
			return err;
	}
	return COFFER_OK;
}

static coffer_err add_secret(struct config *config, const char *text)
{
	if (strchr(text, '=') == NULL || config->secrets_len == CONFIG_SECRETS_MAX) {
		fprintf(stderr,
			"cofferd: --secret takes NAME=@FILE or NAME=VALUE, %d times at most\n",
			CONFIG_SECRETS_MAX);
		return COFFER_INVALID_ARGUMENT;
	}
	config->secrets[config->secrets_len++] = text;
	return COFFER_OK;
}

static coffer_err take_option(struct config *config, int option, const char *argument)
{
	switch (option) {
	case OPT_INIT:
		config->action = CONFIG_INIT;
		return COFFER_OK;
	case OPT_RESTORE:
	case OPT_CHECK_BACKUP:
		config->action = option == OPT_RESTORE ? CONFIG_RESTORE : CONFIG_CHECK_BACKUP;
		config->backup_file = argument;
		return COFFER_OK;
	case OPT_SKIP_DAMAGED:
		config->skip_damaged = true;
		return COFFER_OK;
	case OPT_EPHEMERAL:
		config->ephemeral = true;
		return COFFER_OK;
	case OPT_SECRET:
		return add_secret(config, argument);
	case OPT_HELP:
		config->action = CONFIG_HELP;
		return COFFER_OK;
	case OPT_VERSION:
		config->action = CONFIG_VERSION;
		return COFFER_OK;
	default:
		break;
	}
	if (option < OPT_FIRST)
		return COFFER_INVALID_ARGUMENT; /* getopt has said why */
	if (settings[option - OPT_FIRST].kind == SECRET) {
		/* As a flag it would be taken for the beginning of another one's name. */
		fprintf(stderr, "cofferd: --%s: others could read it: use a file or a variable\n",
			settings[option - OPT_FIRST].name);
		return COFFER_INVALID_ARGUMENT;
	}
	return setting_set(config, &settings[option - OPT_FIRST], FLAG, argument);
}

static coffer_err read_flags(struct config *config, int argc, char **argv)
{
	struct option options[SETTINGS_LEN + 9] = {
		[SETTINGS_LEN] = { "init", no_argument, NULL, OPT_INIT },
		{ "restore", required_argument, NULL, OPT_RESTORE },
		{ "check-backup", required_argument, NULL, OPT_CHECK_BACKUP },
		{ "skip-damaged", no_argument, NULL, OPT_SKIP_DAMAGED },
		{ "ephemeral", no_argument, NULL, OPT_EPHEMERAL },
		{ "secret", required_argument, NULL, OPT_SECRET },
		{ "help", no_argument, NULL, OPT_HELP },
		{ "version", no_argument, NULL, OPT_VERSION },
	};
	coffer_err err;
	int option;

	for (size_t i = 0; i < SETTINGS_LEN; i++)
		options[i] =
		    (struct option){ settings[i].name,
				     settings[i].kind == SWITCH ? no_argument : required_argument,
				     NULL, OPT_FIRST + (int)i };
	optind = 0; /* the flags are read twice: first for where the settings file is */
	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1)
		if ((err = take_option(config, option == 'h' ? OPT_HELP : option, optarg)) !=
		    COFFER_OK)
			return err;
	if (optind == argc)
		return COFFER_OK;
	fprintf(stderr, "cofferd: unexpected argument '%s'\n", argv[optind]);
	return COFFER_INVALID_ARGUMENT;
}

static void set_defaults(struct config *config)
{
	*config = (struct config){ .connections = 1024,
				   .connections_per_uid = 128,
				   .value_max = COFFER_VALUE_MAX_DEFAULT,
				   .versions_kept = COFFER_VERSIONS_KEPT,
				   .keep_runs_ms = INT64_C(30) * 86400 * 1000,
				   .audit_file_max = 64u * 1024 * 1024,
				   .audit_rate = 64u * 1024,
				   .audit_keep = 16 };
}

/* The settings file is named by a flag or a variable, or stands in the home that those name. */
static coffer_err read_named_file(struct config *config, int argc, char **argv)
{
	struct paths paths = { .home = NULL };
	struct config named;
	coffer_err err;

	set_defaults(&named);
	if ((err = read_environment(&named)) != COFFER_OK ||
	    (err = read_flags(&named, argc, argv)) != COFFER_OK)
		goto out;
	if (named.config_file != NULL)
		err = read_file(config, named.config_file, true);
	else if (!named.ephemeral && named.action < CONFIG_HELP &&
		 (err = paths_find(&paths, named.home)) == COFFER_OK)
		err = read_file(config, paths.config, false);
out:
	paths_free(&paths);
	config_free(&named);
	return err;
}

static coffer_err check_flags(const struct config *config)
{
	if (!config->skip_damaged || config->action == CONFIG_RESTORE ||
	    config->action == CONFIG_CHECK_BACKUP)
		return COFFER_OK;
	fprintf(stderr, "cofferd: --skip-damaged goes with --restore or --check-backup\n");
	return COFFER_INVALID_ARGUMENT;
}

coffer_err config_read(struct config *out, int argc, char **argv)
{
	coffer_err err;

	set_defaults(out);
	out->argc = argc;
	out->argv = argv;
	if ((err = read_named_file(out, argc, argv)) == COFFER_OK &&
	    (err = read_environment(out)) == COFFER_OK &&
	    (err = read_flags(out, argc, argv)) == COFFER_OK) {
		out->ephemeral |= out->database != NULL && strcmp(out->database, ":memory:") == 0;
		s3_settings_erase_variables();
		if ((err = check_flags(out)) == COFFER_OK &&
		    (err = s3_settings_check(out)) == COFFER_OK)
			return COFFER_OK;
	}
	config_free(out);
	return err;
}

/* As it stands in the settings file. */
static void add_name(char text[CONFIG_NAMES_MAX], const char *name)
{
	size_t len = strlen(text);

	snprintf(text + len, CONFIG_NAMES_MAX - len, "%s%s", len > 0 ? ", " : "", name);
	for (; text[len] != '\0'; len++)
		if (text[len] == '-')
			text[len] = '_';
}

void config_renew(struct config *config, struct config *fresh, struct config_changes *changes)
{
	changes->taken[0] = changes->left[0] = '\0';
	for (size_t i = 0; i < SETTINGS_LEN; i++) {
		void *now = (char *)config + settings[i].offset;
		void *next = (char *)fresh + settings[i].offset;
		if (!setting_differs(&settings[i], now, next))
			continue;
		if (settings[i].use == LIVE)
			setting_swap(&settings[i], now, next);
		add_name(settings[i].use == LIVE ? changes->taken : changes->left,
			 settings[i].name);
	}
}

void config_free(struct config *config)
{
	for (size_t i = 0; i < SETTINGS_LEN; i++)
		setting_clear(&settings[i], (char *)config + settings[i].offset);
}

void config_print_help(void)
{
	printf("usage: cofferd [OPTION]...            serve, in the foreground\n"
	       "       cofferd --init [OPTION]...     make a home: key, database, folders\n"
	       "       cofferd --restore FILE         make a home of a backup\n"
	       "       cofferd --check-backup FILE    look whether a backup could be restored\n"
	       "       cofferd --ephemeral            serve from memory, for tests\n\n"
	       "  --skip-damaged                 restore a backup without the records that do not "
	       "open\n"
	       "  --secret NAME=@FILE            set a global secret at start\n");
	for (size_t i = 0; i < SETTINGS_LEN; i++) {
		const struct setting *s = &settings[i];
		if (s->kind == SECRET)
			continue;
		int n = printf("  --%s%s%s", s->name, s->argument ? " " : "",
			       s->argument ? s->argument : "");
		printf("%s%*s%s\n", n < HELP_COLUMN ? "" : "\n",
		       n < HELP_COLUMN ? HELP_COLUMN - n : HELP_COLUMN, "", s->help);
	}
	printf("\nEach is also a variable (COFFER_AUDIT_SYNC) and a key of the settings file "
	       "(audit_sync).\n");
}
