#include "codec.h"

#include <assert.h>

#include <pb_decode.h>
#include <pb_encode.h>

#include "frame.h"
#include "wipe.h"

_Static_assert((int)coffer_v1_Code_DATA_LOSS == (int)COFFER_DATA_LOSS,
	       "the codes of coffer.proto and of coffer_err are the same list");

/* What stands before a reply's body: frame length, id, body tag, body length. */
#define REPLY_HEAD_MAX (FRAME_HEADER_MAX + 6 + 1 + FRAME_HEADER_MAX)

/* The input stream over a slice. It is this function, and not nanopb's own, so that codec_field can
 * tell a slice of the caller's bytes from the scratch copy that nanopb makes of a scalar. */
static bool slice_read(pb_istream_t *stream, pb_byte_t *out, size_t count)
{
	const uint8_t *at = stream->state;

	if (out != NULL)
		memcpy(out, at, count);
	stream->state = (void *)(uintptr_t)(at + count);
	return true;
}

static pb_istream_t slice_stream(struct slice in)
{
	return (pb_istream_t){ .callback = slice_read,
			       .state = (void *)(uintptr_t)in.data,
			       .bytes_left = in.len };
}

static void slice_skip(pb_istream_t *stream, size_t count)
{
	(void)slice_read(stream, NULL, count);
	stream->bytes_left -= count;
}

/* nanopb's hook for every string, bytes and repeated field, named in coffer.options. */
bool codec_field(pb_istream_t *in, pb_ostream_t *out, const pb_field_t *field)
{
	struct slice *slice = field->pData;
	bool repeated = PB_HTYPE(field->type) == PB_HTYPE_REPEATED;

	if (in != NULL) {
		if (in->callback != slice_read)
			return false; /* a number where the schema has bytes */
		if (!repeated)
			*slice = (struct slice){ in->state, in->bytes_left };
		slice_skip(in, in->bytes_left);
		return true;
	}
	if (repeated || slice->len == 0)
		return true;
	return pb_encode_tag_for_field(out, field) &&
	       pb_encode_string(out, slice->data, slice->len);
}

coffer_err codec_decode(struct slice in, const pb_msgdesc_t *desc, void *msg, size_t size)
{
	pb_istream_t stream = slice_stream(in);

	memset(msg, 0, size);
	if (pb_decode_ex(&stream, desc, msg, PB_DECODE_NOINIT))
		return COFFER_OK;
	memset(msg, 0, size);
	return COFFER_INVALID_ARGUMENT;
}

bool codec_next(struct slice *rest, uint32_t tag, struct slice *element)
{
	pb_istream_t stream = slice_stream(*rest), content;
	pb_wire_type_t type;
	uint32_t found;
	bool eof;

	while (pb_decode_tag(&stream, &type, &found, &eof)) {
		if (type != PB_WT_STRING) {
			if (!pb_skip_field(&stream, type))
				break;
			continue;
		}
		if (!pb_make_string_substream(&stream, &content))
			break;
		*element = (struct slice){ content.state, content.bytes_left };
		slice_skip(&content, content.bytes_left);
		stream.state = content.state;
		*rest = (struct slice){ stream.state, stream.bytes_left };
		if (found == tag)
			return true;
	}
	*rest = *element = SLICE_EMPTY;
	return false;
}

static pb_ostream_t buf_stream(struct buf *out)
{
	return pb_ostream_from_buffer(out->data + out->len, out->cap - out->len);
}

static coffer_err buf_take(struct buf *out, const pb_ostream_t *stream, bool ok)
{
	if (!ok) {
		/* Part of a value may stand behind the end, where nobody would wipe it. */
		wipe(out->data + out->len, stream->bytes_written);
		return COFFER_RESOURCE_EXHAUSTED;
	}
	out->len += stream->bytes_written;
	return COFFER_OK;
}

coffer_err codec_append(struct buf *out, const pb_msgdesc_t *desc, const void *msg)
{
	pb_ostream_t stream = buf_stream(out);

	return buf_take(out, &stream, pb_encode(&stream, desc, msg));
}

coffer_err codec_append_bytes(struct buf *out, uint32_t tag, struct slice bytes)
{
	pb_ostream_t stream = buf_stream(out);

	return buf_take(out, &stream,
			pb_encode_tag(&stream, PB_WT_STRING, tag) &&
			    pb_encode_string(&stream, bytes.data, bytes.len));
}

coffer_err codec_reserve_bytes(struct buf *out, uint32_t tag, size_t len, uint8_t **at)
{
	pb_ostream_t stream = buf_stream(out);
	coffer_err err;

	*at = NULL;
	err =
	    buf_take(out, &stream,
		     pb_encode_tag(&stream, PB_WT_STRING, tag) && pb_encode_varint(&stream, len) &&
			 len <= stream.max_size - stream.bytes_written);
	if (err != COFFER_OK)
		return err;
	*at = out->data + out->len;
	out->len += len;
	return COFFER_OK;
}

coffer_err codec_append_message(struct buf *out, uint32_t tag, const pb_msgdesc_t *desc,
				const void *msg)
{
	pb_ostream_t stream = buf_stream(out);

	return buf_take(out, &stream,
			pb_encode_tag(&stream, PB_WT_STRING, tag) &&
			    pb_encode_submessage(&stream, desc, msg));
}

