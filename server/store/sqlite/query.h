/* query.h - one use of a prepared statement: bind in order, step, read in order. Layer: store.
 *
 * Statements are prepared at first use: a start needs few of them. Reads outside of a transaction share
 * one that stands until the next store_begin: nobody else writes, and to begin and end one for each read
 * costs more than the read. At most one statement has a row out, the last one used: the next use of any
 * closes it, so an open row never holds up a commit. A failed bind shows at the step; a column that has not
 * its form shows at the end of reading, as COFFER_DATA_LOSS. */
#ifndef STORE_SQLITE_QUERY_H
#define STORE_SQLITE_QUERY_H

#include <sqlite3.h>
#include <stdbool.h>

#include "store/sqlite/statements.h"
#include "store/store.h"

struct store {
	sqlite3 *db;
	sqlite3_stmt *open; /* the one with a row out, or NULL */
	bool in_tx;
	coffer_err tx_err; /* what has spoiled the open transaction */
	int log_frames;    /* pages in the write-ahead log after the last commit */
	bool scrub;        /* the log may hold what must not stay in the files */
	struct {
		int64_t secrets, versions;
	} added; /* by the open transaction, to what is counted */
	sqlite3_stmt *statements[STATEMENTS_LEN];
};

struct query {
	struct store *store;
	enum statement which;
	sqlite3_stmt *stmt;
	int bound;
	int read;
	int rc;       /* of the first call that failed */
	bool damaged; /* a column had not its form */
};

/* Frees every statement. */
void query_close_all(struct store *store);

/* Closes the row that is out, if there is one. */
void query_close(struct store *store);

/* Begins a use. Slices bound must live until the step; those read, until the next query_start. */
struct query query_start(struct store *store, enum statement which);
void query_bind_text(struct query *q, struct slice text);
void query_bind_blob(struct query *q, struct slice blob);
void query_bind_int(struct query *q, int64_t number);

/* COFFER_OK with a row out, COFFER_NOT_FOUND without. */
COFFER_MUST_USE coffer_err query_row(struct query *q);
/* Runs a change, inside a transaction. COFFER_NOT_FOUND if it changed no row. */
COFFER_MUST_USE coffer_err query_change(struct query *q);
/* Runs a statement that has neither parameters nor rows. */
COFFER_MUST_USE coffer_err query_run(struct store *store, enum statement which);

struct slice query_read_slice(struct query *q);
void query_read_array(struct query *q, uint8_t *out, size_t len);
int64_t query_read_int(struct query *q);
uint32_t query_read_u32(struct query *q);
uint64_t query_read_u63(struct query *q); /* SQLite's numbers have a sign */
/* COFFER_DATA_LOSS, logged, if anything that was read had not its form. */
COFFER_MUST_USE coffer_err query_end(const struct query *q);

#endif
