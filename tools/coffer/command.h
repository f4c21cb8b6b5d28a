/* command.h - finding, running and explaining verbs. Layer: tools. */
#ifndef COMMAND_H
#define COMMAND_H

#include "cli.h"

/* Runs the verb that argv[0] names among commands (up to a NULL), or its sub-verb. */
cli_exit command_run(struct cli *cli, const struct command *const *commands, int argc, char **argv);

/* Explains the verb that the words name ("run", "create"), or lists commands if there are none. */
cli_exit command_help(struct cli *cli, const struct command *const *commands, int argc,
		      char **argv);

/* Prints the explanation of cli's own verb on standard output. */
cli_exit command_explain(const struct cli *cli);

#endif
