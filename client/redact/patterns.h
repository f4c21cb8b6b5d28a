/* patterns.h - the byte strings to be found, each once. Layer: client/redact.
 *
 * A pattern's bytes stay where they are until the set is freed: a stream points into them for what it holds
 * back. */
#ifndef REDACT_PATTERNS_H
#define REDACT_PATTERNS_H

#include <coffer/error.h>
#include <stddef.h>
#include <stdint.h>

/* Fewer bytes than this name no secret: the marker would be all over the text. */
#define PATTERNS_LEN_MIN 8
/* All of them together: the automaton numbers its states with 32 bits. */
#define PATTERNS_BYTES_MAX (1U << 30)

struct pattern {
	uint8_t *data;
	uint32_t len;
	uint32_t age; /* the older of two equal ones stays */
};

/* Zero it to begin. */
struct patterns {
	struct pattern *items;
	size_t len;
	size_t cap;
	size_t unique; /* as many were left by the last patterns_sort */
	size_t bytes;
	uint32_t ages;
};

/* Copies len bytes, at least one. COFFER_RESOURCE_EXHAUSTED: no memory, or too many bytes in all. */
COFFER_MUST_USE coffer_err patterns_add(struct patterns *patterns, const uint8_t *data, size_t len);

/* Sorts them by their bytes, a prefix before what it begins, and drops those that are there twice. */
void patterns_sort(struct patterns *patterns);

void patterns_free(struct patterns *patterns); /* wipes and empties */

#endif
