/* replace.h - this process becomes the command. Layer: tools. */
#ifndef EXEC_REPLACE_H
#define EXEC_REPLACE_H

#include "cli.h"

/* Does not return if the command can be started: then nothing of this process is left, and no more
 * was spent than env(1) does. Else the exit status, after a message. argv[0] is looked for in the
 * PATH of envp. */
int replace_run(const struct cli *cli, char *const *argv, char **envp);

#endif
