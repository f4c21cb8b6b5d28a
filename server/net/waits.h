/* waits.h - requests that are not answered yet. Layer: net, inside.
 *
 * A connection has one at most, which keeps the request's bytes and a timer of its own: those of a job are few, and no
 * secret; those of an operator may be a value, and are kept in pages of the arena. The lengths of waits differ, so they are in no order that a queue would keep by itself. A wait that is woken is looked at in the
 * turn's end, and goes on if there is no answer yet. */
#ifndef NET_WAITS_H
#define NET_WAITS_H

#include "net/conn.h"

/* A job's request that may wait is shorter by half, also with the largest numbers in it. */
#define WAITS_MESSAGE_MAX 96

struct wait {
	ev_timer timer;
	struct conn *conn;
	struct wait *prev, *next; /* in net->waits */
	int64_t since_ms;
	bool woken;
	struct slice message; /* in bytes, or in pages */
	struct buf pages;     /* borrowed from the arena; empty for a job's */
	uint8_t bytes[WAITS_MESSAGE_MAX];
};

/* A copy of the request, for the connection to wait with from now on. NULL if it is too long for a job's, or without
 * memory. It goes to waits_begin. */
struct wait *waits_make(struct conn *conn, struct slice message);

/* The connection, which has no wait, owns this one, and is woken in wait_ms. */
void waits_begin(struct conn *conn, struct wait *wait, int64_t wait_ms);

/* It was looked at in vain: it is woken again in wait_ms. */
void waits_go_on(struct wait *wait, int64_t wait_ms);

void waits_end(struct conn *conn); /* having none is fine */

/* Wakes all if secrets have changed or a grant has ended since the last call. */
void waits_follow(struct net *net);

#endif
