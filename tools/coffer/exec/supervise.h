/* exec/supervise.h - the command of "coffer exec" from its start to its exit status: its output redacted on the
 * way, signals passed on, and what is done when its values change. Layer: tools. */
#ifndef EXEC_SUPERVISE_H
#define EXEC_SUPERVISE_H

#include "cli.h"

#include <coffer/redact.h>

/* What becomes of the command when its values have changed. */
typedef enum supervise_reaction {
	SUPERVISE_RESTART, /* it is ended, and started with the new environment */
	SUPERVISE_SIGNAL,  /* it is sent a signal */
	SUPERVISE_IGNORE,  /* it is told to the user */
} supervise_reaction;

/* Exit statuses that the command did not give itself. */
enum { SUPERVISE_FAILED = 125, SUPERVISE_REFUSED = 126, SUPERVISE_NOT_FOUND = 127 };

/* Takes what has come, after changes was readable. *changed: whether the values of the command are others than it
 * has; *envp: the environment for the next start, owned by the callback and valid until its next call. Output and
 * signals wait for it. It prints its own messages; whatever it returns, the command runs on, and only CLI_DONE is
 * acted on. */
typedef cli_exit (*supervise_refresh)(void *context, bool *changed, char *const **envp);

/* All is borrowed until supervise_run returns. */
struct supervise {
	char *const *argv; /* the command and its arguments, up to a NULL */
	char *const *envp; /* its environment; its PATH is where argv[0] is looked for */
	/* NULL: the command has this process's descriptors, and its output is neither read nor redacted. */
	struct coffer_redactor *redactor;
	int changes; /* readable when there is something to refresh, at its end or failed: no longer looked at; -1:
		      * none. It is read empty here. */
	supervise_reaction reaction;
	int signal; /* for SUPERVISE_SIGNAL */
	supervise_refresh refresh;
	void *context; /* refresh's */
};

/* Starts the command, waits for it and returns the exit status for main: the command's own; 128 + n if signal n
 * ended it; SUPERVISE_NOT_FOUND or SUPERVISE_REFUSED if it could not be started; SUPERVISE_FAILED for a failure of
 * coffer's own. Messages have been printed. */
int supervise_run(const struct cli *cli, const struct supervise *job);

#endif
