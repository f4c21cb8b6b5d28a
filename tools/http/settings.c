#include "settings.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "lines.h"

#define DEFAULT_FILE   "/etc/coffer/coffer-http.conf"
#define DEFAULT_LISTEN "127.0.0.1:8200"
#define DEFAULT_SOCKET "/run/coffer/coffer.sock"
#define PREFIX         "COFFER_HTTP_"
#define FLAG           "--" /* a setting's source, as it is told */

/* Of names, addresses and ports: more are not looked at here. */
#define HOST_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:[]"

typedef enum kind { TEXT, LEVEL, HOSTS, SWITCH, NUMBER } kind;

struct setting {
	const char *name;
	kind kind;
	size_t offset;
	const char *argument; /* in the help */
	size_t min, max, preset;
	const char *help;
};

#define AT(field) offsetof(struct settings, field)

static const struct setting table[] = {
	{ "config", TEXT, AT(config_file), "FILE", 0, 0, 0, "settings file [" DEFAULT_FILE "]" },
	{ "listen", TEXT, AT(listen), "ADDRESS:PORT", 0, 0, 0, "[" DEFAULT_LISTEN "]" },
	{ "socket", TEXT, AT(socket), "PATH", 0, 0, 0,
	  "the daemon's runner socket [/run/coffer/coffer.sock]" },
	{ "admin-socket", TEXT, AT(admin_socket), "PATH", 0, 0, 0,
	  "its operator socket, for /metrics [not asked]" },
	{ "tls-cert", TEXT, AT(tls_cert), "FILE", 0, 0, 0, "certificate chain, PEM" },
	{ "tls-key", TEXT, AT(tls_key), "FILE", 0, 0, 0, "its private key, PEM" },
	{ "tls-client-ca", TEXT, AT(tls_client_ca), "FILE", 0, 0, 0,
	  "callers need a certificate of one of these, PEM" },
	{ "allow-host", HOSTS, AT(allow_host), "NAME[:PORT]", 0, 0, 0,
	  "answer to this name too; may be repeated" },
	{ "allow-plain", SWITCH, AT(allow_plain), NULL, 0, 0, 0,
	  "without TLS also on other addresses than loopback" },
	{ "log-level", LEVEL, AT(log_level), "error|warn|info|debug", 0, 0, 0,
	  "what goes to stderr [info]" },
	{ "max-calls", NUMBER, AT(calls), "N", 1, 1000, 64,
	  "sessions with the daemon at once [64]" },
	{ "max-connections", NUMBER, AT(connections), "N", 1, 10000, 512, "[512]" },
	{ "max-connections-per-address", NUMBER, AT(connections_per_address), "N", 1, 10000, 256,
	  "[256]" },
	{ "max-request-bytes", NUMBER, AT(request_bytes), "N", 2048, 1048576, 16384,
	  "of a request's line and headers [16384]" },
	{ "max-refusals", NUMBER, AT(refusals), "N", 1, 1000000, 10,
	  "unknown tokens of one address in a second [10]" },
	{ "request-timeout", NUMBER, AT(request_timeout_ms), "MS", 10, 3600000, 10000,
	  "for a request to come whole [10000]" },
	{ "reply-timeout", NUMBER, AT(reply_timeout_ms), "MS", 10, 3600000, 30000,
	  "for a reply to be taken [30000]" },
	{ "daemon-timeout", NUMBER, AT(daemon_timeout_ms), "MS", 10, 3600000, 5000,
	  "for the daemon's answer [5000]" },
};

#define TABLE_LEN   (sizeof(table) / sizeof(table[0]))
#define HELP_COLUMN 38

enum { OPT_FIRST = 256, OPT_HELP = OPT_FIRST + TABLE_LEN, OPT_VERSION };

static coffer_err fail(const char *source, const char *name, const char *why)
{
	fprintf(stderr, "coffer-http: %s%s: %s\n", source, name, why);
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
	return fail(source, setting->name, why);
}

static coffer_err set_switch(const struct setting *setting, const char *source, const char *text,
			     bool *out)
{
	bool yes = text == NULL || strcmp(text, "yes") == 0 || strcmp(text, "1") == 0 ||
		   strcmp(text, "true") == 0;

	if (!yes && strcmp(text, "no") != 0 && strcmp(text, "0") != 0 && strcmp(text, "false") != 0)
		return fail(source, setting->name, "is yes or no");
	*out = yes;
	return COFFER_OK;
}

