/* services.h - services: what a long-lived system caller may read. Layer: core.
 *
 * A service is a grant with a name instead of a run. It can have any scopes but a run's, system/<component>
 * too, in an order of its own. Of one name there is one live service. */
#ifndef CORE_SERVICES_H
#define CORE_SERVICES_H

#include <coffer/error.h>
#include <coffer/limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/core.h"

/* What a service is created with; all checked by the caller. Slices are borrowed for the call. */
struct services_spec {
	struct slice name;
	struct slice scopes; /* in order; see scopes.h */
	struct slice allow;  /* globs, see scopes.h */
	bool bind_uid;
	uint32_t uid;
	int64_t now_ms;
	int64_t expires_ms;
};

/* In the open transaction: stores the service under a new id. The token is written to token, which is arena
 * memory. One of that name that is past its time is ended. COFFER_ALREADY_EXISTS if a live one is not. */
COFFER_MUST_USE coffer_err services_create(struct core *core, const struct services_spec *spec,
					   char id[COFFER_ID_LEN + 1],
					   char token[COFFER_TOKEN_LEN]);

/* In the open transaction: moves the time at which a live service expires. COFFER_NOT_FOUND: no service of
 * that id. COFFER_FAILED_PRECONDITION: it has ended, or is past its time: a dead token stays dead. */
COFFER_MUST_USE coffer_err services_renew(struct core *core, struct slice id, int64_t now_ms,
					  int64_t expires_ms);

#endif
