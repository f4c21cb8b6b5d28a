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

coffer_err store_secret_put(struct store *store, const struct store_secret *secret)
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

	query_bind_int(&q, keep);
	return change_any(&q);
}

coffer_err store_secret_purge(struct store *store, struct slice scope, struct slice name)
{
	struct query q = start_at(store, STATEMENT_SECRET_PURGE, scope, name);

	return query_change(&q);
}

static coffer_err purge_scope_of(struct store *store, enum statement which, struct slice scope)
{
	struct query q = query_start(store, which);

	query_bind_text(&q, scope);
	return change_any(&q);
}

coffer_err store_scope_purge(struct store *store, struct slice scope)
{
	coffer_err err = purge_scope_of(store, STATEMENT_SCOPE_PURGE, scope);

	return err == COFFER_OK ? purge_scope_of(store, STATEMENT_EXPIRY_PURGE, scope) : err;
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
