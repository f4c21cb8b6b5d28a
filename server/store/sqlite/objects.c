#include "store/store.h"

#include "store/sqlite/query.h"

static void bind_name(struct query *q, const uint8_t name[STORE_HASH_LEN])
{
	query_bind_blob(q, (struct slice){ name, STORE_HASH_LEN });
}

static coffer_err change_any(struct query *q)
{
	coffer_err err = query_change(q);

	return err == COFFER_NOT_FOUND ? COFFER_OK : err;
}

coffer_err store_object_put(struct store *store, const struct store_object *object)
{
	struct query q = query_start(store, STATEMENT_OBJECT_PUT);

	bind_name(&q, object->name);
	query_bind_int(&q, object->version);
	query_bind_int(&q, object->state);
	query_bind_blob(&q, (struct slice){ object->batch, sizeof(object->batch) });
	query_bind_int(&q, object->created_ms);
	return query_change(&q);
}

static coffer_err read_one(struct query *q, const uint8_t name[STORE_HASH_LEN],
			   struct store_object *object)
{
	coffer_err err = query_row(q);

	*object = (struct store_object){ .version = 0 };
	if (err != COFFER_OK)
		return err;
	memcpy(object->name, name, STORE_HASH_LEN);
	object->version = query_read_u32(q);
	object->state = (object_state)query_read_u32(q);
	query_read_array(q, object->batch, sizeof(object->batch));
	object->created_ms = query_read_int(q);
	if ((err = query_end(q)) != COFFER_OK)
		*object = (struct store_object){ .version = 0 };
	return err;
}

coffer_err store_object_before(struct store *store, const uint8_t name[STORE_HASH_LEN],
			       uint32_t version, struct store_object *object)
{
	struct query q = query_start(store, STATEMENT_OBJECT_BEFORE);

	bind_name(&q, name);
	query_bind_int(&q, version);
	return read_one(&q, name, object);
}

coffer_err store_object_first(struct store *store, const uint8_t name[STORE_HASH_LEN],
			      struct store_object *object)
{
	struct query q = query_start(store, STATEMENT_OBJECT_FIRST);

	bind_name(&q, name);
	return read_one(&q, name, object);
}

coffer_err store_object_erase(struct store *store, const uint8_t name[STORE_HASH_LEN],
			      uint32_t version)
{
	struct query q = query_start(store, STATEMENT_OBJECT_ERASE);

	bind_name(&q, name);
	query_bind_int(&q, version);
	return change_any(&q);
}

coffer_err store_object_count(struct store *store, uint64_t *count)
{
	struct query q = query_start(store, STATEMENT_OBJECT_COUNT);
	coffer_err err = query_row(&q);

	*count = err == COFFER_OK ? query_read_u63(&q) : 0;
	return err == COFFER_OK ? query_end(&q) : err;
}

coffer_err store_batch_put(struct store *store, const uint8_t id[STORE_BATCH_LEN])
{
	struct query q = query_start(store, STATEMENT_BATCH_PUT);

	query_bind_blob(&q, (struct slice){ id, STORE_BATCH_LEN });
	return query_change(&q);
}

coffer_err store_batch_get(struct store *store, const uint8_t id[STORE_BATCH_LEN])
{
	struct query q = query_start(store, STATEMENT_BATCH_GET);

	query_bind_blob(&q, (struct slice){ id, STORE_BATCH_LEN });
	return query_row(&q);
}
