/* deadlines.h - time limits of connections. Layer: net.
 *
 * Each kind of limit has one length, so its queue is in order of expiry when a connection simply joins
 * at the end: joining and leaving are a few pointer writes, and no timer is touched for a request. */
#ifndef NET_DEADLINES_H
#define NET_DEADLINES_H

#include <stdint.h>

typedef enum deadline_kind {
	DEADLINE_HELLO, /* to show an authority after connecting */
	DEADLINE_FRAME, /* to finish a frame that was begun */
	DEADLINE_IDLE,  /* between requests */
	DEADLINE_DRAIN, /* to take a reply that the socket's buffer did not hold */
	DEADLINE_DELAY, /* until a refusal goes out */
	DEADLINE_KINDS,
	DEADLINE_NONE = DEADLINE_KINDS,
} deadline_kind;

/* Embedded in a connection. */
struct deadline {
	struct deadline *prev, *next;
	int64_t at_ms;
	deadline_kind kind; /* DEADLINE_NONE: in no queue */
};

struct deadlines {
	struct deadline heads[DEADLINE_KINDS]; /* of circular lists */
};

void deadlines_init(struct deadlines *all);
void deadline_init(struct deadline *entry);

/* Leaves its queue, if it is in one, and joins that of kind, counted from now (DEADLINE_NONE: none). */
void deadline_set(struct deadlines *all, struct deadline *entry, deadline_kind kind,
		  int64_t now_ms);

/* An entry whose time is up, still in its queue, or NULL. */
struct deadline *deadlines_due(struct deadlines *all, int64_t now_ms);

/* When the next one will be due, or -1 if there is none. */
int64_t deadlines_next_ms(const struct deadlines *all);

#endif
