/* dispatch.h - requests in, replies out: the method table. Layer: rpc.
 *
 * The one place of authentication, authorization, audit, transactions and counting. A handler is called
 * by nobody else. */
#ifndef RPC_DISPATCH_H
#define RPC_DISPATCH_H

#include <coffer/error.h>
#include <stdbool.h>
#include <stdint.h>

#include "audit/trail.h"
#include "core/backup.h"
#include "core/core.h"
#include "core/policy.h"
#include "rpc/latency.h"
#include "rpc/session.h"
#include "slice.h"

struct ballast;

/* Methods in the table, an upper bound. */
#define RPC_METHODS_MAX 48

struct rpc {
	struct core *core; /* borrowed, as the next four */
	struct trail *trail;
	struct ballast *ballast;
	struct policy_operators operators;
	const char *cipher;
	const char *crypto; /* the version of the library behind it */
	uint32_t frame_max; /* bytes of one frame's message */
	int64_t started_ms;
	int64_t started_mono_ms;
	uint32_t connections; /* open sessions */
	uint64_t delays;      /* how often net let a connection wait, for its uid's records */
	int64_t anchored_ms;  /* when the audit head was anchored last, and which */
	uint64_t anchored_seq;
	bool chores_due; /* housekeeping is not to wait for its time */
	bool fatal;      /* the store failed in a way that only a restart mends: stop serving */
	struct backup_places backup_places;
	struct {
		struct backup *open; /* that is being made; NULL: none */
		uint64_t id;         /* of the last one that was begun */
		uint64_t step;       /* that comes next */
		bool whole;          /* it has been read to its end */
		struct recheck_count count;
		int64_t created_ms;
		int64_t used_ms; /* of the monotonic clock */
	} backup;
	struct {
		uint64_t calls, errors;
		struct latency latency;
	} counters[RPC_METHODS_MAX];
};

/* A session begins when a peer has connected and ends when it is gone. session->service, uid, gid and
 * pid are set by the caller; groups are the peer's supplementary ones. */
void rpc_session_open(struct rpc *rpc, struct session *session, const gid_t *groups,
		      size_t groups_len);
void rpc_session_close(struct rpc *rpc, struct session *session);

/* Whether the peer has shown its authority: said Hello, or is an operator. */
bool rpc_session_ready(const struct session *session);

/* What net must do after a request was looked at. */
struct rpc_outcome {
	bool close;        /* the stream cannot be followed: send the reply, then close */
	bool refused;      /* an error, and the peer has shown no authority or lost it */
	int64_t wait_ms;   /* above 0: there is no reply yet */
	int64_t now_ms;    /* of the monotonic clock, when the reply was made */
	uint64_t recorded; /* bytes that the audit log has grown by */
};

/* How long a request has waited that must be answered now. */
#define RPC_ANSWER_NOW INT64_MAX

/* Answers one request: appends exactly one reply frame to out, which is arena memory with room for
 * frame_max + FRAME_HEADER_MAX bytes. The reply may leave only after a successful trail_flush. If
 * rpc->fatal is set afterwards, no reply may leave at all.
 * Or the request has to wait: then nothing was appended, recorded or counted. It is to be dispatched again
 * when rpc->core->events has moved, or after wait_ms at most; waited_ms is how long it has waited by then,
 * and 0 the first time. */
struct rpc_outcome rpc_dispatch(struct rpc *rpc, struct session *session, struct slice message,
				int64_t waited_ms, struct buf *out);

/* Appends the reply to a frame that cannot be parsed. */
void rpc_refuse(struct buf *out, coffer_err code, const char *text);

/* What the daemon does by itself from time to time: ends runs and secrets that are past their time, in
 * a transaction and with a record of its own, looks after the audit log's files, anchors its head in the
 * store, gives up a backup that nobody goes on with, and takes the ballast back. Returns in how many milliseconds to call again. */
int64_t rpc_housekeeping(struct rpc *rpc);

/* Anchors the audit log's head in the store now: before a clean stop. */
void rpc_anchor(struct rpc *rpc);

/* Gives up the backup that is being made, if there is one: before the store is closed. */
void rpc_drop_backup(struct rpc *rpc);

#endif
