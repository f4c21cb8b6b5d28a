/* secrets.h - secrets: looking up, opening, and writing versions. Layer: core.
 *
 * A row that a look-up hands out is borrowed from the store: valid until the next call of this layer.
 * Names and scopes are checked by the caller. */
#ifndef CORE_SECRETS_H
#define CORE_SECRETS_H

#include <coffer/error.h>

#include "core/core.h"
#include "core/grants.h"

/* Finds the newest version of a name in the scopes of the grant, in their order; a deleted one does not
 * hide a later scope's. Policy on the name is the caller's. COFFER_NOT_FOUND. */
COFFER_MUST_USE coffer_err secrets_find(struct core *core, const struct grant *grant,
					struct slice name, struct store_secret *row);

/* The next visible secret of the grant, by name, behind name, which it overwrites: a walk over all of
 * them begins with an empty one. COFFER_NOT_FOUND at the end. */
struct secrets_cursor {
	char name[COFFER_NAME_MAX];
	size_t len;
};
COFFER_MUST_USE coffer_err secrets_next(struct core *core, const struct grant *grant,
					struct secrets_cursor *cursor, struct store_secret *row);

/* A version of a secret (0: the newest). COFFER_NOT_FOUND also for a tombstone. */
COFFER_MUST_USE coffer_err secrets_at(struct core *core, struct slice scope, struct slice name,
				      uint32_t version, struct store_secret *row);

/* Length of the row's value, and the value itself into out, which has exactly that room and is arena
 * memory. COFFER_DATA_LOSS if the record does not open where it stands. */
COFFER_MUST_USE coffer_err secrets_value_len(const struct store_secret *row, size_t *len);
COFFER_MUST_USE coffer_err secrets_open(struct core *core, const struct store_secret *row,
					uint8_t *out);

/* A write: what to expect of the newest version, and where. */
struct secrets_target {
	struct slice scope;
	struct slice name;
	bool check_version; /* COFFER_ABORTED unless the newest version is if_version (0: none) */
	uint32_t if_version;
	int64_t now_ms;
};

/* In the open transaction; each makes one new version and prunes what is older than the kept ones.
 * put: COFFER_RESOURCE_EXHAUSTED if value is longer than core->value_max. remove: adds a tombstone, or with
 * purge erases every version (*version is 0); COFFER_NOT_FOUND. rollback: from is the version to
 * restore; COFFER_NOT_FOUND, COFFER_FAILED_PRECONDITION if it is a tombstone. */
COFFER_MUST_USE coffer_err secrets_put(struct core *core, const struct secrets_target *target,
				       struct slice value, uint32_t *version);
COFFER_MUST_USE coffer_err secrets_remove(struct core *core, const struct secrets_target *target,
					  bool purge, uint32_t *version);
COFFER_MUST_USE coffer_err secrets_rollback(struct core *core, const struct secrets_target *target,
					    uint32_t from, uint32_t *version);

#endif
