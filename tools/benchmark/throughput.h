/* throughput.h - requests a second over many connections. Layer: benchmark. */
#ifndef BENCHMARK_THROUGHPUT_H
#define BENCHMARK_THROUGHPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "latency.h"

/* Keeps one request under way on each of connections connections to every target, count requests a slice,
 * and prints a line as sample_print does for each round and target, where a duration is that of a slice
 * divided by count. False as in talk.h. */
bool throughput_measure(const struct latency_plan *plan, size_t connections, struct target *targets,
			size_t targets_len);

#endif
