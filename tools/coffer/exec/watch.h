/* watch.h - whether secrets change while a command runs: a thread that waits for the daemon to say so, with a
 * session of its own. It ends with the process, or when the run has ended. Layer: tools. */
#ifndef EXEC_WATCH_H
#define EXEC_WATCH_H

#include "cli.h"
#include "exec/fetch.h"

/* A pipe: readable when something has changed. Both are -1 if nothing is watched. */
struct watch {
	int changes;
	int again;
};
#define WATCH_NONE ((struct watch){ -1, -1 })

/* Begins to watch, for changes since fetch's revision. What fetch holds is copied. On failure, which is refused with
 * a message, *out is WATCH_NONE. */
COFFER_MUST_USE cli_exit watch_start(const struct cli *cli, const struct fetch *fetch,
				     struct watch *out);

/* Makes changes readable, as if something had changed. */
void watch_repeat(const struct watch *watch);

/* Closes the pipe. The thread ends when it next has something to tell. */
void watch_stop(struct watch *watch);

#endif
