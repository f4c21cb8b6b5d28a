/* sources.h - where the values of a command come from: the daemon, and while it cannot be reached what the user
 * named for that. Layer: tools. */
#ifndef EXEC_SOURCES_H
#define EXEC_SOURCES_H

#include "exec/fetch.h"

/* What it points to is borrowed. */
struct sources {
	struct fetch fetch;
	bool given;           /* the environment has, or should have, a token or a bootstrap file */
	const char *cache;    /* written after a fetch, read without a daemon; NULL: none */
	const char *fallback; /* a file of variables, for development; NULL: none */
	int64_t timeout_ms;   /* of waiting for the daemon */
};

/* Fills values, which the caller frees in either case: from the daemon, for which it waits; else from the
 * cache; else from the fallback. What is done is told on standard error. */
COFFER_MUST_USE cli_exit sources_fetch(const struct cli *cli, struct sources *sources,
				       struct values *values);

/* Once more, from the daemon alone and without waiting. Does not tell of a failure, for which *again is as for
 * fetch_attempt, and fetch_message has the words. */
COFFER_MUST_USE coffer_err sources_refetch(struct sources *sources, struct values *values,
					   bool *again);

/* Writes the cache, if there is one to be written and the values are the daemon's. A failure is told and does
 * no harm. */
void sources_keep(const struct cli *cli, const struct sources *sources,
		  const struct values *values);

#endif
