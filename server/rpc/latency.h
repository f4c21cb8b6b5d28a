/* latency.h - how long the calls of one method take. Layer: rpc. Pure functions.
 *
 * A histogram of fixed size that is cut as floating-point numbers are: each power of two of nanoseconds into eight
 * parts of one width. So to add a call is one count, and a quantile is known to an eighth, from a quarter of a
 * microsecond to half a minute. A part that is full halves all of them: what is told is of newer calls then. */
#ifndef RPC_LATENCY_H
#define RPC_LATENCY_H

#include <stdint.h>

/* Eight parts below the first power of two that is cut, and eight for each of 24 powers. */
#define LATENCY_PARTS 200

struct latency {
	uint64_t total_ns;
	uint32_t parts[LATENCY_PARTS];
};

/* Counts one call. A clock that went back counts as 0. */
void latency_add(struct latency *latency, int64_t ns);

/* What so many of 1000 calls took at the most, in microseconds, rounded up; 0 if there was none. */
uint32_t latency_quantile_us(const struct latency *latency, unsigned per_mille);

#endif
