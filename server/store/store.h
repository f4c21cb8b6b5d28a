/* store.h - what coffer keeps on disk. Layer: store; sees ciphertext only.
 *
 * One implementation, store/sqlite/. All calls are synchronous. Every function returns COFFER_OK or:
 *   COFFER_NOT_FOUND            no such row
 *   COFFER_UNAVAILABLE          the disk is full; nothing was changed
 *   COFFER_DATA_LOSS            the database is damaged
 *   COFFER_INTERNAL             an I/O error or a defect: after it the process must exit and not retry
 * and logs the cause of the last three. Slices in a row that a function returns are borrowed: they are
 * valid until the next call on the store, so copy what you pass on to it; a scope or name that was asked
 * for is the caller's own slice again. Times are wall-clock milliseconds, 0 for "not set". */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <coffer/error.h>
#include <coffer/limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "slice.h"

#define STORE_UUID_LEN 16
#define STORE_HASH_LEN 32

struct store;

typedef enum store_mode {
	STORE_EXISTING, /* COFFER_NOT_FOUND if there is no store */
	STORE_CREATE,   /* COFFER_ALREADY_EXISTS if there is one; made with mode 0600 */
} store_mode;

/* Opens and locks the database at path (":memory:" for one that leaves nothing), checks it and brings
 * its schema up to date. There is a store once its identity has been committed: a creation that was
 * cut short leaves none, and can be repeated. COFFER_FAILED_PRECONDITION if another process has it open
 * (*holder is its pid, 0 if unknown), if it is another program's or a newer coffer's, if it cannot be
 * opened for writing, or if there is a symbolic link in path; the cause is logged. A process must not
 * open a database twice. On error *out is NULL. */
COFFER_MUST_USE coffer_err store_open(struct store **out, const char *path, store_mode mode,
				      pid_t *holder);
void store_close(struct store *store); /* NULL is fine */

/* Transactions do not nest. Writes outside of one are a programmer's error (assert). A failed commit
 * has rolled back. rollback cannot fail and is a no-op outside a transaction. */
COFFER_MUST_USE coffer_err store_begin(struct store *store);
COFFER_MUST_USE coffer_err store_commit(struct store *store);
void store_rollback(struct store *store);

/* --- the store itself: one row --------------------------------------------------------------------- */

struct store_identity {
	uint8_t uuid[STORE_UUID_LEN];
	uint32_t algorithm; /* of new records: vault's seal_algorithm */
	int64_t created_ms;
};
COFFER_MUST_USE coffer_err store_identity_put(struct store *store, const struct store_identity *id);
COFFER_MUST_USE coffer_err store_identity_get(struct store *store, struct store_identity *id);

/* A key slot's fields as vault/keyring.h defines them, opaque here. */
struct store_slot {
	uint32_t id;
	uint32_t epoch;
	uint32_t kind;
	struct slice params; /* the KDF's */
	struct slice nonce;
	struct slice commitment;
	struct slice wrapped;
};
/* The id is above 0. COFFER_ALREADY_EXISTS if there is such a slot. */
COFFER_MUST_USE coffer_err store_slot_put(struct store *store, const struct store_slot *slot);
/* The slot with the smallest id above after_id. */
COFFER_MUST_USE coffer_err store_slot_next(struct store *store, uint32_t after_id,
					   struct store_slot *slot);
/* With the commit, nothing of the slot is left in the files. */
COFFER_MUST_USE coffer_err store_slot_delete(struct store *store, uint32_t id);

/* How far a change of the root key is: what has been sealed anew, up to and with these. COFFER_NOT_FOUND if none
 * is under way. */
struct store_rotation {
	uint32_t stage; /* core's */
	struct slice scope;
	struct slice name;
	struct slice run;
};
COFFER_MUST_USE coffer_err store_rotation_get(struct store *store, struct store_rotation *rotation);
COFFER_MUST_USE coffer_err store_rotation_put(struct store *store,
					      const struct store_rotation *rotation);
COFFER_MUST_USE coffer_err store_rotation_delete(struct store *store);

/* The keys that outlast it, sealed. COFFER_NOT_FOUND before the first change. */
COFFER_MUST_USE coffer_err store_lasting_get(struct store *store, struct slice *sealed);
COFFER_MUST_USE coffer_err store_lasting_put(struct store *store, struct slice sealed);

/* The count of changes to secrets so far. */
COFFER_MUST_USE coffer_err store_revision_get(struct store *store, uint64_t *revision);
COFFER_MUST_USE coffer_err store_revision_put(struct store *store, uint64_t revision);

