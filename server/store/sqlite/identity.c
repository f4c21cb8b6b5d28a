#include "store/store.h"

#include <assert.h>

#include "store/sqlite/query.h"

coffer_err store_identity_put(struct store *store, const struct store_identity *id)
{
	struct query q = query_start(store, STATEMENT_IDENTITY_PUT);

	query_bind_blob(&q, (struct slice){ id->uuid, sizeof(id->uuid) });
	query_bind_int(&q, id->algorithm);
	query_bind_int(&q, id->created_ms);
	return query_change(&q);
}

coffer_err store_identity_get(struct store *store, struct store_identity *id)
{
	struct query q = query_start(store, STATEMENT_IDENTITY_GET);
	coffer_err err;

	*id = (struct store_identity){ 0 };
	if ((err = query_row(&q)) != COFFER_OK)
		return err;
	query_read_array(&q, id->uuid, sizeof(id->uuid));
	id->algorithm = query_read_u32(&q);
	id->created_ms = query_read_int(&q);
	if ((err = query_end(&q)) != COFFER_OK)
		*id = (struct store_identity){ 0 };
	return err;
}

coffer_err store_slot_put(struct store *store, const struct store_slot *slot)
{
	struct query q = query_start(store, STATEMENT_SLOT_PUT);

	query_bind_int(&q, slot->id);
	query_bind_int(&q, slot->epoch);
	query_bind_int(&q, slot->kind);
	query_bind_blob(&q, slot->params);
	query_bind_blob(&q, slot->nonce);
	query_bind_blob(&q, slot->commitment);
	query_bind_blob(&q, slot->wrapped);
	return query_change(&q);
}

coffer_err store_slot_next(struct store *store, uint32_t after_id, struct store_slot *slot)
{
	struct query q = query_start(store, STATEMENT_SLOT_NEXT);
	coffer_err err;

	*slot = (struct store_slot){ 0 };
	query_bind_int(&q, after_id);
	if ((err = query_row(&q)) != COFFER_OK)
		return err;
	slot->id = query_read_u32(&q);
	slot->epoch = query_read_u32(&q);
	slot->kind = query_read_u32(&q);
	slot->params = query_read_slice(&q);
	slot->nonce = query_read_slice(&q);
	slot->commitment = query_read_slice(&q);
	slot->wrapped = query_read_slice(&q);
	if ((err = query_end(&q)) != COFFER_OK)
		*slot = (struct store_slot){ 0 };
	return err;
}

coffer_err store_slot_delete(struct store *store, uint32_t id)
{
	struct query q = query_start(store, STATEMENT_SLOT_DELETE);

	store->scrub = true;
	query_bind_int(&q, id);
	return query_change(&q);
}

coffer_err store_revision_get(struct store *store, uint64_t *revision)
{
	struct query q = query_start(store, STATEMENT_REVISION_GET);
	coffer_err err = query_row(&q);

	*revision = err == COFFER_OK ? query_read_u63(&q) : 0;
	return err == COFFER_OK ? query_end(&q) : err;
}

coffer_err store_revision_put(struct store *store, uint64_t revision)
{
	struct query q = query_start(store, STATEMENT_REVISION_PUT);

	assert(revision <= INT64_MAX);
	query_bind_int(&q, (int64_t)revision);
	return query_change(&q);
}

coffer_err store_mark_get(struct store *store, store_mark mark, int64_t *at_ms)
{
	struct query q = query_start(store, STATEMENT_MARK_GET);
	coffer_err err;

	query_bind_int(&q, mark);
	err = query_row(&q);
	*at_ms = err == COFFER_OK ? query_read_int(&q) : 0;
	return err == COFFER_OK ? query_end(&q) : err;
}

coffer_err store_mark_put(struct store *store, store_mark mark, int64_t at_ms)
{
	struct query q = query_start(store, STATEMENT_MARK_PUT);

	query_bind_int(&q, mark);
	query_bind_int(&q, at_ms);
	return query_change(&q);
}

coffer_err store_anchor_get(struct store *store, struct store_anchor *anchor)
{
	struct query q = query_start(store, STATEMENT_ANCHOR_GET);
	coffer_err err;

	*anchor = (struct store_anchor){ 0 };
	if ((err = query_row(&q)) != COFFER_OK)
		return err;
	anchor->seq = query_read_u63(&q);
	query_read_array(&q, anchor->mac, sizeof(anchor->mac));
	anchor->line = query_read_slice(&q);
	if ((err = query_end(&q)) != COFFER_OK)
		*anchor = (struct store_anchor){ 0 };
	return err;
}

coffer_err store_anchor_put(struct store *store, const struct store_anchor *anchor)
{
	struct query q = query_start(store, STATEMENT_ANCHOR_PUT);

	assert(anchor->seq > 0 && anchor->seq <= INT64_MAX);
	query_bind_int(&q, (int64_t)anchor->seq);
	query_bind_blob(&q, (struct slice){ anchor->mac, sizeof(anchor->mac) });
	query_bind_blob(&q, anchor->line);
	return query_change(&q);
}
