#include "store/sqlite/schema.h"

#include <string.h>

#include "base/log.h"
#include "store/sqlite/connection.h"
#include "store/sqlite/failure.h"

/* "Cofr", in the file's header, by which file(1) and we know our own. */
#define APPLICATION_ID 0x436f6672

coffer_err schema_recognise(sqlite3 *db, int64_t *version)
{
	int64_t application, objects;
	coffer_err err;

	*version = 0;
	if ((err = connection_number(db, "PRAGMA application_id", &application)) != COFFER_OK ||
	    (err = connection_number(db, "PRAGMA user_version", version)) != COFFER_OK ||
	    (err = connection_number(db, "SELECT count(*) FROM sqlite_schema", &objects)) !=
		COFFER_OK)
		return err;
	if (application == 0 && *version == 0 && objects == 0)
		return COFFER_OK;
	if (application != APPLICATION_ID || *version < 1) {
		log_error("database: the file is another program's");
		return COFFER_FAILED_PRECONDITION;
	}
	if (*version > schema_version) {
		log_error("database: its schema has version %lld, this program knows up to %d",
			  (long long)*version, schema_version);
		return COFFER_FAILED_PRECONDITION;
	}
	return COFFER_OK;
}

coffer_err schema_check(sqlite3 *db)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &stmt, NULL);
	coffer_err err = COFFER_OK;

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc != SQLITE_ROW) {
		err = failure_of(db, rc, "check");
	} else if (strcmp((const char *)sqlite3_column_text(stmt, 0), "ok") != 0) {
		log_error("database: it is damaged: %s", sqlite3_column_text(stmt, 0));
		err = COFFER_DATA_LOSS;
	}
	(void)sqlite3_finalize(stmt);
	return err;
}

static coffer_err migrate_one(sqlite3 *db, int number)
{
	char stamp[96];
	int rc;

	(void)sqlite3_snprintf((int)sizeof(stamp), stamp,
			       "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
			       APPLICATION_ID, number);
	if ((rc = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL)) == SQLITE_OK &&
	    (rc = sqlite3_exec(db, schema_migrations[number - 1], NULL, NULL, NULL)) == SQLITE_OK &&
	    (rc = sqlite3_exec(db, stamp, NULL, NULL, NULL)) == SQLITE_OK)
		return COFFER_OK;
	coffer_err err = failure_of(db, rc, "migration");
	if (!sqlite3_get_autocommit(db))
		(void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL); /* the first error counts */
	return err;
}

coffer_err schema_migrate(sqlite3 *db, int64_t version)
{
	coffer_err err = COFFER_OK;

	for (int i = (int)version + 1; i <= schema_version && err == COFFER_OK; i++)
		err = migrate_one(db, i);
	return err;
}