static bool is_level(const char *text)
{
	static const char *const levels[] = { "error", "warn", "info", "debug" };

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (strcmp(levels[i], text) == 0)
			return true;
	return false;
}

static coffer_err set_text(const struct setting *setting, const char *source, const char *text,
			   char **out)
{
	char *copy;

	if (text[0] == '\0') /* "--tls-client-ca $UNSET" must not open the door */
		return fail(source, setting->name, "is empty");
	if (setting->kind == LEVEL && !is_level(text))
		return fail(source, setting->name, "is one of error, warn, info and debug");
	if ((copy = strdup(text)) == NULL)
		return fail(source, setting->name, "out of memory");
	free(*out);
	*out = copy;
	return COFFER_OK;
}

/* Adds to those of the same source, and replaces those of a weaker one. */
static coffer_err set_hosts(struct settings *settings, const struct setting *setting,
			    const char *source, const char *text, char **out)
{
	char *all = NULL;
	coffer_err err;

	if (text[strspn(text, HOST_CHARACTERS " ")] != '\0')
		return fail(source, setting->name, "is names, with spaces between them");
	if (*out == NULL || strcmp(settings->hosts_from, source) != 0)
		err = set_text(setting, source, text, out);
	else if (asprintf(&all, "%s %s", *out, text) < 0)
		return fail(source, setting->name, "out of memory");
	else
		err = set_text(setting, source, all, out);
	free(all);
	settings->hosts_from = source;
	return err;
}

/* text is NULL for a switch without an argument. */
static coffer_err set(struct settings *settings, const struct setting *setting, const char *source,
		      const char *text)
{
	char *field = (char *)settings + setting->offset;

	switch (setting->kind) {
	case NUMBER:
		return set_number(setting, source, text, (size_t *)(void *)field);
	case SWITCH:
		return set_switch(setting, source, text, (bool *)(void *)field);
	case HOSTS:
		return set_hosts(settings, setting, source, text, (char **)(void *)field);
	case TEXT:
	case LEVEL:
		break;
	}
	return set_text(setting, source, text, (char **)(void *)field);
}

/* Compares "tls-cert" with "tls_cert". */
static bool same_name(const char *name, const char *key)
{
	for (; *name != '\0' && (*name == '-' ? '_' : *name) == *key; name++)
		key++;
	return *name == *key;
}

static int on_ini_line(void *user, const char *section, const char *name, const char *value)
{
	for (size_t i = 0; i < TABLE_LEN && section[0] == '\0'; i++)
		if (same_name(table[i].name, name))
			return set(user, &table[i], "settings file: ", value) == COFFER_OK;
	fprintf(stderr, "coffer-http: settings file: unknown setting '%s'\n", name);
	return 0;
}

static coffer_err read_environment(struct settings *settings)
{
	char variable[64] = PREFIX;
	coffer_err err;

	for (size_t i = 0; i < TABLE_LEN; i++) {
		char *at = variable + sizeof(PREFIX) - 1;
		const char *value;
		for (const char *c = table[i].name; *c != '\0'; c++)
			*at++ = (char)(*c == '-' ? '_' : *c - 'a' + 'A');
		*at = '\0';
		if ((value = getenv(variable)) == NULL || value[0] == '\0')
			continue;
		if ((err = set(settings, &table[i], "environment: ", value)) != COFFER_OK)
			return err;
	}
	return COFFER_OK;
}

static coffer_err take_option(struct settings *settings, int option, const char *argument)
{
	if (option == OPT_HELP || option == 'h')
		settings->action = SETTINGS_HELP;
	else if (option == OPT_VERSION)
		settings->action = SETTINGS_VERSION;
	else if (option < OPT_FIRST)
		return COFFER_INVALID_ARGUMENT; /* getopt has said why */
	else
		return set(settings, &table[option - OPT_FIRST], FLAG, argument);
	return COFFER_OK;
}

static coffer_err read_flags(struct settings *settings, int argc, char **argv)
{
	struct option options[TABLE_LEN + 3] = {
		[TABLE_LEN] = { "help", no_argument, NULL, OPT_HELP },
		{ "version", no_argument, NULL, OPT_VERSION },
	};
	coffer_err err;
	int option;

	for (size_t i = 0; i < TABLE_LEN; i++)
		options[i] =
		    (struct option){ table[i].name,
				     table[i].kind == SWITCH ? no_argument : required_argument,
				     NULL, OPT_FIRST + (int)i };
	optind = 0; /* the flags are read twice: first for where the settings file is */
	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1)
		if ((err = take_option(settings, option, optarg)) != COFFER_OK)
			return err;
	if (optind == argc)
		return COFFER_OK;
	fprintf(stderr, "coffer-http: unexpected argument '%s'\n", argv[optind]);
	return COFFER_INVALID_ARGUMENT;
}

