/* cache_codec.h - what a cache holds, as bytes: little-endian numbers of 64 bits, and a length before each
 * text. Layer: tools. */
#ifndef EXEC_CACHE_CODEC_H
#define EXEC_CACHE_CODEC_H

#include "bytes.h"
#include "exec/cache.h"

/* Appends to *out, which fails without memory. */
void cache_codec_encode(struct bytes *out, const struct cache_about *about,
			const struct values *values);

/* Adds to *values. False: no memory, or bytes of another form. */
COFFER_MUST_USE bool cache_codec_decode(const struct bytes *content, struct cache_about *about,
					struct values *values);

#endif