/* When something was done last. The numbers are stored. COFFER_NOT_FOUND: never. */
typedef enum store_mark {
	STORE_MARK_MIGRATED = 1, /* a flat store's secrets were moved, or there were none to move */
	STORE_MARK_BACKUP = 2,   /* a backup was safe */
	STORE_MARK_MIRRORED = 3, /* the store went into a bucket, or came out of one */
} store_mark;
COFFER_MUST_USE coffer_err store_mark_get(struct store *store, store_mark mark, int64_t *at_ms);
COFFER_MUST_USE coffer_err store_mark_put(struct store *store, store_mark mark, int64_t at_ms);

/* The audit anchor: the newest record that is known to be, or to belong, in the log. It is the stored
 * head of the chain and the outbox in one: a mutation puts its own record here in its transaction.
 * COFFER_NOT_FOUND before the first. */
struct store_anchor {
	uint64_t seq;
	uint8_t mac[STORE_HASH_LEN];
	struct slice line; /* with its newline */
};
COFFER_MUST_USE coffer_err store_anchor_get(struct store *store, struct store_anchor *anchor);
COFFER_MUST_USE coffer_err store_anchor_put(struct store *store, const struct store_anchor *anchor);

/* What is there. The counts are kept as it changes, or look at what lives alone. */
struct store_stats {
	uint64_t secrets;  /* whose newest version is no tombstone */
	uint64_t versions; /* tombstones too */
	uint64_t runs_live;
	uint64_t services_live;
	uint64_t bytes; /* of the database's files; 0 in memory */
	uint32_t schema;
	const char *engine; /* its version; static */
};
COFFER_MUST_USE coffer_err store_stats(struct store *store, int64_t now_ms,
				       struct store_stats *stats);

/* --- secrets: every version is a row ---------------------------------------------------------------- */

/* Flags. Those of a row are authenticated with its record. */
#define STORE_DELETED 1u /* a tombstone; with expires_ms, of a secret that expired then */
#define STORE_SOURCE  2u /* what is sealed is no value, but where to read it */
#define STORE_NOTE \
	4u /* of no row: what a row's note is sealed with, so that it opens as nothing else */

struct store_secret {
	struct slice scope;
	struct slice name;
	uint32_t version;
	uint32_t flags;
	int64_t created_ms;
	struct slice sealed;
	int64_t expires_ms;
	struct slice note; /* sealed; empty: none */
};

/* version is 1 .. UINT32_MAX - 1. COFFER_ALREADY_EXISTS if there is such a version. */
COFFER_MUST_USE coffer_err store_secret_put(struct store *store, const struct store_secret *secret);
/* Puts what is sealed anew in the place of what the version has; all else stays. */
COFFER_MUST_USE coffer_err store_secret_reseal(struct store *store,
					       const struct store_secret *secret);
/* The newest version, which may be a tombstone. The hot path. */
COFFER_MUST_USE coffer_err store_secret_latest(struct store *store, struct slice scope,
					       struct slice name, struct store_secret *secret);
/* The newest version that is below the given one (UINT32_MAX: the newest), for walking backwards. */
COFFER_MUST_USE coffer_err store_secret_before(struct store *store, struct slice scope,
					       struct slice name, uint32_t version,
					       struct store_secret *secret);
/* The newest version of the first name of that scope that sorts (bytewise) after after_name. */
COFFER_MUST_USE coffer_err store_secret_next(struct store *store, struct slice scope,
					     struct slice after_name, struct store_secret *secret);
/* The first scope that sorts after after_scope and holds any secret: only *scope is set. */
COFFER_MUST_USE coffer_err store_scope_next(struct store *store, struct slice after_scope,
					    struct slice *scope);
/* Deletes all but the newest keep versions. */
COFFER_MUST_USE coffer_err store_secret_prune(struct store *store, struct slice scope,
					      struct slice name, uint32_t keep);
/* Deletes every version. COFFER_NOT_FOUND if there was none. */
COFFER_MUST_USE coffer_err store_secret_purge(struct store *store, struct slice scope,
					      struct slice name);
/* Deletes the versions from first to last. None is fine. */
COFFER_MUST_USE coffer_err store_secret_erase(struct store *store, struct slice scope,
					      struct slice name, uint32_t first, uint32_t last);
/* Deletes every version of every secret of the scope, and when they expire. None is fine. */
COFFER_MUST_USE coffer_err store_scope_purge(struct store *store, struct slice scope);

