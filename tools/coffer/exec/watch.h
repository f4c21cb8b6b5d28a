/* watch.h - whether secrets change while a command runs: a thread that waits for the daemon to say so, and fetches the
 * new values once nothing has changed for 2 s, with a session of its own. It ends with the process, or when the run
 * has ended, and prints nothing. Layer: tools. */
#ifndef EXEC_WATCH_H
#define EXEC_WATCH_H

#include "cli.h"
#include "exec/sources.h"

struct watch;

/* What has come of it. */
struct watch_news {
	char note[COFFER_MESSAGE_MAX + 128]; /* what is to be told; "": nothing */
	bool fetched;
	struct values
	    values; /* if fetched: all that the command needs, or why it lacks; the taker's */
};

/* Begins to watch, for changes since the revision of sources, and from now on keeps its cache. What sources holds is
 * copied, but for the cache's path. On failure, which is refused with a message, *out is NULL. */
COFFER_MUST_USE cli_exit watch_start(const struct cli *cli, const struct sources *sources,
				     struct watch **out);

/* A pipe's end that is readable, a byte each, when there is news, and at the thread's end. It stays the watch's. */
int watch_fd(const struct watch *watch);

/* Takes the news, of which there may be none; what was fetched before the last fetch is gone. */
void watch_take(struct watch *watch, struct watch_news *news);

/* Frees it, now or when the thread next has something to tell. watch may be NULL. */
void watch_stop(struct watch *watch);

#endif
