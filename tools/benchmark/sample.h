/* sample.h - durations, and what is told about a number of them. Layer: benchmark. */
#ifndef BENCHMARK_SAMPLE_H
#define BENCHMARK_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Nanoseconds since some fixed point. */
uint64_t sample_now_ns(void);

/* Durations in nanoseconds. The array is full when len is cap. */
struct sample {
	uint64_t *ns;
	size_t len;
	size_t cap;
};

/* Room for cap durations (cap > 0), touched so that no page fault falls into a measurement. False, with
 * a line on stderr, if there is no memory; then *out is empty. */
bool sample_make(struct sample *out, size_t cap);
void sample_free(struct sample *sample); /* an empty one is fine */

/* Adds one; there must be room. */
void sample_add(struct sample *sample, uint64_t ns);

/* Prints "<round> TAB <label> TAB <count> TAB <p50> TAB <p99> TAB <mean>" in nanoseconds on stdout, and
 * empties the sample, which it sorts. Nothing measured is printed as zeros. */
void sample_print(struct sample *sample, size_t round, const char *label);

#endif
