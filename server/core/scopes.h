/* scopes.h - lists of scopes and globs, as grants hold them: text with '\n' between the items.
 * Layer: core. Pure functions. */
#ifndef CORE_SCOPES_H
#define CORE_SCOPES_H

#include <coffer/error.h>

#include "names.h"
#include "slice.h"

/* Takes the next item off *list and returns true; false when none is left. */
bool scopes_next(struct slice *list, struct slice *item);

/* Appends an item. COFFER_RESOURCE_EXHAUSTED if it does not fit. */
COFFER_MUST_USE coffer_err scopes_add(struct buf *list, struct slice item);

/* Longest text of a run's scope list: run/<id>, pipeline/<id>, global. */
#define SCOPES_OF_RUN_MAX (3 * (COFFER_SCOPE_MAX + 1))

/* The scopes of a run in the order in which they are searched, the most specific first. */
COFFER_MUST_USE coffer_err scopes_of_run(struct buf *list, struct slice run_id,
					 struct slice pipeline);

/* "run/<id>" in out, without a NUL. */
#define SCOPES_RUN_LEN (4 + COFFER_ID_LEN)
struct slice scopes_run(char out[SCOPES_RUN_LEN], struct slice run_id);

#endif
