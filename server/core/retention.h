/* retention.h - letting go of what has ended long ago. Layer: core.
 *
 * A run goes with what it was about and its grant, so many milliseconds after its end; a service so long after its
 * token would have expired, whether it was revoked or not. Their tokens are unknown from then on. */
#ifndef CORE_RETENTION_H
#define CORE_RETENTION_H

#include <coffer/error.h>
#include <coffer/limits.h>

#include "core/core.h"

/* Removes, in the open transaction, the one that ended first of those that ended at before_ms or earlier; its id and
 * kind go to *id and *kind. COFFER_NOT_FOUND, with nothing changed, if there is none. */
COFFER_MUST_USE coffer_err retention_remove(struct core *core, int64_t before_ms,
					    char id[COFFER_ID_LEN + 1], grant_kind *kind);

/* COFFER_OK if there is something to remove, or COFFER_NOT_FOUND. */
COFFER_MUST_USE coffer_err retention_due(struct core *core, int64_t before_ms);

#endif
