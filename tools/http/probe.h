/* probe.h - whether the daemon answers. Layer: tools.
 *
 * Asked for without a token, it has nothing to say but that it does not know what was asked, which is enough. */
#ifndef HTTP_PROBE_H
#define HTTP_PROBE_H

#include <stdbool.h>

#include "lately.h"

struct probe {
	const char *socket; /* borrowed */
	int timeout_ms;
	struct lately lately;
	bool answered;
};

void probe_init(struct probe *probe, const char *socket, int timeout_ms);
void probe_destroy(struct probe *probe);

/* Any thread may call. */
bool probe_answers(struct probe *probe);

#endif
