/* link.h - the connection to the daemon: requests by many at a time, replies to each. Layer: s3.
 *
 * It is made again and again until it holds, and after it was lost. With it go all requests that have no reply, for a
 * daemon that was started anew knows nothing of them. */
#ifndef S3_LINK_H
#define S3_LINK_H

#include <coffer/error.h>
#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "slice.h"

/* body: of the reply if code is COFFER_OK, otherwise its message. Borrowed. */
typedef void (*link_on_reply)(void *user, coffer_err code, struct slice body);

/* Requests that have no reply, at most. */
#define LINK_CALLS_MAX 8

struct link_call {
	uint32_t id; /* 0: none */
	link_on_reply on_reply;
	void *user;
};

struct link_options {
	const char *path;            /* of the daemon's socket; borrowed */
	size_t frame_max;            /* the largest message that it takes */
	void (*on_up)(void *user);   /* there is a connection */
	void (*on_down)(void *user); /* it was lost: no reply comes any more */
	void *user;
};

struct link {
	struct ev_loop *loop; /* borrowed */
	struct link_options options;
	int fd; /* -1: none */
	ev_io readable, writable;
	ev_timer retry;
	unsigned failures; /* since the last connection */
	struct buf in, out, body;
	uint32_t last_id;
	struct link_call calls[LINK_CALLS_MAX];
};

/* Begins to connect. COFFER_INVALID_ARGUMENT: the path is too long; COFFER_RESOURCE_EXHAUSTED: no memory. Both are
 * logged. *out must not move, and must go to link_close, also on failure. */
COFFER_MUST_USE coffer_err link_open(struct link *out, struct ev_loop *loop,
				     const struct link_options *options);
void link_close(struct link *link);

bool link_is_up(const struct link *link);

/* An empty buffer for the next request's body, as large as the daemon takes. Valid until link_ask. */
struct buf *link_body(struct link *link);

/* Sends the request that link_body holds. False, and nothing comes of it, if there is no connection or there are
 * too many requests. on_reply is called at most once, and never before this has returned. */
bool link_ask(struct link *link, const char *method, link_on_reply on_reply, void *user);

#endif
