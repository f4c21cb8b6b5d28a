/* connection.h - opening one database file safely, for this process alone. Layer: store. */
#ifndef STORE_SQLITE_CONNECTION_H
#define STORE_SQLITE_CONNECTION_H

#include <sqlite3.h>
#include <stdbool.h>

#include "store/store.h"

/* Opens path for reading and writing and makes every setting of the connection but the journal mode;
 * STORE_CREATE makes an empty file first if there is none. COFFER_NOT_FOUND; COFFER_FAILED_PRECONDITION if it
 * cannot be opened or made, or is locked; COFFER_DATA_LOSS if it is no database. On error *out is NULL. */
COFFER_MUST_USE coffer_err connection_open(sqlite3 **out, const char *path, store_mode mode);

/* Turns the write-ahead log on, and takes the lock that lasts until the connection is closed. */
COFFER_MUST_USE coffer_err connection_lock(sqlite3 *db);

/* The process that has path locked, 0 if unknown; and whether one has. Only for a connection that failed to
 * lock it: asking drops this process's own locks on the file. */
pid_t connection_holder(const char *path);
bool connection_locked(const char *path, pid_t *holder);

/* The single number that sql yields. */
COFFER_MUST_USE coffer_err connection_number(sqlite3 *db, const char *sql, int64_t *number);

/* Whether the file is still where it was opened. */
COFFER_MUST_USE coffer_err connection_check_file(sqlite3 *db);

#endif
