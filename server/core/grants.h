/* grants.h - who may read what, and until when. Layer: core.
 *
 * A grant is loaded when the first connection authenticates with its token and is shared by all of its
 * connections; ending it in the store ends it here too, so an open connection loses its authority at
 * once. Grants that no connection holds are not in memory. */
#ifndef CORE_GRANTS_H
#define CORE_GRANTS_H

#include <coffer/error.h>
#include <coffer/limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

#include "core/core.h"

struct grant {
	char id[COFFER_ID_LEN + 1];
	grant_kind kind;
	grant_end end;
	bool bind_uid;
	uint32_t uid;
	int64_t expires_ms;
	unsigned refs;
	struct slice scopes[COFFER_SCOPES_MAX]; /* in the order in which they are searched */
	size_t scopes_len;
	struct slice allow; /* globs, see scopes.h; empty: every name */
	UT_hash_handle hh;
	char text[]; /* what scopes and allow point to */
};

/* Finds the grant of a token that still works and takes a reference, which grants_release gives back.
 * COFFER_UNAUTHENTICATED: *end tells why, for the audit log alone: GRANT_LIVE for an unknown token, or how
 * the grant ended; id is then the grant's, or "". COFFER_RESOURCE_EXHAUSTED without memory. */
COFFER_MUST_USE coffer_err grants_authenticate(struct core *core, struct slice token,
					       int64_t now_ms, struct grant **out, grant_end *end,
					       char id[COFFER_ID_LEN + 1]);
void grants_release(struct core *core, struct grant *grant); /* NULL is fine */

/* How the grant has ended, if it has: GRANT_LIVE while its token works. */
grant_end grants_state(const struct grant *grant, int64_t now_ms);

/* In the open transaction: makes a token, in arena memory, and stores the grant under it; token_hash is
 * filled in. COFFER_ALREADY_EXISTS if there is a live service of that name. */
COFFER_MUST_USE coffer_err grants_create(struct core *core, struct store_grant *grant,
					 char token[COFFER_TOKEN_LEN]);

/* In the open transaction: the grant of that id expires at that time. COFFER_NOT_FOUND if it is not live. */
COFFER_MUST_USE coffer_err grants_renew(struct core *core, struct slice id, int64_t expires_ms);

/* Ends the grant of that id in the open transaction. COFFER_NOT_FOUND if it is not live. */
COFFER_MUST_USE coffer_err grants_end(struct core *core, struct slice id, grant_end end);

/* After the commit: ends or renews it in memory, if a connection holds it. */
void grants_mark_ended(struct core *core, struct slice id, grant_end end);
void grants_mark_renewed(struct core *core, struct slice id, int64_t expires_ms);

/* "finished", "superseded", "expired", "revoked", or "unknown" for GRANT_LIVE. */
const char *grants_end_name(grant_end end);

#endif