static void set_presets(struct settings *settings)
{
	*settings = (struct settings){ .action = SETTINGS_SERVE };
	for (size_t i = 0; i < TABLE_LEN; i++)
		if (table[i].kind == NUMBER)
			*(size_t *)(void *)((char *)settings + table[i].offset) = table[i].preset;
}

/* The settings file is named by a flag or a variable. */
static coffer_err read_named_file(struct settings *settings, int argc, char **argv)
{
	struct settings named;
	coffer_err err;

	set_presets(&named);
	if ((err = read_environment(&named)) == COFFER_OK &&
	    (err = read_flags(&named, argc, argv)) == COFFER_OK && named.action == SETTINGS_SERVE)
		err = lines_read(named.config_file ? named.config_file : DEFAULT_FILE,
				 named.config_file != NULL, on_ini_line, settings);
	settings_free(&named);
	return err;
}

static coffer_err set_default(char **out, const char *name, const char *text)
{
	if (*out == NULL && (*out = strdup(text)) == NULL)
		return fail(FLAG, name, "out of memory");
	return COFFER_OK;
}

static coffer_err set_defaults(struct settings *settings)
{
	const char *socket = getenv("COFFER_SOCKET");
	coffer_err err;

	if (socket == NULL || socket[0] == '\0')
		socket = DEFAULT_SOCKET;
	if ((err = set_default(&settings->listen, "listen", DEFAULT_LISTEN)) == COFFER_OK)
		err = set_default(&settings->socket, "socket", socket);
	return err;
}

static coffer_err check_socket(const char *name, const char *path)
{
	char why[48];

	if (path == NULL || strlen(path) < sizeof(((struct sockaddr_un *)0)->sun_path))
		return COFFER_OK;
	snprintf(why, sizeof(why), "is longer than %zu bytes",
		 sizeof(((struct sockaddr_un *)0)->sun_path) - 1);
	return fail(FLAG, name, why);
}

static coffer_err check(const struct settings *settings)
{
	coffer_err err;

	if ((settings->tls_cert == NULL) != (settings->tls_key == NULL))
		return fail(FLAG, settings->tls_cert ? "tls-cert" : "tls-key",
			    "takes --tls-cert and --tls-key together");
	if (settings->tls_client_ca != NULL && settings->tls_cert == NULL)
		return fail(FLAG, "tls-client-ca", "needs --tls-cert and --tls-key");
	if ((err = check_socket("socket", settings->socket)) == COFFER_OK)
		err = check_socket("admin-socket", settings->admin_socket);
	return err;
}

coffer_err settings_read(struct settings *out, int argc, char **argv)
{
	coffer_err err;

	set_presets(out);
	if ((err = read_named_file(out, argc, argv)) == COFFER_OK &&
	    (err = read_environment(out)) == COFFER_OK &&
	    (err = read_flags(out, argc, argv)) == COFFER_OK &&
	    (err = set_defaults(out)) == COFFER_OK && (err = check(out)) == COFFER_OK)
		return COFFER_OK;
	settings_free(out);
	return err;
}

void settings_free(struct settings *settings)
{
	for (size_t i = 0; i < TABLE_LEN; i++) {
		char **field = (char **)(void *)((char *)settings + table[i].offset);
		if (table[i].kind == SWITCH || table[i].kind == NUMBER)
			continue;
		free(*field);
		*field = NULL;
	}
}

void settings_print_help(void)
{
	printf("usage: coffer-http [OPTION]...        serve the daemon's jobs over HTTP, in the "
	       "foreground\n\n");
	for (size_t i = 0; i < TABLE_LEN; i++) {
		const struct setting *s = &table[i];
		int n = printf("  --%s%s%s", s->name, s->argument ? " " : "",
			       s->argument ? s->argument : "");
		printf("%*s%s\n", n < HELP_COLUMN ? HELP_COLUMN - n : 1, "", s->help);
	}
	printf("\nEach is also a variable (COFFER_HTTP_TLS_CERT) and a key of the settings file "
	       "(tls_cert).\n");
}
