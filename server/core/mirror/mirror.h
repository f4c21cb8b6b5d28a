/* mirror.h - a store that follows a bucket: the state of it. Layer: core.
 *
 * The bucket is the source of truth, and the store what is served. Nothing here speaks to the bucket: coffer-s3, the
 * worker, asks for tasks (tasks.h) and brings what came of them. A change of a secret that the bucket has, which
 * is of every scope but those of runs, is noted in the open transaction; it waits in a ticket (ticket.h) until
 * its objects are stored, and is only then made. What others wrote comes through apply.h, and a store that is
 * not in its bucket yet goes there by push.h.
 *
 * core->mirror is NULL where there is no bucket; all of these functions are then for nobody, but for mirror_covers
 * and the hooks of transactions. */
#ifndef CORE_MIRROR_MIRROR_H
#define CORE_MIRROR_MIRROR_H

#include <coffer/error.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/core.h"
#include "core/mirror/object.h"
#include "core/mirror/push.h"

/* Of what is told of a bucket. */
#define MIRROR_TEXT_MAX 512

/* A worker that has gone, or has not come yet, is waited for this long. */
#define MIRROR_GRACE_MS 2000

/* Not later than that after its first object a batch is made whole, or not at all; and this long after it was made
 * nobody else does it either. */
#define MIRROR_BATCH_MS   30000
#define MIRROR_SETTLED_MS 60000

struct mirror_task;
struct mirror_ticket;
struct mirror_refusal;

/* A change that the open transaction makes. */
struct mirror_change {
	uint8_t object[OBJECT_NAME_LEN];
	char scope[COFFER_SCOPE_MAX], name[COFFER_NAME_MAX];
	size_t scope_len, name_len;
	uint32_t version;
	bool purge;
};

/* Whether the bucket is this store's. */
typedef enum mirror_root_state {
	MIRROR_ROOT_UNKNOWN,
	MIRROR_ROOT_ASKED,
	MIRROR_ROOT_OURS,
	MIRROR_ROOT_WRONG,
} mirror_root_state;

struct mirror {
	char *bucket, *endpoint; /* heap; bucket is NULL where there are no settings */
	bool joined;             /* the store is in the bucket */
	bool joining;            /* it is, once the open transaction is committed */
	const void *worker;      /* who asked for tasks last; NULL: nobody is there */
	int64_t alone_ms;        /* monotonic: since when nobody is there */
	int64_t view_at_ms;      /* the bucket as it was then, or later, is served; 0: not known */
	char problem[MIRROR_TEXT_MAX]; /* of the worker's; "": none */
	mirror_root_state root;
	bool root_seen, root_same;          /* what came was a root object; and this store's */
	int64_t root_asked_ms;              /* monotonic */
	char root_problem[MIRROR_TEXT_MAX]; /* why it is not MIRROR_ROOT_OURS; "": not known yet */
	struct mirror_task *tasks;          /* not done yet, doubly linked */
	uint64_t last_task;
	struct mirror_ticket *tickets; /* doubly linked */
	struct mirror_ticket *current; /* whose change is being made; NULL: of a new one */
	struct mirror_change *outbox;  /* of the open transaction; heap */
	size_t outbox_len, outbox_cap;
	bool busy; /* the last COFFER_ABORTED was for another host's batch */
	struct {
		uint64_t asked, done; /* ids of the tasks to list */
		char problem[MIRROR_TEXT_MAX];
	} list;
	uint64_t objects;                /* that are known */
	int64_t added;                   /* in the open transaction */
	uint64_t refused;                /* objects that do not open, since the start */
	struct mirror_refusal *refusals; /* the newest of them: a uthash table */
	struct mirror_push push;
};

/* After core_init: sets core->mirror if the store is in a bucket or there are settings of one (bucket is not NULL;
 * endpoint may be). core_destroy closes it. */
COFFER_MUST_USE coffer_err mirror_open(struct core *core, const char *bucket, const char *endpoint);
void mirror_close(struct mirror *mirror); /* NULL is fine */

/* Whether the bucket has, or will have, the secrets of that scope. */
bool mirror_covers(const struct core *core, struct slice scope);

/* --- the worker ----------------------------------------------------------------------------------------- */

/* who has asked for tasks: an address to know it by, never looked into. What another one had fetched is to be fetched
 * again. True if it was not there before. */
bool mirror_attach(struct core *core, const void *who);

/* who is gone: fine if it is another. */
void mirror_detach(struct core *core, const void *who);

/* What it tells with its request. True if that is new. */
bool mirror_told(struct core *core, int64_t view_at_ms, struct slice problem);

/* What came of the task of that id; one that is not known is passed over. Not in a transaction, which it may open
 * itself. Errors of the store. */
COFFER_MUST_USE coffer_err mirror_result(struct core *core, uint64_t id, coffer_err code,
					 struct slice message);

/* Whether a write can be tried: COFFER_OK; or COFFER_FAILED_PRECONDITION, or COFFER_UNAVAILABLE if it may be possible
 * later, with why. */
COFFER_MUST_USE coffer_err mirror_usable(const struct core *core, char why[MIRROR_TEXT_MAX]);

/* Why the bucket cannot be used; "" if it can, as far as is known. It is MIRROR_TEXT_MAX long at most. */
const char *mirror_problem(const struct core *core);

/* How long, in milliseconds, a worker is still waited for; 0: there is none, and will be none. A large number if there
 * is one. */
int64_t mirror_patience(const struct core *core);

/* Asks for a look at the whole bucket: the id that mirror->list.done will have reached when it is through.
 * COFFER_RESOURCE_EXHAUSTED without memory. */
COFFER_MUST_USE coffer_err mirror_list(struct core *core, uint64_t *id);

/* --- in the open transaction ---------------------------------------------------------------------------- */

/* That version of a secret was made, or with purge stands for the end of all before it. */
COFFER_MUST_USE coffer_err mirror_note(struct core *core, struct slice scope, struct slice name,
				       uint32_t version, bool purge);

/* Whether anything was noted. */
bool mirror_pending(const struct core *core);

/* The newest version of a secret that any host has used up, as far as is known; 0: none. *busy: it is of a batch that
 * another host may be about to make whole, so that nobody can tell which version is current. */
COFFER_MUST_USE coffer_err mirror_newest(struct core *core, struct slice scope, struct slice name,
					 uint32_t *version, bool *busy);

/* Whether the bucket has the change that is being made: nobody was first, so what it expected was so. */
bool mirror_decided(const struct core *core);

/* An object is known from now on. */
COFFER_MUST_USE coffer_err mirror_know(struct core *core, const struct store_object *object);

/* The store is in the bucket, once it is committed. */
COFFER_MUST_USE coffer_err mirror_join(struct core *core, int64_t now_ms);

/* Hooks of core_begin, core_commit and core_rollback. */
void mirror_begun(struct core *core);
void mirror_committed(struct core *core);
void mirror_rolled_back(struct core *core);

/* --- inside ----------------------------------------------------------------------------------------------- */

/* Whether a purge that may not be known here has left nothing of it but its number, which is used up. */
bool mirror_is_erased(const struct store_object *object);

/* Copies a text of somebody else's, cut to its room, without what is not to be printed. */
void mirror_copy_text(char out[MIRROR_TEXT_MAX], struct slice text);

#endif
