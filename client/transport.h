/* transport.h - one Unix stream connection to the daemon: connect, check who answers, send and receive
 * whole frames within a deadline. Layer: client. Knows frames, no messages.
 *
 * A function that fails has closed the connection, since after it the stream cannot be followed, and has
 * written what happened to message. */
#ifndef CLIENT_TRANSPORT_H
#define CLIENT_TRANSPORT_H

#include <coffer/error.h>
#include <coffer/limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/un.h>

#include "slice.h"

#define TRANSPORT_TIMEOUT_DEFAULT_MS 10000

/* Bytes that one public call may receive in all: what a daemon can make its client hold. */
#define TRANSPORT_RECEIVE_MAX ((size_t)64 << 20)

struct transport {
	int fd; /* -1: not connected */
	pid_t owner;
	struct sockaddr_un address;
	bool check_uid; /* accept only uid, instead of the trusted ones */
	uid_t uid;
	int timeout_ms;
	int64_t deadline_ms;
	size_t frame_max; /* bytes of a frame that is received */
	size_t received;  /* bytes since transport_arm */
	bool lost;        /* the peer closed the connection instead of answering */
	struct slice
	    greeting;        /* frame to say first on every new connection (call.h); may be empty */
	uint32_t last_id;    /* of a request */
	struct buf in;       /* heap memory; holds the last frame received */
	const char *waiting; /* the method whose reply is awaited, for messages */
	char message[COFFER_MESSAGE_MAX + 1];
};

/* Sets up *t. COFFER_INVALID_ARGUMENT: timeout_ms (0: the default) is negative. *t may be used for its message
 * also on failure. */
COFFER_MUST_USE coffer_err transport_init(struct transport *t, int timeout_ms);

/* Sets the socket's path, without connecting. COFFER_INVALID_ARGUMENT: path is NULL, empty or too long. */
COFFER_MUST_USE coffer_err transport_address(struct transport *t, const char *path);

/* Closes and wipes. */
void transport_destroy(struct transport *t);

/* Writes the message of a failure and returns err. */
COFFER_MUST_USE coffer_err transport_fail(struct transport *t, coffer_err err, const char *format,
					  ...) __attribute__((format(printf, 3, 4)));

/* Begins a public call: starts its deadline and clears the message. COFFER_FAILED_PRECONDITION in a child of
 * the process that called transport_init. */
COFFER_MUST_USE coffer_err transport_arm(struct transport *t);

/* Connects and checks the peer's uid. COFFER_UNAVAILABLE, COFFER_PERMISSION_DENIED, COFFER_DEADLINE_EXCEEDED,
 * COFFER_RESOURCE_EXHAUSTED (descriptors, memory). */
COFFER_MUST_USE coffer_err transport_connect(struct transport *t);

/* True if connected and the peer has neither closed the connection nor sent anything unasked. */
bool transport_is_live(const struct transport *t);

/* Sends all of frame, or what a peer takes that closes in the middle: that is no failure here, since
 * transport_receive tells what the peer said last, or that it closed. COFFER_DEADLINE_EXCEEDED. */
COFFER_MUST_USE coffer_err transport_send(struct transport *t, struct slice frame);

/* Receives one frame; *body is valid until the next transport_receive or transport_forget.
 * COFFER_UNAVAILABLE (lost is set), COFFER_DEADLINE_EXCEEDED, COFFER_RESOURCE_EXHAUSTED (memory, or more than
 * TRANSPORT_RECEIVE_MAX), COFFER_INTERNAL (no frame, one that is too large, or more than one). */
COFFER_MUST_USE coffer_err transport_receive(struct transport *t, struct slice *body);

/* Wipes what was received. */
void transport_forget(struct transport *t);

/* Closes the connection. Not being connected is fine. */
void transport_drop(struct transport *t);

/* Replaces what buf owns (heap memory, or nothing) by at least cap bytes with the same content, and wipes and
 * frees the old memory: realloc would leave a copy behind. False, with nothing changed, without memory. */
COFFER_MUST_USE bool transport_grow(struct buf *buf, size_t cap);

#endif
