#include "store/store.h"

#include <assert.h>
#include <stdlib.h>

#include "base/log.h"
#include "store/sqlite/connection.h"
#include "store/sqlite/failure.h"
#include "store/sqlite/query.h"
#include "store/sqlite/schema.h"

/* Pages (of 4 KiB) in the write-ahead log at which it is moved into the database. */
#define CHECKPOINT_FRAMES 1000

static int note_frames(void *arg, sqlite3 *db, const char *name, int frames)
{
	struct store *store = arg;

	(void)db;
	(void)name;
	store->log_frames = frames;
	return SQLITE_OK;
}

/* Recognition comes before anything that would change a file that is not ours. */
static coffer_err prepare(struct store *store, store_mode mode)
{
	struct store_identity identity;
	int64_t version;
	coffer_err err;

	(void)sqlite3_wal_hook(store->db, note_frames, store);
	if ((err = schema_recognise(store->db, &version)) != COFFER_OK)
		return err;
	if (version == 0 && mode == STORE_EXISTING)
		return COFFER_NOT_FOUND;
	if ((err = connection_lock(store->db)) != COFFER_OK ||
	    (version > 0 && (err = schema_check(store->db)) != COFFER_OK) ||
	    (err = schema_migrate(store->db, version)) != COFFER_OK)
		return err;
	err = store_identity_get(store, &identity);
	if (mode == STORE_EXISTING)
		return err;
	if (err == COFFER_OK)
		return COFFER_ALREADY_EXISTS;
	return err == COFFER_NOT_FOUND ? COFFER_OK : err;
}

coffer_err store_open(struct store **out, const char *path, store_mode mode, pid_t *holder)
{
	struct store *store = calloc(1, sizeof(*store));
	coffer_err err;

	*out = NULL;
	*holder = 0;
	if (store == NULL)
		return COFFER_INTERNAL;
	if ((err = connection_open(&store->db, path, mode)) != COFFER_OK ||
	    (err = prepare(store, mode)) != COFFER_OK) {
		*holder = err == COFFER_FAILED_PRECONDITION ? connection_holder(path) : 0;
		goto out;
	}
	store->scrub = mode == STORE_EXISTING; /* one that was killed may not have come to it */
	*out = store;
	store = NULL;
out:
	store_close(store);
	return err;
}

void store_close(struct store *store)
{
	if (store == NULL)
		return;
	if (store->in_tx)
		store_rollback(store);
	query_close_all(store);
	if (sqlite3_close(store->db) != SQLITE_OK)
		log_error("database: closing: %s", sqlite3_errmsg(store->db));
	free(store);
}

coffer_err store_begin(struct store *store)
{
	coffer_err err;

	assert(!store->in_tx);
	if ((!sqlite3_get_autocommit(store->db) && /* the reads' */
	     (err = query_run(store, STATEMENT_COMMIT)) != COFFER_OK) ||
	    (err = query_run(store, STATEMENT_BEGIN)) != COFFER_OK)
		return err;
	store->in_tx = true;
	store->tx_err = COFFER_OK;
	store->added.secrets = store->added.versions = 0;
	return COFFER_OK;
}

/* SQLite's own checkpoint after a commit would hide a failed fsync and repeat it, and the repeat succeeds
 * though pages are lost. For want of room it is left to a later commit: the log has everything. After any other
 * failure nobody may be told that the commit has failed, for it has not: the next start finds it in the log. What is
 * deleted is overwritten in the database alone: to scrub, the log is emptied too. */
static coffer_err checkpoint(struct store *store)
{
	int mode = store->scrub ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE;
	int rc;
	coffer_err err;

	if (store->log_frames < CHECKPOINT_FRAMES && !store->scrub)
		return COFFER_OK;
	rc = sqlite3_wal_checkpoint_v2(store->db, NULL, mode, NULL, NULL);
	if (rc == SQLITE_OK) {
		store->scrub = false;
		return COFFER_OK;
	}
	err = failure_of(store->db, rc, "checkpoint");
	return err == COFFER_UNAVAILABLE ? COFFER_OK : COFFER_INTERNAL;
}

static coffer_err add_counts(struct store *store)
{
	struct query q;

	if (store->added.secrets == 0 && store->added.versions == 0)
		return COFFER_OK;
	q = query_start(store, STATEMENT_COUNTS_ADD);
	query_bind_int(&q, store->added.secrets);
	query_bind_int(&q, store->added.versions);
	return query_change(&q);
}

coffer_err store_commit(struct store *store)
{
	coffer_err err = store->tx_err;

	assert(store->in_tx);
	if (err != COFFER_OK || (err = connection_check_file(store->db)) != COFFER_OK ||
	    (err = add_counts(store)) != COFFER_OK ||
	    (err = query_run(store, STATEMENT_COMMIT)) != COFFER_OK) {
		store_rollback(store);
		return err;
	}
	store->in_tx = false;
	return checkpoint(store);
}

void store_rollback(struct store *store)
{
	query_close(store);
	/* Whatever ROLLBACK answers, the transaction is over; SQLite may have ended it before. */
	if (store->in_tx && !sqlite3_get_autocommit(store->db) &&
	    query_run(store, STATEMENT_ROLLBACK) != COFFER_OK)
		log_error("database: the roll-back left an error");
	store->in_tx = false;
	store->tx_err = COFFER_OK;
}
