/* call.h - one round trip: a request message out, its response message back. Layer: client.
 *
 *	call_begin(&call, t, "GetSecret", CALL_READS);
 *	call_put(&call, coffer_v1_GetSecretRequest_fields, &request);
 *	err = call_exchange(&call, coffer_v1_GetSecretResponse_fields, &reply, sizeof(reply));
 *	if (err == COFFER_OK)
 *		err = copy_...(reply..., out);
 *	return call_end(&call, err);
 *
 * The fields of the reply are slices of the receive buffer and valid until call_end, which wipes it. */
#ifndef CLIENT_CALL_H
#define CLIENT_CALL_H

#include "codec.h"
#include "transport.h"

/* What the daemon's state is like after the call, and so what may be done when the connection breaks. */
typedef enum call_kind {
	CALL_READS,   /* unchanged, or the same after a second time: repeated once */
	CALL_CHANGES, /* changed: never repeated */
} call_kind;

struct call {
	struct transport *transport;
	const char *method;
	call_kind kind;
	uint32_t id;
	struct buf out;   /* the request's frame, behind room for its length */
	size_t body_mark; /* of the body in out */
	struct slice reply;
	coffer_err err; /* of building the request */
};

/* Request id of the transport's greeting; calls count on from it. */
#define CALL_GREETING_ID 1

/* The transport must have been armed. method is a static string. *call must go to call_end. */
void call_begin(struct call *call, struct transport *t, const char *method, call_kind kind);

/* Append to the request, as codec_append and its kin do; the first failure is kept for call_exchange. */
void call_put(struct call *call, const pb_msgdesc_t *desc, const void *msg);
void call_put_bytes(struct call *call, uint32_t tag, struct slice bytes);
void call_put_message(struct call *call, uint32_t tag, const pb_msgdesc_t *desc, const void *msg);

/* Sends the request, on a new connection if the old one is gone, and decodes the reply's body into *msg;
 * call->reply is that body, for codec_next. Returns what the daemon answered, COFFER_RESOURCE_EXHAUSTED if
 * the request does not fit into a frame, or a failure of the transport. */
COFFER_MUST_USE coffer_err call_exchange(struct call *call, const pb_msgdesc_t *desc, void *msg,
					 size_t size);

/* Connects, sends the greeting and decodes its reply into *hello. *body is the reply's body, valid until the
 * next transport_receive or transport_forget. Errors as call_exchange. */
COFFER_MUST_USE coffer_err call_greet(struct transport *t, coffer_v1_HelloResponse *hello,
				      struct slice *body);

/* Wipes request and reply, and returns err. If err has no message yet, the reply did not hold what it must,
 * or could not be copied: that message is written, and after COFFER_INTERNAL the connection closed. */
COFFER_MUST_USE coffer_err call_end(struct call *call, coffer_err err);

#endif
