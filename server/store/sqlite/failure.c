#include "store/sqlite/failure.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/log.h"

/* The last system error on the write-ahead log, else on the database. sqlite3_system_errno knows nothing of
 * a failed COMMIT. */
static int errno_of(sqlite3 *db)
{
	sqlite3_file *log = NULL;
	int cause = 0;

	(void)sqlite3_file_control(db, NULL, SQLITE_FCNTL_JOURNAL_POINTER, &log);
	if (log != NULL && log->pMethods != NULL)
		(void)log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &cause);
	if (cause == 0)
		(void)sqlite3_file_control(db, NULL, SQLITE_FCNTL_LAST_ERRNO, &cause);
	return cause;
}

/* Only a write that found no room may be tried again. After a failed fsync the kernel may have dropped
 * the pages and calls the next one a success, whatever the reason of the first was. */
static bool is_no_room(sqlite3 *db, int rc)
{
	int cause;

	if ((rc & 0xff) == SQLITE_FULL)
		return true;
	if (rc != SQLITE_IOERR_WRITE) /* ENOSPC is SQLITE_FULL already, EDQUOT is not */
		return false;
	cause = errno_of(db);
	return cause == ENOSPC || cause == EDQUOT;
}

static coffer_err classify(sqlite3 *db, int rc)
{
	if (is_no_room(db, rc))
		return COFFER_UNAVAILABLE;
	switch (rc) {
	case SQLITE_CONSTRAINT_PRIMARYKEY:
	case SQLITE_CONSTRAINT_ROWID:
	case SQLITE_CONSTRAINT_UNIQUE:
		return COFFER_ALREADY_EXISTS;
	case SQLITE_IOERR_CORRUPTFS:
	case SQLITE_IOERR_DATA:
	case SQLITE_IOERR_SHORT_READ:
	case SQLITE_READONLY: /* its header says so: a file that may not be written is refused at open */
		return COFFER_DATA_LOSS;
	}
	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
		return COFFER_FAILED_PRECONDITION;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_TOOBIG: /* the limit is above anything that is ever written */
	case SQLITE_ERROR:  /* no statement of ours is wrong for a sound schema */
		return COFFER_DATA_LOSS;
	default:
		return COFFER_INTERNAL;
	}
}

coffer_err failure_of(sqlite3 *db, int rc, const char *doing)
{
	coffer_err err = classify(db, rc);

	if (err == COFFER_ALREADY_EXISTS)
		return err;
	/* Closing would merge the log into the database, sync that again, be told that all is well, and
	 * delete what may be the only whole copy. The next start reads the log. */
	if (err == COFFER_INTERNAL)
		(void)sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	if ((rc & 0xff) == SQLITE_IOERR)
		log_error("database: %s: %s (code %d): %s", doing, sqlite3_errstr(rc), rc,
			  strerror(errno_of(db)));
	else
		log_error("database: %s: %s (code %d)", doing, sqlite3_errmsg(db), rc);
	return err;
}
