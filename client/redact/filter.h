/* filter.h - where in a text a pattern may stand: most of it is never looked at. Layer: client/redact.
 *
 * Every pattern has at least m bytes, so it has a gram of q bytes at each of its first s = m - q + 1 offsets, and
 * one of these stands at a position of the text that is a multiple of s. Only those positions are tested, each by
 * one bit at the gram's hash, in the manner of R. Karp and M. Rabin, "Efficient randomized pattern-matching
 * algorithms" (1987), and of S. Wu and U. Manber, "A fast algorithm for multi-pattern searching" (1994). A few
 * short patterns must not shorten the stride of the others: they have a filter of their own. */
#ifndef REDACT_FILTER_H
#define REDACT_FILTER_H

#include "patterns.h"

/* Patterns from this length on share one filter, with the longest stride. */
#define FILTER_LONG 20
/* Each length below has another. */
#define FILTERS 4

struct filter {
	uint64_t *bits; /* by one hash of a gram; NULL if no pattern is of this filter's lengths */
	uint64_t *second; /* by another, asked only if the first says yes */
	uint32_t words;   /* in each; a power of two */
	uint32_t gram;    /* q */
	uint32_t stride;  /* s */
};

/* Builds filters over all patterns. On failure, COFFER_RESOURCE_EXHAUSTED, they are empty. */
COFFER_MUST_USE coffer_err filter_build(struct filter out[FILTERS],
					const struct patterns *patterns);
void filter_free(struct filter filters[FILTERS]); /* wipes and empties */

/* The first of the positions at, at + stride, ... of the text whose gram may be a pattern's; if there is none, the
 * first at which no whole gram stands. In either case no pattern of this filter begins in at - stride + 1 ..
 * result - stride. */
size_t filter_find(const struct filter *filter, const uint8_t *text, size_t len, size_t at);

#endif
