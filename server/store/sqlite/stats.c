#include "store/store.h"

#include "store/sqlite/connection.h"
#include "store/sqlite/query.h"
#include "store/sqlite/schema.h"

static coffer_err read_counts(struct store *store, struct store_stats *stats)
{
	struct query q = query_start(store, STATEMENT_COUNTS_GET);
	coffer_err err;

	if ((err = query_row(&q)) != COFFER_OK)
		return err;
	stats->secrets = query_read_u63(&q);
	stats->versions = query_read_u63(&q);
	return query_end(&q);
}

static coffer_err count_live(struct store *store, enum statement which, int64_t now_ms,
			     uint64_t *count)
{
	struct query q = query_start(store, which);
	coffer_err err;

	query_bind_int(&q, now_ms);
	if ((err = query_row(&q)) != COFFER_OK)
		return err;
	*count = query_read_u63(&q);
	return query_end(&q);
}

/* 0 for what is in memory. */
static uint64_t file_bytes(struct store *store, int which)
{
	sqlite3_file *file = NULL;
	sqlite3_int64 size = 0;

	if (sqlite3_file_control(store->db, "main", which, &file) != SQLITE_OK || file == NULL ||
	    file->pMethods == NULL || file->pMethods->xFileSize(file, &size) != SQLITE_OK)
		return 0;
	return size > 0 ? (uint64_t)size : 0;
}

coffer_err store_stats(struct store *store, int64_t now_ms, struct store_stats *stats)
{
	coffer_err err;

	*stats = (struct store_stats){ .schema = (uint32_t)schema_version,
				       .engine = sqlite3_libversion() };
	stats->bytes = file_bytes(store, SQLITE_FCNTL_FILE_POINTER) +
		       file_bytes(store, SQLITE_FCNTL_JOURNAL_POINTER);
	if ((err = read_counts(store, stats)) != COFFER_OK ||
	    (err = count_live(store, STATEMENT_RUNS_LIVE, now_ms, &stats->runs_live)) != COFFER_OK)
		return err;
	return count_live(store, STATEMENT_SERVICES_LIVE, now_ms, &stats->services_live);
}