/* Takes back, and wipes, all that was appended since mark. */
static void buf_rewind(struct buf *out, size_t mark)
{
	wipe(out->data + mark, out->len - mark);
	out->len = mark;
}

/* Puts head into the gap of gap bytes at mark and closes up what is left of it. */
static void close_gap(struct buf *out, size_t mark, size_t gap, const uint8_t *head,
		      size_t head_len)
{
	size_t body = out->len - mark - gap;

	assert(head_len <= gap);
	memmove(out->data + mark + head_len, out->data + mark + gap, body);
	memcpy(out->data + mark, head, head_len);
	wipe(out->data + mark + head_len + body, gap - head_len);
	out->len = mark + head_len + body;
}

coffer_err codec_open_message(struct buf *out, uint32_t tag, size_t *mark)
{
	pb_ostream_t stream = buf_stream(out);
	bool fits = pb_encode_tag(&stream, PB_WT_STRING, tag) &&
		    stream.max_size - stream.bytes_written >= FRAME_HEADER_MAX;
	coffer_err err = buf_take(out, &stream, fits);

	*mark = out->len;
	if (err == COFFER_OK)
		out->len += FRAME_HEADER_MAX;
	return err;
}

coffer_err codec_close_message(struct buf *out, size_t mark)
{
	uint8_t head[FRAME_HEADER_MAX] = { 0 };
	size_t len = out->len - mark - FRAME_HEADER_MAX;

	if (len > FRAME_BODY_MAX)
		return COFFER_RESOURCE_EXHAUSTED;
	close_gap(out, mark, FRAME_HEADER_MAX, head, len > 0 ? frame_header(head, len) : 1);
	return COFFER_OK;
}

coffer_err codec_reply_begin(struct buf *out, size_t *mark)
{
	*mark = out->len;
	if (out->cap - out->len < REPLY_HEAD_MAX)
		return COFFER_RESOURCE_EXHAUSTED;
	out->len += REPLY_HEAD_MAX;
	return COFFER_OK;
}

/* The reply's fields before the body, and the body's tag and length, without the frame's length. */
static size_t reply_head(uint8_t out[REPLY_HEAD_MAX], uint32_t id, size_t body_len)
{
	pb_ostream_t stream = pb_ostream_from_buffer(out, REPLY_HEAD_MAX);
	bool ok = true;

	/* An id of 0 is left out, but not from a reply that would be empty: no frame is. */
	if (id != 0 || body_len == 0)
		ok = pb_encode_tag(&stream, PB_WT_VARINT, coffer_v1_Response_id_tag) &&
		     pb_encode_varint(&stream, id);
	if (body_len > 0)
		ok = ok && pb_encode_tag(&stream, PB_WT_STRING, coffer_v1_Response_body_tag) &&
		     pb_encode_varint(&stream, body_len);
	assert(ok);
	return stream.bytes_written;
}

/* Appends msg as a whole frame; on failure out is as it was. */
static coffer_err append_frame(struct buf *out, const pb_msgdesc_t *desc, const void *msg)
{
	uint8_t head[FRAME_HEADER_MAX];
	size_t mark = out->len, len = 0;
	coffer_err err = COFFER_RESOURCE_EXHAUSTED;

	if (out->cap - out->len >= FRAME_HEADER_MAX) {
		out->len += FRAME_HEADER_MAX;
		err = codec_append(out, desc, msg);
		len = out->len - mark - FRAME_HEADER_MAX;
	}
	if (err == COFFER_OK && (len == 0 || len > FRAME_BODY_MAX))
		err = COFFER_RESOURCE_EXHAUSTED;
	if (err != COFFER_OK) {
		buf_rewind(out, mark);
		return err;
	}
	close_gap(out, mark, FRAME_HEADER_MAX, head, frame_header(head, len));
	return COFFER_OK;
}

coffer_err codec_reply_end(struct buf *out, size_t mark, uint32_t id, coffer_err code,
			   struct slice message)
{
	coffer_v1_Response error = { .id = id, .code = (coffer_v1_Code)code, .message = message };
	size_t body_len = out->len - mark - REPLY_HEAD_MAX;
	uint8_t fields[REPLY_HEAD_MAX], head[REPLY_HEAD_MAX];
	size_t fields_len, head_len;

	if (code != COFFER_OK) {
		buf_rewind(out, mark);
		return append_frame(out, coffer_v1_Response_fields, &error);
	}
	fields_len = reply_head(fields, id, body_len);
	if (fields_len + body_len > FRAME_BODY_MAX) {
		buf_rewind(out, mark);
		return COFFER_RESOURCE_EXHAUSTED;
	}
	head_len = frame_header(head, fields_len + body_len);
	memcpy(head + head_len, fields, fields_len);
	close_gap(out, mark, REPLY_HEAD_MAX, head, head_len + fields_len);
	return COFFER_OK;
}

coffer_err codec_append_request(struct buf *out, uint32_t id, struct slice method,
				struct slice body)
{
	coffer_v1_Request request = { .id = id, .method = method, .body = body };

	return append_frame(out, coffer_v1_Request_fields, &request);
}
