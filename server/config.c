#include "config.h"

#include <coffer/limits.h>
#include <errno.h>
#include <getopt.h>
#include <ini.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "paths.h"

typedef enum kind { TEXT, CHOICE, FOLDERS, SWITCH, NUMBER } kind;

/* One setting: flag --name, variable COFFER_NAME, key name (with '_') in the INI file. */
struct setting {
	const char *name;
	kind kind;
	size_t offset;
	const char *argument; /* in the help; for CHOICE the values, '|' between them */
	size_t min, max;      /* of a NUMBER */
	bool flag_only;
	const char *help;
};

#define FLAG      "--" /* a setting's source, as it is told */
#define AT(field) offsetof(struct config, field)

static const struct setting settings[] = {
	{ "home", TEXT, AT(home), "DIR", 0, 0, false, "the folder that holds everything" },
	{ "config", TEXT, AT(config_file), "FILE", 0, 0, false,
	  "settings file [HOME/coffer.conf]" },
	{ "db", TEXT, AT(database), "PATH", 0, 0, false,
	  "the database [HOME/coffer.db]; :memory: is --ephemeral" },
	{ "listen", TEXT, AT(socket), "PATH", 0, 0, false, "runner socket [HOME/run/coffer.sock]" },
	{ "listen-admin", TEXT, AT(admin_socket), "PATH", 0, 0, false,
	  "operator socket [HOME/run/admin.sock]" },
	{ "admin-group", TEXT, AT(admin_group), "GROUP", 0, 0, false,
	  "its members may operate too" },
	{ "key-file", TEXT, AT(key_file), "FILE", 0, 0, false, "the 32-byte key [HOME/key]" },
	{ "passphrase-file", TEXT, AT(passphrase_file), "FILE", 0, 0, false,
	  "opens a store made with a passphrase; - is stdin" },
	{ "cipher", CHOICE, AT(cipher), "xchacha20-poly1305|aes-256-gcm", 0, 0, true,
	  "of a new store, with --init" },
	{ "audit-sync", CHOICE, AT(audit_sync), "lazy|always", 0, 0, false,
	  "always: a reply waits until its record is on disk" },
	{ "audit-file-max", NUMBER, AT(audit_file_max), "BYTES", 4096, 1u << 30, false,
	  "of the audit log, then the next begins [64 MiB]" },
	{ "audit-keep", NUMBER, AT(audit_keep), "N", 0, 1000, false,
	  "files of the audit log; 0: all [16]" },
	{ "log-level", CHOICE, AT(log_level), "error|warn|info|debug", 0, 0, false,
	  "what goes to stderr" },
	{ "sandbox", CHOICE, AT(sandbox), "on|off|require", 0, 0, false,
	  "give up what is not needed; require: or do not start [on]" },
	{ "source-dirs", FOLDERS, AT(source_dirs), "DIR[:DIR]...", 0, 0, false,
	  "read files of no other folders; may be repeated" },
	{ "allow-swap", SWITCH, AT(allow_swap), NULL, 0, 0, false,
	  "go on if memory cannot be locked" },
	{ "arena-bytes", NUMBER, AT(arena_bytes), "N", 1024 * 1024, 1u << 30, false,
	  "locked memory for plaintext [4 MiB, or seven of the largest values]" },
	{ "max-connections", NUMBER, AT(connections), "N", 1, 1000000, false,
	  "on the runner socket [1024]" },
	{ "max-connections-per-uid", NUMBER, AT(connections_per_uid), "N", 1, 1000000, false,
	  "[128]" },
	{ "value-max", NUMBER, AT(value_max), "BYTES", COFFER_VALUE_MAX_DEFAULT,
	  COFFER_VALUE_MAX_CEILING, false, "of one secret [65536]" },
	{ "versions-kept", NUMBER, AT(versions_kept), "N", 1, 100, false, "of one secret [10]" },
};

#define HELP_COLUMN  33
#define SETTINGS_LEN (sizeof(settings) / sizeof(settings[0]))

/* Options that are not settings. */
enum {
	OPT_FIRST = 256,
	OPT_INIT = OPT_FIRST + SETTINGS_LEN,
	OPT_RESTORE,
	OPT_CHECK_BACKUP,
	OPT_EPHEMERAL,
	OPT_SECRET,
	OPT_HELP,
	OPT_VERSION
};

static coffer_err fail(const char *source, const struct setting *setting, const char *why)
{
	fprintf(stderr, "cofferd: %s%s: %s\n", source, setting->name, why);
	return COFFER_INVALID_ARGUMENT;
}

static coffer_err set_number(const struct setting *setting, const char *source, const char *text,
			     size_t *out)
{
	char why[96], *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno == 0 && end != text && *end == '\0' && text[0] != '-' && n >= setting->min &&
	    n <= setting->max) {
		*out = (size_t)n;
		return COFFER_OK;
	}
	snprintf(why, sizeof(why), "takes a number from %zu to %zu", setting->min, setting->max);
	return fail(source, setting, why);
}

static bool is_choice(const char *choices, const char *text)
{
	size_t len = strlen(text);

	if (strchr(text, '|') != NULL)
		return false;
	for (const char *at = choices; at != NULL; at = strchr(at, '|')) {
		at += *at == '|';
		if (strncmp(at, text, len) == 0 && (at[len] == '|' || at[len] == '\0'))
			return true;
	}
	return false;
}

static coffer_err set_text(const struct setting *setting, const char *source, const char *text,
			   char **out)
{
	char why[96], *copy;

	if (setting->kind == CHOICE && !is_choice(setting->argument, text)) {
		snprintf(why, sizeof(why), "is one of %s", setting->argument);
		return fail(source, setting, why);
	}
	if (text[0] == '\0') /* "--home $UNSET" must not mean the root folder */
		return fail(source, setting, "is empty");
	if ((copy = strdup(text)) == NULL)
		return fail(source, setting, "out of memory");
	free(*out);
	*out = copy;
	return COFFER_OK;
}

