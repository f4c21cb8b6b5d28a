/* config.h - the daemon's settings. Layer: main.
 *
 * One table names each setting once; it is read from the INI file, then from the environment, then from
 * the command line, and the later one wins. */
#ifndef CONFIG_H
#define CONFIG_H

#include <coffer/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "s3_settings.h"

#define CONFIG_SECRETS_MAX 64

typedef enum config_action {
	CONFIG_SERVE,
	CONFIG_INIT,    /* make a home, then end */
	CONFIG_RESTORE, /* make a home of a backup, or only look whether that could be done */
	CONFIG_CHECK_BACKUP,
	CONFIG_HELP,
	CONFIG_VERSION,
} config_action;

/* Strings are owned; NULL where nothing was set and there is no default. */
struct config {
	config_action action;
	int argc; /* what was read, borrowed: for reading again */
	char **argv;
	const char
	    *folders_by; /* which source has given source_dirs, and migrate_rules; NULL: none */
	const char *rules_by;
	bool ephemeral;
	char *home;
	char *config_file;
	char *socket;
	char *admin_socket;
	char *admin_group;
	char *database; /* NULL: the home's */
	char *key_file;
	char *passphrase_file;
	char *cipher;
	char *audit_sync;
	char *log_level;
	char *sandbox;     /* on, off, require; NULL: on */
	char *source_dirs; /* absolute folders, ':' between them; NULL: any */
	bool allow_swap;
	size_t arena_bytes; /* 0: what value_max needs */
	size_t connections;
	size_t connections_per_uid;
	size_t value_max;
	size_t versions_kept;
	size_t audit_file_max; /* bytes */
	size_t audit_keep;     /* files; 0: all */
	size_t audit_rate;     /* bytes of one uid in a second; 0: any */
	int64_t keep_runs_ms;  /* after their end; 0: for ever */
	char *migrate_rules;   /* '\n' between them; NULL: none */
	struct s3_settings s3;
	const char *backup_file;                 /* borrowed from argv */
	bool skip_damaged;                       /* records of it that do not open */
	const char *secrets[CONFIG_SECRETS_MAX]; /* NAME=@FILE or NAME=VALUE, borrowed from argv */
	size_t secrets_len;
};

/* Reads all sources. COFFER_INVALID_ARGUMENT, with what is wrong printed on stderr. */
COFFER_MUST_USE coffer_err config_read(struct config *out, int argc, char **argv);
void config_free(struct config *config);

/* Names of settings, as they stand in the settings file, with ", " between them. */
#define CONFIG_NAMES_MAX 1024
struct config_changes {
	char taken[CONFIG_NAMES_MAX]; /* those that changed and were taken over */
	char left[CONFIG_NAMES_MAX];  /* those that changed and need a restart */
};

/* Takes over from fresh what a running daemon can change, in exchange for what was there. The caller frees fresh
 * when nobody uses that any more. */
void config_renew(struct config *config, struct config *fresh, struct config_changes *changes);

/* Prints how to call the program, one setting a line, on stdout. */
void config_print_help(void);

#endif
