/* What the store tells of itself: its counts are what counting would find. */
#include "test_store.h"

#include <sqlite3.h>

#define NAMES    6
#define SCOPES   3
#define CHANGES  400
#define PER_TURN 5

static uint32_t next(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 16;
}

/* One change like those of core, with its outcome passed over: there may be nothing to change. */
static void change(struct store *store, uint32_t *seed)
{
	const struct slice scopes[SCOPES] = { text("global"), text("run/x"), text("pipeline/p") };
	char name[2] = { (char)('A' + next(seed) % NAMES), '\0' };
	struct store_secret row = { .scope = scopes[next(seed) % SCOPES],
				    .name = text(name),
				    .sealed = text("sealed") };
	struct store_secret newest;
	uint32_t what = next(seed) % 8;
	coffer_err err = store_secret_latest(store, row.scope, row.name, &newest);

	row.version = err == COFFER_OK ? newest.version + 1 : 1;
	row.flags = what == 0 ? STORE_DELETED : 0;
	if (what < 5)
		must(store_secret_put(store, &row));
	else if (what == 5)
		must(store_secret_prune(store, row.scope, row.name, 2));
	else if (what == 6)
		assert_int_equal(store_secret_purge(store, row.scope, row.name), err);
	else if (next(seed) % 4 == 0)
		must(store_scope_purge(store, row.scope));
}

static int64_t count(const char *path, const char *sql)
{
	sqlite3_stmt *stmt;
	sqlite3 *db;
	int64_t number;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	number = sqlite3_column_int64(stmt, 0);
	assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	return number;
}

static void the_counts_are_what_counting_finds_after_any_changes(void **state)
{
	struct place place = place_make();
	struct store *store = store_make(place.path);
	struct store_stats stats;
	uint32_t seed = 7;

	(void)state;
	for (int i = 0; i < CHANGES; i++) {
		must(store_begin(store));
		for (int k = 0; k < PER_TURN; k++)
			change(store, &seed);
		if (next(&seed) % 3 == 0)
			store_rollback(store);
		else
			must(store_commit(store));
		if (i % 20 != 0)
			continue;
		must(store_stats(store, 0, &stats));
		store_close(store);
		assert_int_equal(stats.versions, count(place.path, "SELECT count(*) FROM secret"));
		assert_int_equal(
		    stats.secrets,
		    count(place.path,
			  "SELECT count(*) FROM (SELECT flags, max(version) FROM secret "
			  "GROUP BY scope, name) WHERE flags & 1 = 0"));
		store = store_again(place.path);
	}
	store_close(store);
	place_remove(&place);
}

static void put_run(struct store *store, const char *id, run_state run, int64_t expires_ms)
{
	struct store_run row = {
		.id = text(id), .pipeline = text("p"), .state = run, .expires_ms = expires_ms
	};

	must(store_run_put(store, &row));
}

static void put_service(struct store *store, const char *id, grant_end end, int64_t expires_ms)
{
	struct store_grant row = { .id = text(id),
				   .kind = GRANT_SERVICE,
				   .name = text(id),
				   .end = end,
				   .expires_ms = expires_ms };

	memcpy(row.token_hash, id, strlen(id));
	must(store_grant_put(store, &row));
}

static void what_has_ended_or_is_past_its_time_does_not_live(void **state)
{
	struct place place = place_make();
	struct store *store = store_make(place.path);
	struct store_stats stats;

	(void)state;
	must(store_begin(store));
	put_run(store, "a", RUN_PENDING, 1001);
	put_run(store, "b", RUN_ACTIVE, 1001);
	put_run(store, "c", RUN_ACTIVE, 1000);
	put_run(store, "d", RUN_FAILED, 1001);
	put_service(store, "e", GRANT_LIVE, 1001);
	put_service(store, "f", GRANT_LIVE, 1000);
	put_service(store, "g", GRANT_REVOKED, 1001);
	must(store_commit(store));
	must(store_stats(store, 1000, &stats));
	assert_int_equal(stats.runs_live, 2);
	assert_int_equal(stats.services_live, 1);
	assert_true(stats.bytes >= 4096);
	assert_string_equal(stats.engine, sqlite3_libversion());
	store_close(store);
	place_remove(&place);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_counts_are_what_counting_finds_after_any_changes),
		cmocka_unit_test(what_has_ended_or_is_past_its_time_does_not_live),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
