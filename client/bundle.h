/* bundle.h - what a bootstrap file held: the JSON that stands in pages of its own, decoded where it stands,
 * and an index over it. Layer: client.
 *
 *	{"version":1, "run_id":"...", "expires_at_ms":n, "scopes":["..."], "allow":["GLOB"],
 *	 "git_dir":"...", "meta":{"pipeline","repo","ref","sha","pushed_at_ms"}, "sentry":{"dsn","trace_id"},
 *	 "extras":{"KEY":"value"}, "secrets":{"NAME":"value"}, "secrets_base64":{"NAME":"..."},
 *	 "secret_info":{"NAME":{"scope","version","updated_at_ms"}}}
 *
 * Only version must be there. Without meta there is no bootstrap data to claim. Other keys are skipped. */
#ifndef CLIENT_BUNDLE_H
#define CLIENT_BUNDLE_H

#include <coffer/client.h>

#include "transport.h"

struct bundle_secret {
	struct slice name, value, scope;
	uint32_t version;
	int64_t updated_at_ms;
};

/* Zero it to begin. Slices and strings are of the pages. */
struct bundle {
	uint8_t *pages; /* see pages.h */
	size_t pages_len;
	size_t len; /* bytes of the file in them */
	struct slice run_id;
	int64_t expires_at_ms; /* 0: never */
	struct slice scopes[COFFER_SCOPES_MAX];
	size_t scopes_len;
	const char *allow[COFFER_ALLOW_MAX]; /* globs; none: every name */
	size_t allow_len;
	bool claimable;
	struct coffer_bootstrap about; /* moves to who claims it */
	struct bundle_secret *secrets; /* sorted by name */
	size_t secrets_len, secrets_cap;
};

/* Takes the JSON in the pages apart. path is for messages, which are written to t and hold nothing of the
 * file but names. COFFER_INVALID_ARGUMENT: it is not of the form above. COFFER_RESOURCE_EXHAUSTED: no
 * memory. The caller frees *bundle in any case. */
COFFER_MUST_USE coffer_err bundle_parse(struct bundle *bundle, const char *path,
					struct transport *t);

/* The secret of that name, or NULL. */
const struct bundle_secret *bundle_find(const struct bundle *bundle, struct slice name);

/* Wipes and empties; an empty one is fine. */
void bundle_free(struct bundle *bundle);

#endif
