/* slice.h - bytes that somebody else owns. Layer: wire. */
#ifndef SLICE_H
#define SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Read-only view. data may be NULL only if len is 0. Not NUL-terminated: print it with %.*s and
 * SLICE_ARG, and never if it is a value. */
struct slice {
	const uint8_t *data;
	size_t len;
};

#define SLICE_EMPTY         ((struct slice){ NULL, 0 })
#define SLICE_LITERAL(text) ((struct slice){ (const uint8_t *)(text), sizeof(text) - 1 })
#define SLICE_ARG(s)        (int)(s).len, (const char *)((s).data ? (s).data : (const uint8_t *)"")

/* text may be NULL, which is the empty slice. */
static inline struct slice slice_str(const char *text)
{
	return (struct slice){ (const uint8_t *)text, text ? strlen(text) : 0 };
}

/* Not in constant time: for names, never for tokens or keys. */
static inline bool slice_equal(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* An append-only buffer of fixed size in memory that the caller lends. It never grows: an append that
 * does not fit fails and leaves len as it was. */
struct buf {
	uint8_t *data;
	size_t len;
	size_t cap;
};

#endif
