/* op.h - one object stored, fetched, erased or deleted, or one page listed: tried until it is clear how it came out.
 * Layer: s3.
 *
 * What may come out otherwise in a moment is tried again, after a pause that doubles and is shaken, so that hosts
 * do not come back together. A write that met something is compared with it: it may have been its own first try. */
#ifndef S3_OP_H
#define S3_OP_H

#include <coffer/error.h>
#include <ev.h>
#include <stdbool.h>

#include "s3/answer.h"
#include "s3/pool.h"
#include "s3/request.h"

/* What all ops share; at most settings->parallel requests run at a time, the others wait for their turn. */
struct ops {
	struct ev_loop *loop; /* borrowed */
	const struct bucket *bucket;
	struct pool pool;
	size_t running;
	struct op *waiting; /* utlist */
};

/* OP_ERASE overwrites what is there with nothing. */
typedef enum op_kind { OP_PUT, OP_GET, OP_ERASE, OP_DELETE, OP_LIST } op_kind;

struct op;
typedef void (*op_done)(struct op *op, void *user);

struct op {
	struct ops *ops;
	op_kind kind;
	char key[REQUEST_KEY_MAX + 1];
	struct buf body;    /* of a PUT; heap, the op's */
	bool plain;         /* a PUT that meets something does not look at it */
	char *continuation; /* of a listing; heap, the op's */
	unsigned page;      /* of a listing: keys at most */
	size_t patience_ms; /* after this nothing is tried again, and a PUT is over */
	op_done done;
	void *user;

	struct answer answer;   /* when it is done */
	struct request request; /* its got holds the object or the page */

	bool looking; /* at what there is under the key of a PUT */
	bool started; /* the request runs */
	bool waits;   /* for its turn */
	bool over;    /* done is to be called, and nothing else */
	unsigned tries;
	int64_t since_ms;
	ev_timer pause;
	struct pool_run run;
	struct op *prev, *next;
};

COFFER_MUST_USE coffer_err ops_open(struct ops *out, struct ev_loop *loop,
				    const struct bucket *bucket);

/* All ops must have been freed. */
void ops_close(struct ops *ops);

/* Makes an op that is not begun: body and continuation can be given to it. NULL: no memory, or no such key. */
struct op *op_new(struct ops *ops, op_kind kind, struct slice key);

/* Begins; done is called once, never before this has returned, and may free the op. */
void op_begin(struct op *op, op_done done, void *user);

/* Ends it, at any time, without a word. NULL is fine. */
void op_free(struct op *op);

#endif
