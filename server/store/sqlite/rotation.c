#include "store/store.h"

#include "store/sqlite/query.h"

coffer_err store_rotation_get(struct store *store, struct store_rotation *rotation)
{
	struct query q = query_start(store, STATEMENT_ROTATION_GET);
	coffer_err err;

	*rotation = (struct store_rotation){ 0 };
	if ((err = query_row(&q)) != COFFER_OK)
		return err;
	rotation->stage = query_read_u32(&q);
	rotation->scope = query_read_slice(&q);
	rotation->name = query_read_slice(&q);
	rotation->run = query_read_slice(&q);
	if ((err = query_end(&q)) != COFFER_OK)
		*rotation = (struct store_rotation){ 0 };
	return err;
}

coffer_err store_rotation_put(struct store *store, const struct store_rotation *rotation)
{
	struct query q = query_start(store, STATEMENT_ROTATION_PUT);

	query_bind_int(&q, rotation->stage);
	query_bind_text(&q, rotation->scope);
	query_bind_text(&q, rotation->name);
	query_bind_text(&q, rotation->run);
	return query_change(&q);
}

coffer_err store_rotation_delete(struct store *store)
{
	struct query q = query_start(store, STATEMENT_ROTATION_DELETE);

	return query_change(&q);
}

coffer_err store_lasting_get(struct store *store, struct slice *sealed)
{
	struct query q = query_start(store, STATEMENT_LASTING_GET);
	coffer_err err = query_row(&q);

	*sealed = err == COFFER_OK ? query_read_slice(&q) : SLICE_EMPTY;
	return err == COFFER_OK ? query_end(&q) : err;
}

coffer_err store_lasting_put(struct store *store, struct slice sealed)
{
	struct query q = query_start(store, STATEMENT_LASTING_PUT);

	query_bind_blob(&q, sealed);
	return query_change(&q);
}
