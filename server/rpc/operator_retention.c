/* What the daemon does by itself with runs and services that ended long ago. */
#include "core/retention.h"
#include "rpc/call.h"

#include <stdio.h>

/* Of one transaction. */
#define REMOVED_MAX 64

#define SCOPE_MAX (8 + COFFER_ID_LEN)

/* In the record a run stands as the scope of its own secrets does, so that it is found by its id; a service alike. */
static void about(struct call *call, const char *id, grant_kind kind)
{
	char text[SCOPE_MAX + 1];

	snprintf(text, sizeof(text), "%s/%s", kind == GRANT_RUN ? "run" : "service", id);
	call_about_item(call, slice_str(text), SLICE_EMPTY, 0);
}

coffer_err operator_remove_ended(struct call *call)
{
	int64_t before_ms = call->now_ms - call->rpc->core->keep_runs_ms;
	char id[COFFER_ID_LEN + 1];
	grant_kind kind;
	coffer_err err = COFFER_OK;

	for (int i = 0; i < REMOVED_MAX && err == COFFER_OK; i++) {
		err = retention_remove(call->rpc->core, before_ms, id, &kind);
		if (err == COFFER_OK)
			about(call, id, kind);
	}
	return err == COFFER_NOT_FOUND ? COFFER_OK : err;
}
