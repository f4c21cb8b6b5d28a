/* secrets.h - secrets: looking up, opening, and writing versions. Layer: core.
 *
 * A row that a look-up hands out is borrowed from the store: valid until the next call of this layer.
 * Names and scopes are checked by the caller. A version that has expired counts as deleted everywhere. */
#ifndef CORE_SECRETS_H
#define CORE_SECRETS_H

#include <coffer/error.h>

#include "core/core.h"
#include "core/grants.h"
#include "core/source.h"

/* Whether the row is deleted or has expired; and if so, whether it is because of its time. */
bool secrets_gone(const struct store_secret *row, int64_t now_ms);
bool secrets_expired(const struct store_secret *row, int64_t now_ms);

/* Where the row's record stands, for its seal; with extra STORE_NOTE, its note. Borrows from the row. */
struct seal_context secrets_context(const struct store_secret *row, uint32_t extra);

/* Finds the newest version of a name in the scopes of the grant, in their order; one that is gone does not
 * hide a later scope's. Policy on the name is the caller's. COFFER_NOT_FOUND: row is then one that has
 * expired, or zero. */
COFFER_MUST_USE coffer_err secrets_find(struct core *core, const struct grant *grant,
					struct slice name, int64_t now_ms,
					struct store_secret *row);

/* The next visible secret of the grant, by name, behind name, which it overwrites: a walk over all of
 * them begins with an empty one. COFFER_NOT_FOUND at the end. */
struct secrets_cursor {
	char name[COFFER_NAME_MAX];
	size_t len;
};
COFFER_MUST_USE coffer_err secrets_next(struct core *core, const struct grant *grant,
					struct secrets_cursor *cursor, int64_t now_ms,
					struct store_secret *row);

/* A version of a secret (0: the newest). COFFER_NOT_FOUND as for secrets_find, also for a tombstone. */
COFFER_MUST_USE coffer_err secrets_at(struct core *core, struct slice scope, struct slice name,
				      uint32_t version, int64_t now_ms, struct store_secret *row);

/* A row's value on its way into memory of the caller's, who learns its length first. */
struct secrets_value {
	const struct store_secret *row; /* borrowed */
	size_t len;
	bool is_file; /* source tells, after COFFER_FAILED_PRECONDITION, what failed */
	struct source source;
};
/* open is followed by close in any case; read fills out, arena memory of that length, and leaves zeros there
 * on failure. COFFER_DATA_LOSS if the record does not open where it stands. */
COFFER_MUST_USE coffer_err secrets_value_open(struct core *core, const struct store_secret *row,
					      struct secrets_value *value);
COFFER_MUST_USE coffer_err secrets_value_read(struct core *core, struct secrets_value *value,
					      uint8_t *out);
void secrets_value_close(struct secrets_value *value);

/* Length of what is sealed in the row, the value or with STORE_SOURCE the source's text, and that itself into
 * out, which has exactly that room and is arena memory. COFFER_DATA_LOSS as above. */
COFFER_MUST_USE coffer_err secrets_value_len(const struct store_secret *row, size_t *len);
COFFER_MUST_USE coffer_err secrets_open(struct core *core, const struct store_secret *row,
					uint8_t *out);

/* The same for the row's note; there is one if row->note is not empty. */
COFFER_MUST_USE coffer_err secrets_note_len(const struct store_secret *row, size_t *len);
COFFER_MUST_USE coffer_err secrets_open_note(struct core *core, const struct store_secret *row,
					     uint8_t *out);

/* A write: what to expect of the newest version, and where. */
struct secrets_target {
	struct slice scope;
	struct slice name;
	bool check_version; /* COFFER_ABORTED unless the newest version is if_version (0: none) */
	uint32_t if_version;
	int64_t now_ms;
};

/* What a new version holds. */
struct secrets_content {
	struct slice value; /* with is_source: a text that source_check found good */
	bool is_source;
	bool set_note; /* else it has the note of the version before, unless that is gone */
	struct slice note;
	int64_t expires_ms; /* 0: never */
};

/* In the open transaction; each makes one new version and prunes what is older than the kept ones.
 * put: COFFER_RESOURCE_EXHAUSTED if value is longer than core->value_max. remove: adds a tombstone, or with
 * purge erases every version (*version is 0); COFFER_NOT_FOUND. rollback: from is the version to
 * restore, with its note and expiry; COFFER_NOT_FOUND, COFFER_FAILED_PRECONDITION if it is gone. */
COFFER_MUST_USE coffer_err secrets_put(struct core *core, const struct secrets_target *target,
				       const struct secrets_content *content, uint32_t *version);
COFFER_MUST_USE coffer_err secrets_remove(struct core *core, const struct secrets_target *target,
					  bool purge, uint32_t *version);
COFFER_MUST_USE coffer_err secrets_rollback(struct core *core, const struct secrets_target *target,
					    uint32_t from, uint32_t *version);

/* In the open transaction: a version that was made elsewhere, with its number, flags and times, in the place of what
 * this store has of that number; and, where versions were erased, what follows from it. Errors as secrets_put. */
COFFER_MUST_USE coffer_err secrets_take_over(struct core *core, const struct store_secret *version,
					     const struct secrets_content *content);
COFFER_MUST_USE coffer_err secrets_look_again(struct core *core, struct slice scope,
					      struct slice name);

/* When the next secret expires. COFFER_NOT_FOUND if none does. */
COFFER_MUST_USE coffer_err secrets_next_expiry(struct core *core, int64_t *at_ms);

/* In the open transaction: gives one secret that is past its time its tombstone, or puts right what was
 * remembered of its time (version is 0 then). COFFER_NOT_FOUND: there is no more of them. */
struct secrets_ended {
	char scope[COFFER_SCOPE_MAX], name[COFFER_NAME_MAX];
	size_t scope_len, name_len;
	uint32_t version;
};
COFFER_MUST_USE coffer_err secrets_expire(struct core *core, int64_t now_ms,
					  struct secrets_ended *out);

#endif
