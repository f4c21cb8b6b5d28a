#include "core/retention.h"

static coffer_err find(struct core *core, int64_t before_ms, struct slice *id, grant_kind *kind)
{
	struct store_grant grant;
	struct store_run run;
	coffer_err err;

	*kind = GRANT_RUN;
	err = store_run_ended_first(core->store, before_ms, &run);
	*id = run.id;
	if (err == COFFER_NOT_FOUND) {
		*kind = GRANT_SERVICE;
		err = store_service_expired_first(core->store, before_ms, &grant);
		*id = grant.id;
	}
	return err;
}

coffer_err retention_due(struct core *core, int64_t before_ms)
{
	grant_kind kind;
	struct slice id;

	return find(core, before_ms, &id, &kind);
}

coffer_err retention_remove(struct core *core, int64_t before_ms, char id[COFFER_ID_LEN + 1],
			    grant_kind *kind)
{
	struct slice found;
	coffer_err err;

	id[0] = '\0';
	if ((err = find(core, before_ms, &found, kind)) != COFFER_OK ||
	    (err = id_copy(id, found)) != COFFER_OK)
		return err;
	if (*kind == GRANT_RUN && (err = store_run_delete(core->store, slice_str(id))) != COFFER_OK)
		return err;
	err = store_grant_delete(core->store, slice_str(id), before_ms);
	/* A run without its grant is a damaged one: it goes all the same. */
	return err == COFFER_NOT_FOUND && *kind == GRANT_RUN ? COFFER_OK : err;
}
