#include "store/store.h"

#include "store/sqlite/query.h"

static struct query start_at(struct store *store, enum statement which, struct slice scope,
			     struct slice name)
{
	struct query q = query_start(store, which);

	query_bind_text(&q, scope);
	query_bind_text(&q, name);
	return q;
}

/* Deleting nothing is fine. */
static coffer_err change_any(struct query *q)
{
	coffer_err err = query_change(q);

	return err == COFFER_NOT_FOUND ? COFFER_OK : err;
}

/* Reads the columns behind the names. */
static coffer_err read_rest(struct query *q, struct store_secret *secret)
{
	coffer_err err;

	secret->version = query_read_u32(q);
	secret->flags = query_read_u32(q);
	secret->created_ms = query_read_int(q);
	secret->sealed = query_read_slice(q);
	secret->expires_ms = query_read_int(q);
	secret->note = query_read_slice(q);
	if ((err = query_end(q)) != COFFER_OK)
		*secret = (struct store_secret){ 0 };
	return err;
}

/* The names are those that were asked for: on the hot path SQLite need not copy them out. */
static coffer_err read_one(struct query *q, struct slice scope, struct slice name,
			   struct store_secret *secret)
{
	coffer_err err = query_row(q);

	*secret = (struct store_secret){ 0 };
	if (err != COFFER_OK)
		return err;
	secret->scope = scope;
	secret->name = name;
	return read_rest(q, secret);
}

/* COFFER_NOT_FOUND if there is none to delete. */
static coffer_err delete_versions(struct query *q)
{
	coffer_err err = query_change(q);

	if (err == COFFER_OK)
		q->store->added.versions -= sqlite3_changes(q->store->db);
	return err;
}

/* Whether the secret has a version that makes it count: the newest, unless it is a tombstone. */
static coffer_err is_counted(struct store *store, struct slice scope, struct slice name,
			     bool *counted)
{
	struct store_secret newest;
	coffer_err err = store_secret_latest(store, scope, name, &newest);

	*counted = err == COFFER_OK && (newest.flags & STORE_DELETED) == 0;
	return err == COFFER_NOT_FOUND ? COFFER_OK : err;
}

static coffer_err put(struct store *store, const struct store_secret *secret)
{
	struct query q = start_at(store, STATEMENT_SECRET_PUT, secret->scope, secret->name);

	query_bind_int(&q, secret->version);
	query_bind_int(&q, secret->flags);
	query_bind_int(&q, secret->created_ms);
	query_bind_blob(&q, secret->sealed);
	query_bind_int(&q, secret->expires_ms);
	query_bind_blob(&q, secret->note);
	return query_change(&q);
}

coffer_err store_secret_put(struct store *store, const struct store_secret *secret)
{
	bool before, after;
	coffer_err err;

	if ((err = is_counted(store, secret->scope, secret->name, &before)) != COFFER_OK ||
	    (err = put(store, secret)) != COFFER_OK ||
	    (err = is_counted(store, secret->scope, secret->name, &after)) != COFFER_OK)
		return err;
	store->added.versions++;
	store->added.secrets += after - before;
	return COFFER_OK;
}

coffer_err store_secret_reseal(struct store *store, const struct store_secret *secret)
{
	struct query q = query_start(store, STATEMENT_SECRET_RESEAL);

	query_bind_blob(&q, secret->sealed);
	query_bind_blob(&q, secret->note);
	query_bind_text(&q, secret->scope);
	query_bind_text(&q, secret->name);
	query_bind_int(&q, secret->version);
	return query_change(&q);
}

coffer_err store_secret_latest(struct store *store, struct slice scope, struct slice name,
			       struct store_secret *secret)
{
	struct query q = start_at(store, STATEMENT_SECRET_LATEST, scope, name);

	return read_one(&q, scope, name, secret);
}

coffer_err store_secret_before(struct store *store, struct slice scope, struct slice name,
			       uint32_t version, struct store_secret *secret)
{
	struct query q = start_at(store, STATEMENT_SECRET_BEFORE, scope, name);

	query_bind_int(&q, version);
	return read_one(&q, scope, name, secret);
}

coffer_err store_secret_next(struct store *store, struct slice scope, struct slice after_name,
			     struct store_secret *secret)
{
	struct query q = start_at(store, STATEMENT_SECRET_NEXT, scope, after_name);
	coffer_err err = query_row(&q);