static bool are_absolute(const char *folders)
{
	for (const char *at = folders; at != NULL; at = strchr(at, ':')) {
		at += *at == ':';
		if (*at != '/')
			return false;
	}
	return true;
}

/* A flag adds to those of earlier flags, and replaces those of a weaker source. */
static coffer_err set_folders(struct config *config, const struct setting *setting,
			      const char *source, const char *text, char **out)
{
	bool is_flag = strcmp(source, FLAG) == 0;
	char *all = NULL;
	coffer_err err;

	if (!are_absolute(text))
		return fail(source, setting, "takes absolute paths");
	if (!is_flag || !config->folders_flagged || *out == NULL)
		err = set_text(setting, source, text, out);
	else if (asprintf(&all, "%s:%s", *out, text) < 0)
		return fail(source, setting, "out of memory");
	else
		err = set_text(setting, source, all, out);
	free(all);
	config->folders_flagged = is_flag;
	return err;
}

static coffer_err set_switch(const struct setting *setting, const char *source, const char *text,
			     bool *out)
{
	bool yes = text == NULL || strcmp(text, "yes") == 0 || strcmp(text, "1") == 0 ||
		   strcmp(text, "true") == 0;

	if (!yes && strcmp(text, "no") != 0 && strcmp(text, "0") != 0 && strcmp(text, "false") != 0)
		return fail(source, setting, "is yes or no");
	*out = yes;
	return COFFER_OK;
}

/* text is NULL for a switch without an argument. */
static coffer_err set(struct config *config, const struct setting *setting, const char *source,
		      const char *text)
{
	char *field = (char *)config + setting->offset;

	switch (setting->kind) {
	case NUMBER:
		return set_number(setting, source, text, (size_t *)(void *)field);
	case SWITCH:
		return set_switch(setting, source, text, (bool *)(void *)field);
	case FOLDERS:
		return set_folders(config, setting, source, text, (char **)(void *)field);
	case TEXT:
	case CHOICE:
		break;
	}
	return set_text(setting, source, text, (char **)(void *)field);
}

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
		if (!settings[i].flag_only && same_name(settings[i].name, name))
			return set(config, &settings[i], "settings file: ", value) == COFFER_OK;
	fprintf(stderr, "cofferd: settings file: unknown setting '%s'\n", name);
	return 0;
}

static coffer_err read_file(struct config *config, const char *path, bool required)
{
	int line;

	if (!required && access(path, F_OK) != 0)
		return COFFER_OK;
	line = ini_parse(path, on_ini_line, config);
	if (line == 0)
		return COFFER_OK;
	if (line < 0)
		fprintf(stderr, "cofferd: cannot read %s: %s\n", path, strerror(errno));
	else
		fprintf(stderr, "cofferd: %s, line %d\n", path, line);
	return COFFER_INVALID_ARGUMENT;
}

static coffer_err read_environment(struct config *config)
{
	char variable[64] = "COFFER_";
	coffer_err err;

	for (size_t i = 0; i < SETTINGS_LEN; i++) {
		char *at = variable + sizeof("COFFER_") - 1;
		const char *value;
		for (const char *c = settings[i].name; *c != '\0'; c++)
			*at++ = (char)(*c == '-' ? '_' : *c - 'a' + 'A');
		*at = '\0';
		if (settings[i].flag_only || (value = getenv(variable)) == NULL || value[0] == '\0')
			continue;
		if ((err = set(config, &settings[i], "environment: ", value)) != COFFER_OK)
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
	return set(config, &settings[option - OPT_FIRST], FLAG, argument);
}

static coffer_err read_flags(struct config *config, int argc, char **argv)
{
	struct option options[SETTINGS_LEN + 8] = {
		[SETTINGS_LEN] = { "init", no_argument, NULL, OPT_INIT },
		{ "restore", required_argument, NULL, OPT_RESTORE },
		{ "check-backup", required_argument, NULL, OPT_CHECK_BACKUP },
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
				   .audit_file_max = 64u * 1024 * 1024,
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
		return COFFER_OK;
	}
	config_free(out);
	return err;
}

void config_free(struct config *config)
{
	for (size_t i = 0; i < SETTINGS_LEN; i++) {
		char **field = (char **)(void *)((char *)config + settings[i].offset);
		if (settings[i].kind == SWITCH || settings[i].kind == NUMBER)
			continue;
		free(*field);
		*field = NULL;
	}
}

void config_print_help(void)
{
	printf("usage: cofferd [OPTION]...            serve, in the foreground\n"
	       "       cofferd --init [OPTION]...     make a home: key, database, folders\n"
	       "       cofferd --restore FILE         make a home of a backup\n"
	       "       cofferd --check-backup FILE    look whether a backup could be restored\n"
	       "       cofferd --ephemeral            serve from memory, for tests\n\n"
	       "  --secret NAME=@FILE            set a global secret at start\n");
	for (size_t i = 0; i < SETTINGS_LEN; i++) {
		const struct setting *s = &settings[i];
		int n = printf("  --%s%s%s", s->name, s->argument ? " " : "",
			       s->argument ? s->argument : "");
		printf("%s%*s%s\n", n < HELP_COLUMN ? "" : "\n",
		       n < HELP_COLUMN ? HELP_COLUMN - n : HELP_COLUMN, "", s->help);
	}
	printf("\nEach is also a variable (COFFER_AUDIT_SYNC) and a key of the settings file "
	       "(audit_sync).\n");
}
