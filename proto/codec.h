/* codec.h - protobuf messages in frames, by nanopb. Layer: wire; the only user of nanopb's functions.
 *
 * Decoding copies nothing: every string and bytes field of a decoded message is a slice of the bytes
 * that were given, and is valid as long as they are. Repeated fields are not stored in the message:
 * codec_next walks over their elements in the encoded bytes, and codec_append_* writes them one by
 * one, in any number. So no message has an array, a maximum or heap memory of its own. */
#ifndef CODEC_H
#define CODEC_H

#include <coffer/error.h>

#include "coffer.pb.h"
#include "slice.h"

/* Decodes in as a message of type desc into *msg, the generated struct of that type and of size bytes,
 * which is zeroed first; unknown fields are skipped. COFFER_INVALID_ARGUMENT if in is malformed. */
COFFER_MUST_USE coffer_err codec_decode(struct slice in, const pb_msgdesc_t *desc, void *msg,
					size_t size);

/* Appends msg's singular fields. COFFER_RESOURCE_EXHAUSTED if they do not fit, as for all below. */
COFFER_MUST_USE coffer_err codec_append(struct buf *out, const pb_msgdesc_t *desc, const void *msg);

/* Appends one string or bytes field, also an element of a repeated one (so empty is written too). */
COFFER_MUST_USE coffer_err codec_append_bytes(struct buf *out, uint32_t tag, struct slice bytes);

/* Appends the header of a bytes field of len bytes and sets *at to the room for them, for a producer
 * that writes in place. */
COFFER_MUST_USE coffer_err codec_reserve_bytes(struct buf *out, uint32_t tag, size_t len,
					       uint8_t **at);

/* Appends msg as an embedded message: one element of a repeated field. */
COFFER_MUST_USE coffer_err codec_append_message(struct buf *out, uint32_t tag,
						const pb_msgdesc_t *desc, const void *msg);

/* Brackets an embedded message that is appended piece by piece: all that is appended between open and
 * close is its content. *mark belongs to the pair. */
COFFER_MUST_USE coffer_err codec_open_message(struct buf *out, uint32_t tag, size_t *mark);
COFFER_MUST_USE coffer_err codec_close_message(struct buf *out, size_t mark);

/* The next element of a repeated string, bytes or message field: sets *element, moves *rest behind it
 * and returns true; false at the end. *rest begins as the encoded message that codec_decode accepted. */
bool codec_next(struct slice *rest, uint32_t tag, struct slice *element);

/* A reply is a frame with a Response whose body is appended piece by piece. begin leaves room for what
 * stands before the body; the body is then appended to out; end completes the frame in place. */
COFFER_MUST_USE coffer_err codec_reply_begin(struct buf *out, size_t *mark);

/* For code COFFER_OK the body is kept; for any other code it is wiped and message (may be empty) sent
 * instead. On failure out is as it was before begin. COFFER_RESOURCE_EXHAUSTED if the frame does not
 * fit or would be larger than FRAME_BODY_MAX. */
COFFER_MUST_USE coffer_err codec_reply_end(struct buf *out, size_t mark, uint32_t id,
					   coffer_err code, struct slice message);

/* Appends one whole request frame; body is the encoded request message. */
COFFER_MUST_USE coffer_err codec_append_request(struct buf *out, uint32_t id, struct slice method,
						struct slice body);

#endif
