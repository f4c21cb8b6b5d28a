/* retry.h - trying again while the daemon is away: after 50 ms, then twice as long each time up to
 * 2 s, and up to half of that less by chance, so that many do not come back at once. Layer: tools. */
#ifndef EXEC_RETRY_H
#define EXEC_RETRY_H

#include <coffer/error.h>
#include <stdbool.h>
#include <stdint.h>

struct retry {
	int64_t deadline_ms; /* on the monotonic clock */
	int64_t delay_ms;
};

/* Begins. RETRY_FOREVER is a time too. */
#define RETRY_FOREVER (INT64_MAX / 2)
void retry_begin(struct retry *retry, int64_t time_ms);

/* What is left of the time; 0: nothing. */
int64_t retry_left_ms(const struct retry *retry);

/* Sleeps until the next attempt is due. False, and at once, if the time is up. */
bool retry_pause(struct retry *retry);

/* Whether err may be another after a while. opening: it came of coffer_open, where a limit is that
 * of connections; later it is one of the answer. */
bool retry_is_worth(coffer_err err, bool opening);

#endif