/* When a secret, which is to say its newest version, expires; at_ms 0: never. One moment a secret is kept. */
struct store_expiry {
	struct slice scope;
	struct slice name;
	int64_t at_ms;
};
COFFER_MUST_USE coffer_err store_expiry_put(struct store *store, struct slice scope,
					    struct slice name, int64_t at_ms);
/* The secret that expires first. COFFER_NOT_FOUND if none does. */
COFFER_MUST_USE coffer_err store_expiry_next(struct store *store, struct store_expiry *expiry);

/* --- what is known of a bucket's objects -------------------------------------------------------------- */

#define STORE_BATCH_LEN 16

/* The numbers are stored. */
typedef enum object_state {
	OBJECT_APPLIED = 1, /* what it holds was stored here, though it may be pruned since */
	/* Its version is used up, and holds nothing: of a batch that was not whole; of none: erased in the bucket. */
	OBJECT_VOID = 2,
	OBJECT_PURGE = 3, /* it erased every version below, and the rows of their objects */
} object_state;

/* One version of one secret. */
struct store_object {
	uint8_t name[STORE_HASH_LEN]; /* the keyed hash */
	uint32_t version;
	object_state state;
	uint8_t batch[STORE_BATCH_LEN]; /* zeros: of none */
	int64_t created_ms;
};
/* In the place of what is there. */
COFFER_MUST_USE coffer_err store_object_put(struct store *store, const struct store_object *object);
/* The newest that is below the version (UINT32_MAX: the newest). */
COFFER_MUST_USE coffer_err store_object_before(struct store *store,
					       const uint8_t name[STORE_HASH_LEN], uint32_t version,
					       struct store_object *object);
/* The oldest. */
COFFER_MUST_USE coffer_err store_object_first(struct store *store,
					      const uint8_t name[STORE_HASH_LEN],
					      struct store_object *object);
/* Deletes those below the version. None is fine. */
COFFER_MUST_USE coffer_err store_object_erase(struct store *store,
					      const uint8_t name[STORE_HASH_LEN], uint32_t version);
/* Looks at every one. */
COFFER_MUST_USE coffer_err store_object_count(struct store *store, uint64_t *count);
/* The batch of that id is whole. */
COFFER_MUST_USE coffer_err store_batch_put(struct store *store, const uint8_t id[STORE_BATCH_LEN]);
/* COFFER_NOT_FOUND: that is not known. */
COFFER_MUST_USE coffer_err store_batch_get(struct store *store, const uint8_t id[STORE_BATCH_LEN]);

/* --- grants ------------------------------------------------------------------------------------------ */

/* The numbers are stored. */
typedef enum grant_kind { GRANT_RUN = 1, GRANT_SERVICE = 2 } grant_kind;

/* Why a token no longer works. The numbers are stored. */
typedef enum grant_end {
	GRANT_LIVE = 0,
	GRANT_FINISHED = 1,
	GRANT_SUPERSEDED = 2,
	GRANT_EXPIRED = 3,
	GRANT_REVOKED = 4,
} grant_end;

struct store_grant {
	struct slice id; /* text UUID; a run's grant has the run's id */
	grant_kind kind;
	uint8_t token_hash[STORE_HASH_LEN];
	struct slice scopes; /* in order, '\n' between them */
	struct slice allow;  /* globs, '\n' between them; empty: all names */
	bool bind_uid;
	uint32_t uid;
	int64_t created_ms;
	int64_t expires_ms;
	grant_end end;
	struct slice name;    /* a service's; empty for a run */
	struct slice process; /* that it is bound to, opaque here; empty: none */
};

/* COFFER_ALREADY_EXISTS if there is a grant of that id or hash, or a live service of that name. */
COFFER_MUST_USE coffer_err store_grant_put(struct store *store, const struct store_grant *grant);
COFFER_MUST_USE coffer_err store_grant_by_hash(struct store *store,
					       const uint8_t hash[STORE_HASH_LEN],
					       struct store_grant *grant);
COFFER_MUST_USE coffer_err store_grant_by_id(struct store *store, struct slice id,
					     struct store_grant *grant);
/* The service of that name that is GRANT_LIVE. */
COFFER_MUST_USE coffer_err store_service_by_name(struct store *store, struct slice name,
						 struct store_grant *grant);
/* The service with the smallest id above after_id, live or not. */
COFFER_MUST_USE coffer_err store_service_next(struct store *store, struct slice after_id,
					      struct store_grant *grant);
/* The grant that is GRANT_LIVE and bound to a process, with the smallest id above after_id. */
COFFER_MUST_USE coffer_err store_grant_bound_next(struct store *store, struct slice after_id,
						  struct store_grant *grant);
