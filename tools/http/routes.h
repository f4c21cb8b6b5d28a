/* routes.h - what can be asked for, and how each of it is answered. Layer: tools.
 *
 * One table of routes. What needs a token gets a session of its own with the daemon, which decides; nothing is
 * kept of it when the reply is made. */
#ifndef HTTP_ROUTES_H
#define HTTP_ROUTES_H

#include <semaphore.h>
#include <stddef.h>
#include <stdint.h>

#include "counters.h"
#include "gate.h"
#include "metrics.h"
#include "probe.h"
#include "reply.h"
#include "request.h"
#include "watch.h"

/* What all requests share. */
struct shim {
	const char *socket; /* borrowed; the daemon's */
	int timeout_ms;     /* of a call to the daemon */
	sem_t calls;        /* how many more sessions there may be */
	struct request_rules rules;
	struct watch watch;
	struct gate gate;
	struct probe probe;
	struct counters counters;
	struct metrics metrics;
};

/* Answers the request. Returns the route's number, for metrics and log. Any thread may call. */
size_t routes_answer(struct shim *shim, const struct request *request, struct reply *reply);

/* Counts a reply. Any number that no route has stands for what is none. */
#define ROUTES_NONE SIZE_MAX
void routes_count(struct shim *shim, size_t route, unsigned status, int64_t time_us);

/* What the log calls that route: its path with the variable parts in braces; "other" for what is none. */
const char *routes_name(size_t route);

#endif
