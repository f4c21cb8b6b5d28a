/* stream.h - authenticated encryption of a long text, chunk by chunk: libsodium's secretstream. Layer: vault.
 *
 * Chunks cannot be changed, left out, put in another order or cut off at the end: the last one says that it is
 * the last. What stands in front of them in the clear can be authenticated with them. The key is copied into a page
 * of the arena. */
#ifndef VAULT_STREAM_H
#define VAULT_STREAM_H

#include <coffer/error.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "slice.h"

#define STREAM_KEY_LEN    32
#define STREAM_HEADER_LEN 24
#define STREAM_OVERHEAD   17 /* bytes that a chunk grows by */

struct stream;

/* Begins to write, and fills in header, which the reader needs; or to read. COFFER_RESOURCE_EXHAUSTED if the arena
 * has no page; COFFER_INTERNAL if libsodium cannot start. On error *out is NULL. */
COFFER_MUST_USE coffer_err stream_write_begin(struct stream **out, struct arena *arena,
					      const uint8_t key[STREAM_KEY_LEN],
					      uint8_t header[STREAM_HEADER_LEN]);
COFFER_MUST_USE coffer_err stream_read_begin(struct stream **out, struct arena *arena,
					     const uint8_t key[STREAM_KEY_LEN],
					     const uint8_t header[STREAM_HEADER_LEN]);
void stream_end(struct stream *stream); /* wipes; NULL is fine */

/* The next chunk into out, which has room for plain.len + STREAM_OVERHEAD bytes. with is authenticated and may be
 * empty. */
void stream_push(struct stream *stream, struct slice plain, struct slice with, bool last,
		 uint8_t *out);

/* Opens the next chunk into out, which has room for sealed.len - STREAM_OVERHEAD bytes. COFFER_DATA_LOSS if it is
 * not the one that was written there. */
COFFER_MUST_USE coffer_err stream_pull(struct stream *stream, struct slice sealed,
				       struct slice with, bool *last, uint8_t *out);

#endif
