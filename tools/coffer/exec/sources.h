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

/* Writes the cache, if there is one to be written and the values are the daemon's. Returns NULL, or what went wrong,
 * which does no harm: SOURCES_CANNOT_KEEP tells it, with the path before. */
#define SOURCES_CANNOT_KEEP "warning: cannot write the cache %s: %s"
COFFER_MUST_USE const char *sources_keep(const struct sources *sources,
					 const struct values *values);

#endif
