/* probe.h - whether the daemon answers. Layer: tools.
 *
 * Asked for without a token, it has nothing to say but that it does not know what was asked, which is enough. An
 * answer serves for a second, so that who asks us often does not make us ask often. */
#ifndef HTTP_PROBE_H
#define HTTP_PROBE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct probe {
	pthread_mutex_t mutex;
	const char *socket; /* borrowed */
	int timeout_ms;
	int64_t asked_ms; /* 0: never */
	bool asking;
	bool answered;
};

void probe_init(struct probe *probe, const char *socket, int timeout_ms);
void probe_destroy(struct probe *probe);

/* Any thread may call. */
bool probe_answers(struct probe *probe);

#endif
