#include "call.h"

#include "frame.h"
#include "names.h"
#include "wipe.h"

#include <stdlib.h>

/* Holds a request without values. */
#define OUT_CAP_FIRST 512

/* The largest frame that any daemon takes. */
#define FRAME_MAX   (COFFER_VALUE_MAX_CEILING + COFFER_FRAME_OVERHEAD)
#define OUT_CAP_MAX (FRAME_HEADER_MAX + FRAME_MAX)
_Static_assert(FRAME_MAX <= FRAME_BODY_MAX, "every frame that is built has a length prefix");

/* Doubles the room; false if it is at its end. */
static bool grow_out(struct call *call)
{
	size_t cap = call->out.cap * 2;

	if (call->out.cap >= OUT_CAP_MAX)
		return false;
	return transport_grow(&call->out, cap < OUT_CAP_MAX ? cap : OUT_CAP_MAX);
}

void call_begin(struct call *call, struct transport *t, const char *method, call_kind kind)
{
	coffer_v1_Request request = { .method = slice_str(method) };

	request.id = t->last_id < UINT32_MAX ? t->last_id + 1 : CALL_GREETING_ID + 1;
	*call = (struct call){ .transport = t, .method = method, .kind = kind, .id = request.id };
	t->last_id = request.id;
	if (!transport_grow(&call->out, OUT_CAP_FIRST)) {
		call->err = COFFER_RESOURCE_EXHAUSTED;
		return;
	}
	call->out.len = FRAME_HEADER_MAX;
	call->err = codec_append(&call->out, coffer_v1_Request_fields, &request);
	if (call->err == COFFER_OK)
		call->err =
		    codec_open_message(&call->out, coffer_v1_Request_body_tag, &call->body_mark);
}

void call_put(struct call *call, const pb_msgdesc_t *desc, const void *msg)
{
	if (call->err != COFFER_OK)
		return;
	do
		call->err = codec_append(&call->out, desc, msg);
	while (call->err == COFFER_RESOURCE_EXHAUSTED && grow_out(call));
}

void call_put_bytes(struct call *call, uint32_t tag, struct slice bytes)
{
	if (call->err != COFFER_OK)
		return;
	do
		call->err = codec_append_bytes(&call->out, tag, bytes);
	while (call->err == COFFER_RESOURCE_EXHAUSTED && grow_out(call));
}

void call_put_message(struct call *call, uint32_t tag, const pb_msgdesc_t *desc, const void *msg)
{
	if (call->err != COFFER_OK)
		return;
	do
		call->err = codec_append_message(&call->out, tag, desc, msg);
	while (call->err == COFFER_RESOURCE_EXHAUSTED && grow_out(call));
}

/* Completes the frame: its length goes to the end of the room that was left for it. */
static coffer_err complete_frame(struct call *call, struct slice *frame)
{
	uint8_t head[FRAME_HEADER_MAX];
	size_t len, head_len;

	if (call->err == COFFER_OK)
		call->err = codec_close_message(&call->out, call->body_mark);
	if (call->err != COFFER_OK)
		return transport_fail(call->transport, call->err,
				      "%s: the request does not fit into one frame or into memory",
				      call->method);
	len = call->out.len - FRAME_HEADER_MAX;
	head_len = frame_header(head, len);
	*frame = (struct slice){ call->out.data + FRAME_HEADER_MAX - head_len, head_len + len };
	memcpy(call->out.data + FRAME_HEADER_MAX - head_len, head, head_len);
	return COFFER_OK;
}

/* Takes over the daemon's message. Were it printed as it came, it could drive the caller's terminal. */
static coffer_err take_refusal(struct transport *t, const coffer_v1_Response *response)
{
	struct slice text = response->message;
	const char *why;
	size_t len;

	coffer_err err = response->code > 0 && (int)response->code <= COFFER_DATA_LOSS
			     ? (coffer_err)response->code
			     : COFFER_INTERNAL;
	if (text.len == 0)
		return transport_fail(t, err, "%s", coffer_err_text(err));
	len = text.len < COFFER_MESSAGE_MAX ? text.len : COFFER_MESSAGE_MAX;
	memcpy(t->message, text.data, len);
	t->message[len] = '\0';
	if (names_check_text(text, COFFER_MESSAGE_MAX, &why) == COFFER_OK)
		return err;
	for (size_t i = 0; i < len; i++)
		if (t->message[i] < 0x20 || t->message[i] > 0x7e)
			t->message[i] = '?';
	return err;
}

