/* net.h - sockets, connections and the turns of the loop. Layer: net; never sees a decoded message.
 *
 * In one turn of the loop every readable connection is read once and its whole requests are answered
 * into one shared buffer of the arena. Then the turn ends: the audit records of all of them are written
 * at once, and only after that the replies leave. What a socket does not take is kept in pages of the
 * arena lent to the connection, which is not read again before they are empty. An idle connection holds
 * no buffer. */
#ifndef NET_NET_H
#define NET_NET_H

#include <coffer/error.h>
#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "net/activation.h"
#include "net/deadlines.h"
#include "net/uids.h"
#include "rpc/dispatch.h"
#include "slice.h"

struct conn;
struct net;
struct wait;

struct net_options {
	struct activation *activation; /* sockets that were passed on, borrowed; NULL: none */
	const char *runner_socket;     /* paths; their folder exists, or the socket was passed on */
	const char *admin_socket;
	unsigned admin_mode; /* of the admin socket: 0600, or 0660 with a group */
	int64_t admin_group; /* -1: none */
	unsigned connections_max;
	unsigned connections_per_uid;
	uint64_t audit_rate; /* bytes of records of one uid in a second; 0: any */
};

struct listener {
	ev_io io;
	struct net *net;
	rpc_service service;
	bool open;
	const char *path; /* borrowed; removed when the listener closes; NULL: not ours to remove */
};

struct net {
	struct ev_loop *loop;
	struct rpc *rpc;
	struct arena *arena;
	struct net_options options;
	struct listener listeners[2];
	bool accepting; /* false: out of descriptors, until one is free */
	bool draining;
	struct ev_prepare turn_end;
	struct ev_timer clock;    /* for the nearest deadline */
	struct ev_timer chores;   /* rpc's housekeeping */
	struct ev_io exits;       /* of processes that runs are bound to */
	struct ev_timer patience; /* how long a drain may take */
	int64_t clock_ms;         /* when it will ring; -1: it is not running */
	struct deadlines deadlines;
	struct uids uids;
	unsigned runner_conns, admin_conns;
	size_t runner_bytes;   /* of the arena, lent to connections of the runner socket */
	struct buf in;         /* what the connection that is being read has sent */
	struct buf out;        /* this turn's replies */
	struct conn *all;      /* every connection, doubly linked */
	struct conn *answered; /* those with replies in out */
	struct conn *resumed;  /* those whose next request is here already, or was woken */
	struct wait *waits;    /* requests that are not answered yet, doubly linked */
	uint64_t events;       /* of the core, that they were woken for */
	struct conn *closed;   /* to be freed at the end of the turn */
};

/* Opens both sockets and starts to accept. COFFER_ALREADY_EXISTS if a daemon answers on one of them;
 * COFFER_UNAVAILABLE if one cannot be bound; COFFER_INVALID_ARGUMENT if what was passed on is no such socket;
 * COFFER_RESOURCE_EXHAUSTED if the arena is too small for the buffers: the reason is logged. On error
 * nothing is left open. */
COFFER_MUST_USE coffer_err net_open(struct net *net, const struct net_options *options,
				    struct ev_loop *loop, struct rpc *rpc);

/* Ends the turn so far: writes its audit records, then sends its replies. For conn.c, when the shared
 * buffer is full before the loop's turn is over. */
void net_end_turn(struct net *net);

/* Lets the clock ring no later than at_ms. */
void net_set_clock(struct net *net, int64_t at_ms);

/* Accepts again after a descriptor has become free. */
void net_resume_accepting(struct net *net);

/* Takes over new limits on connections, those of the options; connections that are open stay. */
void net_set_limits(struct net *net, const struct net_options *limits);

/* Stops accepting, closes connections as soon as they have their replies, and breaks the loop when the
 * last is gone or after 5 s. */
void net_drain(struct net *net);

/* Closes everything and removes the sockets. */
void net_close(struct net *net);

#endif
