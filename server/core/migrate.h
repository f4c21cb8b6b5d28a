/* migrate.h - moving the secrets of a flat store to the components that they belong to. Layer: core.
 *
 * They are found by listing global and matching rules. What moves is the newest version, with its note and expiry;
 * in global a tombstone stands then, and the versions before it stay below it. */
#ifndef CORE_MIGRATE_H
#define CORE_MIGRATE_H

#include <coffer/error.h>

#include "core/core.h"
#include "core/rules.h"
#include "core/secrets.h"

/* One secret that a rule matches. */
struct migrate_move {
	char scope_text[COFFER_SCOPE_MAX];
	struct slice scope; /* where it belongs */
	struct slice name;  /* the cursor's */
	bool kept;          /* there is one already: both are left as they are */
	uint32_t version;   /* of the new one; 0 if there is none yet */
	uint32_t tombstone; /* of the old one's end; 0 if it has not ended */
};

/* In the open transaction: moves the first secret of global behind the cursor, which goes on to it, that belongs
 * elsewhere; with dry_run only tells. The new one is written before the old one ends, and one that is there already
 * is never overwritten. rules as in rules.h. COFFER_NOT_FOUND: there is no other. */
COFFER_MUST_USE coffer_err migrate_next(struct core *core, struct slice rules, bool dry_run,
					int64_t now_ms, struct secrets_cursor *cursor,
					struct migrate_move *move);

#endif
