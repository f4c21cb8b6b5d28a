/* schema.h - what a database file is, and bringing it up to date. Layer: store.
 *
 * Migration n is the file NNN_*.sql of that number, and turns PRAGMA user_version n-1 into n. */
#ifndef STORE_SQLITE_SCHEMA_H
#define STORE_SQLITE_SCHEMA_H

#include <sqlite3.h>

#include "store/store.h"

/* Generated from the .sql files; the first is migration 1. */
extern const char *const schema_migrations[];
extern const int schema_version;

/* Reads the file's headers. COFFER_OK: ours, of version *version, or empty (0). COFFER_FAILED_PRECONDITION
 * if it is another program's or a newer coffer's (logged). */
COFFER_MUST_USE coffer_err schema_recognise(sqlite3 *db, int64_t *version);

/* COFFER_DATA_LOSS, with what is wrong logged, if the file is not well-formed. */
COFFER_MUST_USE coffer_err schema_check(sqlite3 *db);

/* Runs each migration above version, each in a transaction of its own. */
COFFER_MUST_USE coffer_err schema_migrate(sqlite3 *db, int64_t version);

#endif
