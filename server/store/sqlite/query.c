#include "store/sqlite/query.h"

#include <assert.h>

#include "base/log.h"
#include "store/sqlite/failure.h"

#define QUERY_ROW(name, sql) { #name, sql, sizeof(sql) },
static const struct {
	const char *name, *sql;
	int size;
} texts[STATEMENTS_LEN] = { STATEMENTS(QUERY_ROW) };

/* sqlite3_finalize and _reset repeat the error of the step before, which has been dealt with. */
void query_close_all(struct store *store)
{
	for (int i = 0; i < STATEMENTS_LEN; i++)
		(void)sqlite3_finalize(store->statements[i]);
	store->open = NULL;
}

void query_close(struct store *store)
{
	if (store->open != NULL)
		(void)sqlite3_reset(store->open);
	store->open = NULL;
}

struct query query_start(struct store *store, enum statement which)
{
	int rc = SQLITE_OK;

	query_close(store);
	if (store->statements[which] == NULL)
		rc = sqlite3_prepare_v3(store->db, texts[which].sql, texts[which].size,
					SQLITE_PREPARE_PERSISTENT, &store->statements[which], NULL);
	return (struct query){
		.store = store, .which = which, .stmt = store->statements[which], .rc = rc
	};
}

static void keep_rc(struct query *q, int rc)
{
	if (q->rc == SQLITE_OK)
		q->rc = rc;
}

/* SQLite takes a null pointer for NULL, which is not the empty string. */
static const void *bytes_of(struct slice s)
{
	return s.data != NULL ? s.data : (const void *)"";
}

void query_bind_text(struct query *q, struct slice text)
{
	keep_rc(q, sqlite3_bind_text64(q->stmt, ++q->bound, bytes_of(text), text.len, SQLITE_STATIC,
				       SQLITE_UTF8));
}

void query_bind_blob(struct query *q, struct slice blob)
{
	keep_rc(q,
		sqlite3_bind_blob64(q->stmt, ++q->bound, bytes_of(blob), blob.len, SQLITE_STATIC));
}

void query_bind_int(struct query *q, int64_t number)
{
	keep_rc(q, sqlite3_bind_int64(q->stmt, ++q->bound, number));
}

static coffer_err fail(struct query *q, int rc)
{
	struct store *store = q->store;
	coffer_err err = failure_of(store->db, rc, texts[q->which].name);

	(void)sqlite3_reset(q->stmt);
	/* SQLite may have rolled back by itself: what follows must not be written on its own. */
	if (store->in_tx && err != COFFER_ALREADY_EXISTS)
		store->tx_err = err;
	return err;
}

static coffer_err step(struct query *q)
{
	int rc = q->rc != SQLITE_OK ? q->rc : sqlite3_step(q->stmt);

	if (rc == SQLITE_ROW) {
		q->store->open = q->stmt;
		return COFFER_OK;
	}
	if (rc != SQLITE_DONE)
		return fail(q, rc);
	(void)sqlite3_reset(q->stmt);
	return COFFER_NOT_FOUND;
}

coffer_err query_row(struct query *q)
{
	coffer_err err;

	if (sqlite3_get_autocommit(q->store->db) &&
	    (err = query_run(q->store, STATEMENT_READ)) != COFFER_OK)
		return err;
	return step(q);
}

coffer_err query_change(struct query *q)
{
	coffer_err err;

	assert(q->store->in_tx);
	if (q->store->tx_err != COFFER_OK)
		return q->store->tx_err;
	err = step(q);
	assert(err != COFFER_OK); /* a change has no rows */
	if (err != COFFER_NOT_FOUND)
		return err;
	return sqlite3_changes(q->store->db) > 0 ? COFFER_OK : COFFER_NOT_FOUND;
}

coffer_err query_run(struct store *store, enum statement which)
{
	struct query q = query_start(store, which);
	coffer_err err = step(&q);

	return err == COFFER_NOT_FOUND ? COFFER_OK : err;
}

struct slice query_read_slice(struct query *q)
{
	/* In this order: the length is that of the form that the pointer was asked for. */
	const void *data = sqlite3_column_blob(q->stmt, q->read);
	int len = sqlite3_column_bytes(q->stmt, q->read);

	q->read++;
	q->damaged |= len < 0 || (len > 0 && data == NULL);
	return q->damaged || len == 0 ? SLICE_EMPTY : (struct slice){ data, (size_t)len };
}

void query_read_array(struct query *q, uint8_t *out, size_t len)
{
	struct slice bytes = query_read_slice(q);

	q->damaged |= bytes.len != len;
	if (q->damaged)
		memset(out, 0, len);
	else if (len > 0)
		memcpy(out, bytes.data, len);
}

int64_t query_read_int(struct query *q)
{
	return sqlite3_column_int64(q->stmt, q->read++);
}

uint32_t query_read_u32(struct query *q)
{
	int64_t number = query_read_int(q);

	q->damaged |= number < 0 || number > UINT32_MAX;
	return q->damaged ? 0 : (uint32_t)number;
}

uint64_t query_read_u63(struct query *q)
{
	int64_t number = query_read_int(q);

	q->damaged |= number < 0;
	return q->damaged ? 0 : (uint64_t)number;
}

coffer_err query_end(const struct query *q)
{
	if (!q->damaged)
		return COFFER_OK;
	log_error("database: %s: a row is damaged", texts[q->which].name);
	return COFFER_DATA_LOSS;
}
