/* settings.h - what was asked for by flags, environment and settings file. Layer: tools.
 *
 * Each setting is a flag (--tls-cert), a variable (COFFER_HTTP_TLS_CERT) and a key of the file (tls_cert). A flag
 * beats a variable, a variable the file. */
#ifndef HTTP_SETTINGS_H
#define HTTP_SETTINGS_H

#include <coffer/error.h>
#include <stdbool.h>
#include <stddef.h>

typedef enum settings_action { SETTINGS_SERVE, SETTINGS_HELP, SETTINGS_VERSION } settings_action;

/* Strings are owned, but for one; NULL where nothing was set and there is no default. */
struct settings {
	settings_action action;
	char *config_file;
	char *listen;
	char *socket;
	char *admin_socket;
	char *tls_cert;
	char *tls_key;
	char *tls_client_ca;
	char *allow_host;       /* with spaces between them */
	const char *hosts_from; /* the source of allow_host; static */
	bool allow_plain;
	char *log_level;
	size_t calls;
	size_t connections;
	size_t connections_per_address;
	size_t request_bytes;
	size_t request_timeout_ms;
	size_t reply_timeout_ms;
	size_t daemon_timeout_ms;
	size_t refusals;
};

/* Reads all sources. COFFER_INVALID_ARGUMENT, with what is wrong printed on stderr. */
COFFER_MUST_USE coffer_err settings_read(struct settings *out, int argc, char **argv);
void settings_free(struct settings *settings);

/* Prints how to call the program, one setting a line, on stdout. */
void settings_print_help(void);

#endif
