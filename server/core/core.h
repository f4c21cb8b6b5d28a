/* core.h - the state that the rules of coffer work on. Layer: core.
 *
 * Owned by the server, passed to every function of this layer. Changes are made between core_begin and
 * core_commit; what a change does to memory (ended grants, the revision) takes effect with the commit
 * alone, so a failed one leaves nothing behind. Errors of the store pass through as store.h states
 * them. */
#ifndef CORE_CORE_H
#define CORE_CORE_H

#include <coffer/error.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/id.h"
#include "core/bonds.h"
#include "core/cache.h"
#include "core/changes.h"
#include "slice.h"
#include "store/store.h"
#include "vault/keyring.h"
#include "vault/seal.h"

struct grant;
struct mirror;

struct core {
	struct arena *arena;      /* borrowed */
	struct store *store;      /* borrowed */
	struct keyring *keyring;  /* borrowed */
	seal_algorithm algorithm; /* of new records */
	uint32_t value_max;       /* bytes of one value */
	uint32_t versions_kept;   /* of one secret */
	int64_t keep_runs_ms;     /* after their end; 0: for ever */
	const char
	    *migrate_rules; /* borrowed: before those that are built in, see rules.h; NULL: none */
	const char *source_dirs; /* borrowed: of file sources, ':' between them; NULL: any */
	const char *key_file;    /* borrowed: where a start looks for it; NULL: no key is needed */
	uint64_t revision;       /* of secrets: 1, and one more for each commit that changed any */
	uint64_t events;    /* counts the commits that changed secrets, ended or renewed a grant */
	struct buf sealed;  /* scratch for one record's ciphertext; heap */
	struct cache cache; /* of what the store holds */
	struct changes changes; /* of secrets, the newest ones */
	struct id_source ids;   /* of runs */
	struct mirror *mirror;  /* where there is a bucket, see mirror/mirror.h; else NULL */
	struct grant *grants;   /* those that connections hold, by id: a uthash table */
	struct bonds bonds;     /* runs that are bound to a process */
	char binding[COFFER_ID_LEN + 1]; /* the one that the open transaction binds; "" for none */
	struct {
		char id[COFFER_ID_LEN + 1];
		grant_end end;
	} ending; /* the grant that the open transaction ends; id "" for none */
	struct {
		char id[COFFER_ID_LEN + 1];
		int64_t expires_ms;
	} renewing;             /* the one that it renews */
	uint32_t new_epoch;     /* of the keyring, which the open transaction makes; 0 for none */
	uint32_t old_epoch;     /* which it ends */
	uint64_t next_revision; /* revision, once the open transaction is committed */
};

/* Fills in the derived fields; the borrowed ones and the settings are set by the caller before.
 * COFFER_RESOURCE_EXHAUSTED without memory. */
COFFER_MUST_USE coffer_err core_init(struct core *core);
void core_destroy(struct core *core);

COFFER_MUST_USE coffer_err core_begin(struct core *core);
COFFER_MUST_USE coffer_err core_commit(struct core *core);
void core_rollback(struct core *core);

/* Counts a change to that secret in the open transaction. */
COFFER_MUST_USE coffer_err core_touch(struct core *core, struct slice scope, struct slice name);

/* Copies a name that the store has lent, for a walk to go on behind it. COFFER_DATA_LOSS if it is larger than any name
 * of its kind is; *len is then as it was. */
COFFER_MUST_USE coffer_err core_keep(void *to, size_t size, size_t *len, struct slice from);

#endif
