#include "test_store.h"

#include "store/sqlite/failure.h"

static void every_code_comes_to_what_the_caller_must_do(void **state)
{
	static const struct {
		int rc;
		coffer_err want;
	} cases[] = {
		{ SQLITE_CONSTRAINT_PRIMARYKEY, COFFER_ALREADY_EXISTS },
		{ SQLITE_CONSTRAINT_UNIQUE, COFFER_ALREADY_EXISTS },
		{ SQLITE_CONSTRAINT_ROWID, COFFER_ALREADY_EXISTS },
		{ SQLITE_CONSTRAINT_CHECK, COFFER_INTERNAL },
		{ SQLITE_CONSTRAINT_NOTNULL, COFFER_INTERNAL },
		{ SQLITE_BUSY, COFFER_FAILED_PRECONDITION },
		{ SQLITE_BUSY_RECOVERY, COFFER_FAILED_PRECONDITION },
		{ SQLITE_LOCKED, COFFER_FAILED_PRECONDITION },
		{ SQLITE_FULL, COFFER_UNAVAILABLE },
		{ SQLITE_CORRUPT, COFFER_DATA_LOSS },
		{ SQLITE_CORRUPT_INDEX, COFFER_DATA_LOSS },
		{ SQLITE_NOTADB, COFFER_DATA_LOSS },
		{ SQLITE_TOOBIG, COFFER_DATA_LOSS },
		{ SQLITE_READONLY, COFFER_DATA_LOSS },
		{ SQLITE_READONLY_DBMOVED, COFFER_INTERNAL },
		{ SQLITE_IOERR_SHORT_READ, COFFER_DATA_LOSS },
		{ SQLITE_IOERR_READ, COFFER_INTERNAL },
		{ SQLITE_IOERR_WRITE, COFFER_INTERNAL },
		{ SQLITE_IOERR_FSYNC, COFFER_INTERNAL },
		{ SQLITE_IOERR_DIR_FSYNC, COFFER_INTERNAL },
		{ SQLITE_NOMEM, COFFER_INTERNAL },
		{ SQLITE_MISUSE, COFFER_INTERNAL },
		{ SQLITE_ERROR, COFFER_DATA_LOSS },
	};
	sqlite3 *db;

	(void)state;
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	for (size_t i = 0; i < CASES(cases); i++)
		assert_int_equal(failure_of(db, cases[i].rc, "test"), cases[i].want);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_comes_to_what_the_caller_must_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
