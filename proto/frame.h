/* frame.h - protobuf's delimited framing: a base-128 varint length, then that many bytes.
 * Layer: wire. No I/O, no heap, no state: the caller keeps the bytes and calls again with more. */
#ifndef FRAME_H
#define FRAME_H

#include <coffer/error.h>

#include "slice.h"

/* Length prefixes are 1 to 3 bytes: frames stay under 2 MiB. */
#define FRAME_HEADER_MAX 3
#define FRAME_BODY_MAX   ((1u << 21) - 1)

/* Reads the length at the start of in. On COFFER_OK *header is its size in bytes and *body the size of
 * the message behind it, which need not have arrived yet.
 * COFFER_UNAVAILABLE: the length is not complete, call again with more bytes.
 * COFFER_INVALID_ARGUMENT: zero, longer than 3 bytes, not in its shortest form, or above max bytes;
 * the stream cannot be followed any further. */
COFFER_MUST_USE coffer_err frame_parse(struct slice in, size_t max, size_t *header, size_t *body);

/* Writes the length prefix of a frame of body bytes (1 .. FRAME_BODY_MAX) and returns its size. */
size_t frame_header(uint8_t out[FRAME_HEADER_MAX], size_t body);

#endif