	*secret = (struct store_secret){ 0 };
	if (err != COFFER_OK)
		return err;
	secret->scope = scope;
	secret->name = query_read_slice(&q);
	return read_rest(&q, secret);
}

coffer_err store_scope_next(struct store *store, struct slice after_scope, struct slice *scope)
{
	struct query q = query_start(store, STATEMENT_SCOPE_NEXT);
	coffer_err err;

	query_bind_text(&q, after_scope);
	err = query_row(&q);
	*scope = err == COFFER_OK ? query_read_slice(&q) : SLICE_EMPTY;
	return err == COFFER_OK ? query_end(&q) : err;
}

coffer_err store_secret_prune(struct store *store, struct slice scope, struct slice name,
			      uint32_t keep)
{
	struct query q = start_at(store, STATEMENT_SECRET_PRUNE, scope, name);
	coffer_err err;

	query_bind_int(&q, keep);
	err = delete_versions(&q);
	return err == COFFER_NOT_FOUND ? COFFER_OK : err;
}

coffer_err store_secret_purge(struct store *store, struct slice scope, struct slice name)
{
	struct query q;
	bool counted;
	coffer_err err = is_counted(store, scope, name, &counted);

	if (err != COFFER_OK)
		return err;
	q = start_at(store, STATEMENT_SECRET_PURGE, scope, name);
	if ((err = delete_versions(&q)) == COFFER_OK)
		store->added.secrets -= counted;
	return err;
}

coffer_err store_secret_erase(struct store *store, struct slice scope, struct slice name,
			      uint32_t first, uint32_t last)
{
	struct query q;
	bool before, after;
	coffer_err err = is_counted(store, scope, name, &before);

	if (err != COFFER_OK)
		return err;
	q = start_at(store, STATEMENT_SECRET_ERASE, scope, name);
	query_bind_int(&q, first);
	query_bind_int(&q, last);
	if ((err = delete_versions(&q)) != COFFER_OK)
		return err == COFFER_NOT_FOUND ? COFFER_OK : err;
	if ((err = is_counted(store, scope, name, &after)) == COFFER_OK)
		store->added.secrets += after - before;
	return err;
}

/* How many secrets of the scope count: a run's are few. */
static coffer_err count_scope(struct store *store, struct slice scope, int64_t *count)
{
	char name[COFFER_NAME_MAX];
	struct slice after = SLICE_EMPTY;
	struct store_secret row;
	coffer_err err;

	*count = 0;
	while ((err = store_secret_next(store, scope, after, &row)) == COFFER_OK) {
		if (row.name.len == 0 || row.name.len > sizeof(name))
			return COFFER_DATA_LOSS;
		*count += (row.flags & STORE_DELETED) == 0;
		memcpy(name, row.name.data, row.name.len);
		after = (struct slice){ (const uint8_t *)name, row.name.len };
	}
	return err == COFFER_NOT_FOUND ? COFFER_OK : err;
}

coffer_err store_scope_purge(struct store *store, struct slice scope)
{
	struct query q;
	int64_t counted;
	coffer_err err = count_scope(store, scope, &counted);

	if (err != COFFER_OK)
		return err;
	q = query_start(store, STATEMENT_SCOPE_PURGE);
	query_bind_text(&q, scope);
	err = delete_versions(&q);
	if (err != COFFER_OK && err != COFFER_NOT_FOUND)
		return err;
	store->added.secrets -= counted;
	q = query_start(store, STATEMENT_EXPIRY_PURGE);
	query_bind_text(&q, scope);
	return change_any(&q);
}

coffer_err store_expiry_put(struct store *store, struct slice scope, struct slice name,
			    int64_t at_ms)
{
	struct query q = start_at(store, at_ms > 0 ? STATEMENT_EXPIRY_PUT : STATEMENT_EXPIRY_DELETE,
				  scope, name);

	if (at_ms > 0)
		query_bind_int(&q, at_ms);
	return change_any(&q);
}

coffer_err store_expiry_next(struct store *store, struct store_expiry *expiry)
{
	struct query q = query_start(store, STATEMENT_EXPIRY_NEXT);
	coffer_err err = query_row(&q);

	*expiry = (struct store_expiry){ 0 };
	if (err != COFFER_OK)
		return err;
	expiry->scope = query_read_slice(&q);
	expiry->name = query_read_slice(&q);
	expiry->at_ms = query_read_int(&q);
	if ((err = query_end(&q)) != COFFER_OK)
		*expiry = (struct store_expiry){ 0 };
	return err;
}
