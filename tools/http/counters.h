/* counters.h - the daemon's own counters, asked for over its operator socket. Layer: tools. */
#ifndef HTTP_COUNTERS_H
#define HTTP_COUNTERS_H

#include <stdbool.h>

#include "body.h"
#include "lately.h"

struct counters {
	const char *socket; /* borrowed; NULL: they are not asked for */
	int timeout_ms;
	struct lately lately;
	struct body text; /* as they were told last; empty: they could not be had */
};

void counters_init(struct counters *counters, const char *socket, int timeout_ms);
void counters_destroy(struct counters *counters);

/* Appends them as Prometheus reads them. False: there are none. Any thread may call. */
bool counters_print(struct counters *counters, struct body *out);

#endif
