/* latency.h - the time of single round trips. Layer: benchmark. */
#ifndef BENCHMARK_LATENCY_H
#define BENCHMARK_LATENCY_H

#include <stdbool.h>
#include <stddef.h>

#include "target.h"

/* How much to measure: each round is slices times count round trips with every target, a slice of one
 * target after a slice of the other, so that noise hits all alike. All are at least 1. */
struct latency_plan {
	size_t rounds;
	size_t slices;
	size_t count;
};

/* Prints a line as sample_print does for each round and target. With visit, a round trip is connect,
 * hello, request and close; without, it is a request on an open connection. False as in talk.h. */
bool latency_measure(const struct latency_plan *plan, bool visit, struct target *targets,
		     size_t targets_len);

#endif