static coffer_err malformed(struct transport *t, const char *what)
{
	transport_drop(t);
	return transport_fail(t, COFFER_INTERNAL, "%s: the daemon's reply to %s %s",
			      t->address.sun_path, t->waiting, what);
}

/* Receives the reply to request id. */
static coffer_err receive_reply(struct transport *t, uint32_t id, struct slice *body)
{
	coffer_v1_Response response;
	struct slice frame;
	coffer_err err;

	*body = SLICE_EMPTY;
	if ((err = transport_receive(t, &frame)) != COFFER_OK)
		return err;
	if (codec_decode(frame, coffer_v1_Response_fields, &response, sizeof(response)) !=
	    COFFER_OK)
		return malformed(t, "is malformed");
	if (response.id == id && response.code == coffer_v1_Code_OK) {
		*body = response.body;
		return COFFER_OK;
	}
	if (response.id == id)
		return take_refusal(t, &response);
	if (response.id != 0 || response.code == coffer_v1_Code_OK)
		return malformed(t, "belongs to another request");
	/* Id 0 is about the connection: the daemon cannot serve it, or does not take a frame so large. */
	transport_drop(t);
	err = take_refusal(t, &response);
	return err == COFFER_INVALID_ARGUMENT ? COFFER_RESOURCE_EXHAUSTED : err;
}

coffer_err call_greet(struct transport *t, coffer_v1_HelloResponse *hello, struct slice *body)
{
	size_t least = COFFER_VALUE_MAX_DEFAULT + COFFER_FRAME_OVERHEAD;
	coffer_err err = transport_connect(t);

	t->waiting = "Hello";
	if (err == COFFER_OK)
		err = transport_send(t, t->greeting);
	if (err == COFFER_OK)
		err = receive_reply(t, CALL_GREETING_ID, body);
	if (err == COFFER_OK &&
	    codec_decode(*body, coffer_v1_HelloResponse_fields, hello, sizeof(*hello)) != COFFER_OK)
		err = malformed(t, "is malformed");
	if (err != COFFER_OK) {
		transport_drop(t);
		return err;
	}
	/* Error replies are not bounded by the size of values; the rest is no more than a daemon may say. */
	t->frame_max = hello->frame_max < least       ? least
		       : hello->frame_max > FRAME_MAX ? FRAME_MAX
						      : hello->frame_max;
	return COFFER_OK;
}

static coffer_err make_ready(struct transport *t)
{
	coffer_v1_HelloResponse hello;
	struct slice body;

	if (transport_is_live(t))
		return COFFER_OK;
	return t->greeting.len > 0 ? call_greet(t, &hello, &body) : transport_connect(t);
}

static coffer_err attempt(struct call *call, struct slice frame)
{
	struct transport *t = call->transport;
	coffer_err err = make_ready(t);

	if (err != COFFER_OK)
		return err;
	t->waiting = call->method;
	if ((err = transport_send(t, frame)) != COFFER_OK)
		return err;
	return receive_reply(t, call->id, &call->reply);
}

coffer_err call_exchange(struct call *call, const pb_msgdesc_t *desc, void *msg, size_t size)
{
	struct transport *t = call->transport;
	struct slice frame = SLICE_EMPTY;
	coffer_err err = complete_frame(call, &frame);

	memset(msg, 0, size);
	if (err != COFFER_OK)
		return err;
	err = attempt(call, frame);
	if (err != COFFER_OK && t->lost && call->kind == CALL_READS)
		err = attempt(call, frame);
	if (err == COFFER_OK && codec_decode(call->reply, desc, msg, size) != COFFER_OK)
		return malformed(t, "is malformed");
	return err;
}

coffer_err call_end(struct call *call, coffer_err err)
{
	struct transport *t = call->transport;

	wipe(call->out.data, call->out.cap);
	free(call->out.data);
	call->out = (struct buf){ NULL, 0, 0 };
	call->reply = SLICE_EMPTY;
	transport_forget(t);
	if (err == COFFER_OK || t->message[0] != '\0')
		return err;
	if (err == COFFER_INTERNAL) {
		t->waiting = call->method;
		return malformed(t, "does not hold what it must");
	}
	return transport_fail(t, err, "%s: %s", call->method,
			      err == COFFER_RESOURCE_EXHAUSTED
				  ? "the answer is too large for memory"
				  : coffer_err_text(err));
}
