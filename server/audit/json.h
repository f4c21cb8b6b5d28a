/* json.h - the pieces of a JSON line, written into a buffer without the heap. Layer: audit, private.
 *
 * The caller has made sure of the room. Were it not there, a piece would be left out whole: a broken
 * contract damages a line, never memory. */
#ifndef AUDIT_JSON_H
#define AUDIT_JSON_H

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "slice.h"

/* As it stands. In the header, so that a literal becomes a few moves. */
static inline void json_raw(struct buf *out, const void *bytes, size_t len)
{
	assert(len <= out->cap - out->len);
	if (len == 0 || len > out->cap - out->len)
		return;
	memcpy(out->data + out->len, bytes, len);
	out->len += len;
}
#define JSON_LITERAL(out, text) json_raw(out, text, sizeof(text) - 1)

void json_number(struct buf *out, uint64_t number);
void json_hex(struct buf *out, const uint8_t *bytes, size_t len);

/* The inside of a string: escaped, what is not UTF-8 replaced by U+FFFD, and cut between characters
 * where its escaped form would be longer than max bytes. */
void json_text(struct buf *out, struct slice text, size_t max);

/* ,"key":"text" - or nothing, if text is empty. */
void json_field(struct buf *out, struct slice key, struct slice text, size_t max);
#define JSON_FIELD(out, key, text, max) json_field(out, SLICE_LITERAL(key), text, max)

#endif
