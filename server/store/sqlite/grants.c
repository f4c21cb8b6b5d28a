#include "store/store.h"

#include "store/sqlite/query.h"

coffer_err store_grant_put(struct store *store, const struct store_grant *grant)
{
	struct query q = query_start(store, STATEMENT_GRANT_PUT);

	query_bind_text(&q, grant->id);
	query_bind_int(&q, grant->kind);
	query_bind_blob(&q, (struct slice){ grant->token_hash, sizeof(grant->token_hash) });
	query_bind_text(&q, grant->scopes);
	query_bind_text(&q, grant->allow);
	query_bind_int(&q, grant->bind_uid);
	query_bind_int(&q, grant->uid);
	query_bind_int(&q, grant->created_ms);
	query_bind_int(&q, grant->expires_ms);
	query_bind_int(&q, grant->end);
	query_bind_text(&q, grant->name);
	query_bind_blob(&q, grant->process);
	return query_change(&q);
}

static coffer_err read_grant(struct query *q, struct store_grant *grant)
{
	coffer_err err = query_row(q);
	uint32_t kind, end;

	*grant = (struct store_grant){ 0 };
	if (err != COFFER_OK)
		return err;
	grant->id = query_read_slice(q);
	kind = query_read_u32(q);
	query_read_array(q, grant->token_hash, sizeof(grant->token_hash));
	grant->scopes = query_read_slice(q);
	grant->allow = query_read_slice(q);
	grant->bind_uid = query_read_u32(q) != 0;
	grant->uid = query_read_u32(q);
	grant->created_ms = query_read_int(q);
	grant->expires_ms = query_read_int(q);
	end = query_read_u32(q);
	grant->name = query_read_slice(q);
	grant->process = query_read_slice(q);
	grant->kind = (grant_kind)kind;
	grant->end = (grant_end)end;
	q->damaged |= kind < GRANT_RUN || kind > GRANT_SERVICE || end > GRANT_REVOKED;
	if ((err = query_end(q)) != COFFER_OK)
		*grant = (struct store_grant){ 0 };
	return err;
}

coffer_err store_grant_by_hash(struct store *store, const uint8_t hash[STORE_HASH_LEN],
			       struct store_grant *grant)
{
	struct query q = query_start(store, STATEMENT_GRANT_BY_HASH);

	query_bind_blob(&q, (struct slice){ hash, STORE_HASH_LEN });
	return read_grant(&q, grant);
}

coffer_err store_grant_by_id(struct store *store, struct slice id, struct store_grant *grant)
{
	struct query q = query_start(store, STATEMENT_GRANT_BY_ID);

	query_bind_text(&q, id);
	return read_grant(&q, grant);
}

coffer_err store_service_by_name(struct store *store, struct slice name, struct store_grant *grant)
{
	struct query q = query_start(store, STATEMENT_SERVICE_BY_NAME);

	query_bind_text(&q, name);
	return read_grant(&q, grant);
}

coffer_err store_service_next(struct store *store, struct slice after_id, struct store_grant *grant)
{
	struct query q = query_start(store, STATEMENT_SERVICE_NEXT);

	query_bind_text(&q, after_id);
	return read_grant(&q, grant);
}

coffer_err store_grant_bound_next(struct store *store, struct slice after_id,
				  struct store_grant *grant)
{
	struct query q = query_start(store, STATEMENT_GRANT_BOUND_NEXT);

	query_bind_text(&q, after_id);
	return read_grant(&q, grant);
}

coffer_err store_grant_renew(struct store *store, struct slice id, int64_t expires_ms)
{
	struct query q = query_start(store, STATEMENT_GRANT_RENEW);

	query_bind_int(&q, expires_ms);
	query_bind_text(&q, id);
	return query_change(&q);
}

coffer_err store_grant_set_end(struct store *store, struct slice id, grant_end end)
{
	struct query q = query_start(store, STATEMENT_GRANT_SET_END);

	query_bind_int(&q, end);
	query_bind_text(&q, id);
	return query_change(&q);
}

coffer_err store_service_expired_first(struct store *store, int64_t before_ms,
				       struct store_grant *grant)
{
	struct query q = query_start(store, STATEMENT_SERVICE_EXPIRED_FIRST);

	query_bind_int(&q, before_ms);
	return read_grant(&q, grant);
}

coffer_err store_grant_delete(struct store *store, struct slice id, int64_t before_ms)
{
	struct query q = query_start(store, STATEMENT_GRANT_DELETE);

	query_bind_text(&q, id);
	query_bind_int(&q, before_ms);
	return query_change(&q);
}
