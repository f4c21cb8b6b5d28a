#include "test_store.h"

#include <sqlite3.h>

#include "store/sqlite/statements.h"

/* The first step of the plan that reads a whole table or index or sorts, or NULL. The caller frees it. */
static char *find_slow_step(sqlite3 *db, const char *sql)
{
	char *explain = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", sql);
	sqlite3_stmt *stmt;
	char *found = NULL;

	assert_int_equal(sqlite3_prepare_v2(db, explain, -1, &stmt, NULL), SQLITE_OK);
	while (found == NULL && sqlite3_step(stmt) == SQLITE_ROW) {
		const char *step = (const char *)sqlite3_column_text(stmt, 3);

		if (strncmp(step, "SCAN", 4) == 0 || strstr(step, "TEMP B-TREE") != NULL ||
		    strstr(step, "AUTOMATIC") != NULL)
			found = sqlite3_mprintf("%s", step);
	}
	assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
	sqlite3_free(explain);
	return found;
}

static sqlite3 *open_schema(struct place *place)
{
	sqlite3 *db;

	*place = place_make();
	store_close(store_make(place->path));
	assert_int_equal(sqlite3_open(place->path, &db), SQLITE_OK);
	return db;
}

static void no_statement_scans_or_sorts(void **state)
{
#define PLAN_ROW(name, sql) { #name, sql },
	static const struct {
		const char *name, *sql;
	} all[] = { STATEMENTS(PLAN_ROW) };
	struct place place;
	sqlite3 *db = open_schema(&place);

	(void)state;
	for (size_t i = 0; i < CASES(all); i++) {
		char *step = find_slow_step(db, all[i].sql);

		if (step != NULL)
			fail_msg("%s: %s", all[i].name, step);
	}
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	place_remove(&place);
}

static void a_plan_that_scans_or_sorts_is_seen(void **state)
{
	static const char *const slow[] = {
		"SELECT sealed FROM secret WHERE name = ?",
		"SELECT scope FROM secret ORDER BY created_ms LIMIT 1",
		"SELECT id FROM run WHERE pipeline = ? AND ref = ?",
		"SELECT name FROM secret WHERE scope = ? ORDER BY name, version LIMIT 1",
	};
	struct place place;
	sqlite3 *db = open_schema(&place);

	(void)state;
	for (size_t i = 0; i < CASES(slow); i++) {
		char *step = find_slow_step(db, slow[i]);

		assert_non_null(step);
		sqlite3_free(step);
	}
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	place_remove(&place);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_statement_scans_or_sorts),
		cmocka_unit_test(a_plan_that_scans_or_sorts_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
