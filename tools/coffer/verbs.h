/* verbs.h - every verb, each defined in the cmd_*.c of its name. Layer: tools. */
#ifndef VERBS_H
#define VERBS_H

#include "cli.h"

extern const struct command cmd_init;
extern const struct command cmd_set;
extern const struct command cmd_get;
extern const struct command cmd_ls;
extern const struct command cmd_exec;
extern const struct command cmd_redact;
extern const struct command cmd_resolve;
extern const struct command cmd_rm;
extern const struct command cmd_history;
extern const struct command cmd_rollback;
extern const struct command cmd_import;
extern const struct command cmd_export;
extern const struct command cmd_run;
extern const struct command cmd_run_create;
extern const struct command cmd_service;
extern const struct command cmd_service_create;
extern const struct command cmd_key;
extern const struct command cmd_bootstrap;
extern const struct command cmd_audit;
extern const struct command cmd_audit_checkpoint;
extern const struct command cmd_audit_verify;
extern const struct command cmd_why;
extern const struct command cmd_migrate;
extern const struct command cmd_backup;
extern const struct command cmd_restore;
extern const struct command cmd_status;
extern const struct command cmd_sync;

/* Not in the usage: the shells' scripts call it. Prints what completes the last of the words that
 * standard input has, each with a NUL behind it; verbs are those of main. */
cli_exit cmd_complete(struct cli *cli, const struct command *const *verbs);

#endif