/* These two: COFFER_NOT_FOUND if there is no such grant that is GRANT_LIVE. */
COFFER_MUST_USE coffer_err store_grant_renew(struct store *store, struct slice id,
					     int64_t expires_ms);
COFFER_MUST_USE coffer_err store_grant_set_end(struct store *store, struct slice id, grant_end end);

/* The service whose expires_ms is the smallest, if that is not after before_ms; live or not. */
COFFER_MUST_USE coffer_err store_service_expired_first(struct store *store, int64_t before_ms,
						       struct store_grant *grant);
/* COFFER_NOT_FOUND if there is no such grant that has ended or has expired at before_ms. */
COFFER_MUST_USE coffer_err store_grant_delete(struct store *store, struct slice id,
					      int64_t before_ms);

/* --- runs --------------------------------------------------------------------------------------------- */

/* Equal to coffer.v1.RunState. The numbers are stored. */
typedef enum run_state {
	RUN_PENDING = 1,
	RUN_ACTIVE = 2,
	RUN_SUCCEEDED = 3,
	RUN_FAILED = 4,
	RUN_CANCELLED = 5,
	RUN_SUPERSEDED = 6,
	RUN_EXPIRED = 7,
} run_state;

struct store_run {
	struct slice id;
	struct slice pipeline;
	struct slice ref;
	run_state state;
	int64_t created_ms;
	int64_t started_ms;
	int64_t finished_ms;
	int64_t expires_ms;
	struct slice payload; /* what the run is about, sealed */
	bool bootstrap;       /* whether its job may claim that */
	struct slice nonce;   /* of the claim; empty: none given or not claimed */
	uint32_t claim_uid;
};

/* COFFER_ALREADY_EXISTS if there is a run of that id. */
COFFER_MUST_USE coffer_err store_run_put(struct store *store, const struct store_run *run);
/* As store_secret_reseal. */
COFFER_MUST_USE coffer_err store_run_reseal(struct store *store, struct slice id,
					    struct slice payload);
COFFER_MUST_USE coffer_err store_run_get(struct store *store, struct slice id,
					 struct store_run *run);
/* The run with the greatest id below before_id (empty: the newest run). */
COFFER_MUST_USE coffer_err store_run_before(struct store *store, struct slice before_id,
					    struct store_run *run);
/* The first pending or active run of that pipeline and ref. */
COFFER_MUST_USE coffer_err store_run_live(struct store *store, struct slice pipeline,
					  struct slice ref, struct store_run *run);
/* The pending or active run whose expires_ms is the smallest. */
COFFER_MUST_USE coffer_err store_run_next_expiry(struct store *store, struct store_run *run);
/* Pending becomes active; nonce may be empty. COFFER_NOT_FOUND if the run is not pending. */
COFFER_MUST_USE coffer_err store_run_claim(struct store *store, struct slice id, int64_t started_ms,
					   struct slice nonce, uint32_t uid);
/* Ends a pending or active run. COFFER_NOT_FOUND if it is neither. */
COFFER_MUST_USE coffer_err store_run_end(struct store *store, struct slice id, run_state state,
					 int64_t finished_ms);

/* The run that ended first, if that was not after before_ms. */
COFFER_MUST_USE coffer_err store_run_ended_first(struct store *store, int64_t before_ms,
						 struct store_run *run);
/* COFFER_NOT_FOUND if there is no such run that has ended. */
COFFER_MUST_USE coffer_err store_run_delete(struct store *store, struct slice id);

/* --- copies ------------------------------------------------------------------------------------------- */

struct store_copy;

/* Begins a copy of the whole store in a new file at path, which loses its name at once: nothing is left of it
 * when it is closed, or the process has ended. What is changed between two steps is in the copy, too. The copy
 * must be closed before the store. COFFER_FAILED_PRECONDITION if the file cannot be made. On error *out is
 * NULL. */
COFFER_MUST_USE coffer_err store_copy_begin(struct store_copy **out, struct store *store,
					    const char *path);
/* Copies some pages more: about a millisecond. Not in a transaction. *done: the copy is whole and of one
 * moment. COFFER_UNAVAILABLE: the disk is full; the copy can only be closed. */
COFFER_MUST_USE coffer_err store_copy_step(struct store_copy *copy, bool *done);
/* The file of a copy that is done, at its begin; the copy's own until it is closed. */
int store_copy_file(const struct store_copy *copy);
void store_copy_close(struct store_copy *copy); /* NULL is fine */

/* Whether a process has the database at path open, and its pid (0: unknown). Not for one that this process has
 * open itself: asking drops its locks. */
bool store_in_use(const char *path, pid_t *holder);

#endif
