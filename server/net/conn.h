/* conn.h - one connection: bytes in, bytes out, deadlines. Layer: net, inside. */
#ifndef NET_CONN_H
#define NET_CONN_H

#include "net/net.h"

struct conn {
	ev_io io;
	struct net *net;
	struct deadline deadline;
	struct session session;
	struct uid_row *uid;      /* NULL on the admin socket, which has a limit of its own */
	struct conn *prev, *next; /* in net->all */
	struct conn *turn_next;   /* in net->answered or net->closed */
	struct conn *resume_next; /* in net->resumed */
	struct wait *wait;        /* the request that waits for its answer, or NULL */
	struct buf in;            /* requests that are not whole or not served yet */
	struct buf out;           /* replies that the socket did not take */
	size_t out_sent;          /* of out */
	size_t turn_at, turn_len; /* its replies in net->out */
	bool answered, resumed;   /* in that list */
	bool eof;                 /* the peer sends no more; close when it has its replies */
	bool closing;             /* serve no more; close when it has its replies */
	bool delayed;             /* hold the replies back until the deadline */
	bool paused;              /* serve nothing until the deadline */
	bool dead;                /* closed; in net->closed */
};

/* Takes a connected socket over, or closes it. */
void conn_accept(struct net *net, int fd, rpc_service service);

/* Reads once and answers what is whole. */
void conn_read(struct conn *conn);

/* Lets the turn's end look again at the request that waits. */
void conn_wake(struct conn *conn);

/* In the turn's end: looks at the request that waits, if it was woken, and answers those that arrived before
 * the last replies had left. */
void conn_resume(struct conn *conn);

/* Sends the turn's replies after their audit records are written; send is false if they are not, and
 * then the connection is closed instead. */
void conn_finish_turn(struct conn *conn, bool send);

/* What to do when the connection's deadline is due. */
void conn_expire(struct conn *conn, int64_t now_ms);

/* Serves what has arrived and closes when its replies are sent. */
void conn_drain(struct conn *conn);

/* Closes now; memory is freed at the end of the turn. */
void conn_close(struct conn *conn);
void conn_free(struct conn *conn);

/* Whether the connection still owes its peer a reply. */
bool conn_is_busy(const struct conn *conn);

#endif
