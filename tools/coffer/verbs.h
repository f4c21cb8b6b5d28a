/* verbs.h - every verb, each defined in the cmd_*.c of its name. Layer: tools. */
#ifndef VERBS_H
#define VERBS_H

#include "cli.h"

extern const struct command cmd_init;
extern const struct command cmd_set;
extern const struct command cmd_get;
extern const struct command cmd_ls;
extern const struct command cmd_redact;
extern const struct command cmd_rm;
extern const struct command cmd_history;
extern const struct command cmd_rollback;
extern const struct command cmd_run;
extern const struct command cmd_run_create;
extern const struct command cmd_bootstrap;
extern const struct command cmd_audit;
extern const struct command cmd_status;

#endif
