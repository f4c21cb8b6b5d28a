/* job.h - what a command is given: its environment with the values of secrets, and a redactor that knows them.
 * Layer: tools. */
#ifndef EXEC_JOB_H
#define EXEC_JOB_H

#include <coffer/redact.h>

#include "cli.h"
#include "exec/environment.h"
#include "exec/sources.h"
#include "exec/watch.h"

/* What it points to is borrowed, but for what the last three hold. */
struct job {
	const struct cli *cli;
	struct environment environment;
	struct sources sources;
	struct coffer_redactor *redactor; /* NULL: output is not redacted */
	struct block block;               /* what the command has, or will have at its next start */
	struct watch *watch;              /* NULL: nothing is watched */
};

/* Gets the values that the environment needs, makes the block, and lets the redactor know the values and the
 * token. Without need it asks nobody. Refused with messages. */
COFFER_MUST_USE cli_exit job_prepare(struct job *job);

/* A supervise_refresh: does it again with what the watch has fetched. */
cli_exit job_refresh(void *job, bool *changed, char *const **envp);

void job_free(struct job *job); /* wipes */

#endif
