#include "core/services.h"

#include "core/grants.h"

/* An expired service keeps its name until somebody wants it: nothing else is in its way. */
static coffer_err free_name(struct core *core, const struct services_spec *spec)
{
	char id[COFFER_ID_LEN + 1];
	struct store_grant row;
	coffer_err err;

	err = store_service_by_name(core->store, spec->name, &row);
	if (err != COFFER_OK)
		return err == COFFER_NOT_FOUND ? COFFER_OK : err;
	if (spec->now_ms < row.expires_ms)
		return COFFER_ALREADY_EXISTS;
	if ((err = id_copy(id, row.id)) != COFFER_OK)
		return err;
	return grants_end(core, slice_str(id), GRANT_EXPIRED);
}

coffer_err services_create(struct core *core, const struct services_spec *spec,
			   char id[COFFER_ID_LEN + 1], char token[COFFER_TOKEN_LEN])
{
	struct store_grant grant = { .kind = GRANT_SERVICE,
				     .scopes = spec->scopes,
				     .allow = spec->allow,
				     .bind_uid = spec->bind_uid,
				     .uid = spec->uid,
				     .created_ms = spec->now_ms,
				     .expires_ms = spec->expires_ms,
				     .end = GRANT_LIVE,
				     .name = spec->name };
	coffer_err err;

	id_make(&core->ids, spec->now_ms, id);
	grant.id = slice_str(id);
	if ((err = free_name(core, spec)) != COFFER_OK)
		return err;
	return grants_create(core, &grant, token);
}

coffer_err services_renew(struct core *core, struct slice id, int64_t now_ms, int64_t expires_ms)
{
	struct store_grant row;
	coffer_err err;

	if ((err = store_grant_by_id(core->store, id, &row)) != COFFER_OK)
		return err;
	if (row.kind != GRANT_SERVICE)
		return COFFER_NOT_FOUND;
	if (row.end != GRANT_LIVE || now_ms >= row.expires_ms)
		return COFFER_FAILED_PRECONDITION;
	return grants_renew(core, id, expires_ms);
}
