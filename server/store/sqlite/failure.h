/* failure.h - from SQLite's codes to ours. Layer: store. */
#ifndef STORE_SQLITE_FAILURE_H
#define STORE_SQLITE_FAILURE_H

#include <coffer/error.h>
#include <sqlite3.h>

/* What the extended result code rc (no success) of the last call on db comes to; doing names the call in
 * the log, which gets everything but ALREADY_EXISTS. FAILED_PRECONDITION: another process has it locked.
 * After INTERNAL, closing db leaves its write-ahead log to the next start. */
COFFER_MUST_USE coffer_err failure_of(sqlite3 *db, int rc, const char *doing);

#endif
