#include "test_store.h"

#include "store/sqlite/schema.h"

#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>

static coffer_err open_in(const char *path, store_mode mode)
{
	struct store *store = (struct store *)&store;
	pid_t holder = -1;
	coffer_err err = store_open(&store, path, mode, &holder);

	assert_true((err == COFFER_OK) == (store != NULL));
	assert_int_equal(holder, 0);
	store_close(store);
	return err;
}

static void run_sql(const char *path, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void write_file(const char *path, const void *data, size_t len)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static void a_store_is_made_once_and_opened_again(void **state)
{
	struct place place = place_make();

	(void)state;
	assert_int_equal(open_in(place.path, STORE_EXISTING), COFFER_NOT_FOUND);
	assert_int_equal(access(place.path, F_OK), -1);
	store_close(store_make(place.path));
	assert_int_equal(open_in(place.path, STORE_EXISTING), COFFER_OK);
	assert_int_equal(open_in(place.path, STORE_CREATE), COFFER_ALREADY_EXISTS);
	assert_int_equal(open_in(place.path, STORE_EXISTING), COFFER_OK);
	place_remove(&place);
}

static void a_creation_that_was_cut_short_can_be_repeated(void **state)
{
	struct place place = place_make();

	(void)state;
	write_file(place.path, "", 0); /* killed after the file was made */
	assert_int_equal(open_in(place.path, STORE_EXISTING), COFFER_NOT_FOUND);
	assert_int_equal(open_in(place.path, STORE_CREATE), COFFER_OK);
	/* killed before the identity was put */
	assert_int_equal(open_in(place.path, STORE_EXISTING), COFFER_NOT_FOUND);
	store_close(store_make(place.path));
	assert_int_equal(open_in(place.path, STORE_EXISTING), COFFER_OK);
	place_remove(&place);
}

static void a_store_in_memory_leaves_nothing(void **state)
{
	struct store *store = store_make(":memory:");
	uint64_t revision;

	(void)state;
	must(store_begin(store));
	must(store_revision_put(store, 7));
	must(store_commit(store));
	must(store_revision_get(store, &revision));
	assert_int_equal(revision, 7);
	store_close(store);
	assert_int_equal(access(":memory:", F_OK), -1);
	assert_int_equal(open_in(":memory:", STORE_EXISTING), COFFER_NOT_FOUND);
	store_close(NULL);
}

static void paths_that_are_no_place_for_a_store_are_refused(void **state)
{
	static const struct {
		const char *name;
		store_mode mode;
		coffer_err want;
	} cases[] = {
		{ "", STORE_EXISTING, COFFER_NOT_FOUND },
		{ "", STORE_CREATE, COFFER_NOT_FOUND },
		{ "/no/such/folder/x", STORE_EXISTING, COFFER_NOT_FOUND },
		{ "/no/such/folder/x", STORE_CREATE, COFFER_FAILED_PRECONDITION },
		{ "/", STORE_EXISTING, COFFER_FAILED_PRECONDITION },
		{ "/", STORE_CREATE, COFFER_FAILED_PRECONDITION },
	};

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++)
		assert_int_equal(open_in(cases[i].name, cases[i].mode), cases[i].want);
}

static void a_path_that_looks_like_a_uri_is_a_path(void **state)
{
	static const char path[] = "file:coffer?mode=memory";
	struct place place = place_make();
	int before = open(".", O_RDONLY | O_DIRECTORY);

	(void)state;
	assert_true(before >= 0);
	assert_int_equal(chdir(place.folder), 0);
	store_close(store_make(path));
	assert_int_equal(open_in(path, STORE_EXISTING), COFFER_OK);
	assert_int_equal(fchdir(before), 0);
	assert_int_equal(close(before), 0);
	place_remove(&place);
}

static mode_t mode_of(const struct place *place, const char *suffix)
{
	char path[128];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s%s", place->path, suffix);
	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static void the_files_are_the_owners_alone_whatever_the_umask(void **state)
{
	struct place place = place_make();
	mode_t mask = umask(0);
	struct store *store = store_make(place.path);

	(void)state;
	assert_int_equal(mode_of(&place, ""), 0600);
	assert_int_equal(mode_of(&place, "-wal"), 0600);
	umask(mask);
	store_close(store);
	place_remove(&place);
}

static void a_symbolic_link_in_the_path_is_refused(void **state)
{
	struct place place = place_make(), real = place_make();
	char behind[160];

	(void)state;
	store_close(store_make(real.path));
	assert_int_equal(symlink(real.path, place.path), 0);
	assert_int_equal(open_in(place.path, STORE_EXISTING), COFFER_FAILED_PRECONDITION);
	assert_int_equal(open_in(place.path, STORE_CREATE), COFFER_FAILED_PRECONDITION);
	assert_int_equal(unlink(place.path), 0);

	assert_int_equal(symlink(real.folder, place.path), 0);
	(void)snprintf(behind, sizeof(behind), "%s/coffer.db", place.path);
	assert_int_equal(open_in(behind, STORE_EXISTING), COFFER_FAILED_PRECONDITION);
	assert_int_equal(unlink(place.path), 0);

	(void)snprintf(behind, sizeof(behind), "%s/planted", real.folder);
	assert_int_equal(symlink(behind, place.path), 0);
	assert_int_equal(open_in(place.path, STORE_CREATE), COFFER_FAILED_PRECONDITION);
	assert_int_equal(access(behind, F_OK), -1);
	place_remove(&place);
	place_remove(&real);
}

static void a_file_that_is_not_ours_is_refused_and_left_alone(void **state)
{
	static const struct {
		const char *sql;
		coffer_err want;
	} cases[] = {
		{ "CREATE TABLE t (x)", COFFER_FAILED_PRECONDITION },
		{ "PRAGMA application_id = 42; CREATE TABLE t (x)", COFFER_FAILED_PRECONDITION },
		{ "PRAGMA user_version = 1", COFFER_FAILED_PRECONDITION },
		{ "PRAGMA journal_mode = WAL; CREATE TABLE t (x)", COFFER_FAILED_PRECONDITION },
	};

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		struct place place = place_make();
		char before[4096], after[4096];
		int fd;

		run_sql(place.path, cases[i].sql);
		assert_true((fd = open(place.path, O_RDONLY)) >= 0);
		assert_int_equal(pread(fd, before, sizeof(before), 0), sizeof(before));
		assert_int_equal(open_in(place.path, STORE_EXISTING), cases[i].want);
		assert_int_equal(open_in(place.path, STORE_CREATE), cases[i].want);
		assert_int_equal(pread(fd, after, sizeof(after), 0), sizeof(after));
		assert_memory_equal(before, after, sizeof(before));
		assert_int_equal(close(fd), 0);
		place_remove(&place);
	}
}

static void a_file_that_is_no_database_is_damage(void **state)
{
	struct place place = place_make();
	char junk[8192];

	(void)state;
	memset(junk, 'x', sizeof(junk));
	write_file(place.path, junk, sizeof(junk));
	assert_int_equal(open_in(place.path, STORE_EXISTING), COFFER_DATA_LOSS);
	assert_int_equal(open_in(place.path, STORE_CREATE), COFFER_DATA_LOSS);
	place_remove(&place);
}

static void a_newer_schema_is_refused(void **state)
{
	struct place place = place_make();
	char known[64];

	(void)state;
	store_close(store_make(place.path));
	run_sql(place.path, "PRAGMA user_version = 99");
	assert_int_equal(open_in(place.path, STORE_EXISTING), COFFER_FAILED_PRECONDITION);
	snprintf(known, sizeof(known), "PRAGMA user_version = %d", schema_version);
	run_sql(place.path, known);
	assert_int_equal(open_in(place.path, STORE_EXISTING), COFFER_OK);
	place_remove(&place);
}

/* A store as the first release made it, with one row of what a later schema adds to. */
static void a_store_of_the_first_schema_is_brought_up_to_date(void **state)
{
	struct place place = place_make();
	struct store_secret secret;
	struct store_stats stats;
	struct store_grant grant;
	struct store *store;

	(void)state;
	run_sql(place.path, schema_migrations[0]);
	run_sql(place.path,
		"PRAGMA application_id = 1131374194; PRAGMA user_version = 1;"
		"INSERT INTO identity VALUES (1, zeroblob(16), 1, 5);"
		"INSERT INTO secret VALUES ('global', 'A', 3, 0, 7, x'0102');"
		"INSERT INTO secret VALUES ('global', 'A', 2, 1, 7, x'');"
		"INSERT INTO secret VALUES ('global', 'B', 1, 0, 7, x'0102');"
		"INSERT INTO secret VALUES ('global', 'B', 2, 1, 7, x'');"
		"INSERT INTO grant VALUES ('g', 1, zeroblob(32), 'global', '', 0, 0, 1, 2, 0)");
	store = store_again(place.path);
	must(store_secret_latest(store, text("global"), text("A"), &secret));
	assert_int_equal(secret.version, 3);
	assert_int_equal(secret.expires_ms, 0);
	assert_int_equal(secret.note.len, 0);
	must(store_stats(store, 0, &stats));
	assert_int_equal(stats.secrets, 1);
	assert_int_equal(stats.versions, 4);
	must(store_grant_by_id(store, text("g"), &grant));
	assert_int_equal(grant.expires_ms, 2);
	assert_int_equal(grant.name.len, 0);
	assert_int_equal(grant.process.len, 0);
	store_close(store);
	place_remove(&place);
}

static void a_second_process_is_told_who_has_the_store(void **state)
{
	struct place place = place_make();
	struct store *store = store_make(place.path);
	pid_t holder, child;
	int ready[2];
	char byte;

	(void)state;
	store_close(store);
	assert_int_equal(pipe(ready), 0);
	if ((child = fork()) == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (store_open(&store, place.path, STORE_EXISTING, &holder) != COFFER_OK)
			_exit(1);
		(void)!write(ready[1], "x", 1);
		for (;;)
			pause();
	}
	assert_true(child > 0);
	assert_int_equal(close(ready[1]), 0);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	for (int mode = STORE_EXISTING; mode <= STORE_CREATE; mode++) {
		assert_int_equal(store_open(&store, place.path, (store_mode)mode, &holder),
				 COFFER_FAILED_PRECONDITION);
		assert_null(store);
		assert_int_equal(holder, child);
	}
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	store_close(store_again(place.path));
	assert_int_equal(close(ready[0]), 0);
	place_remove(&place);
}

static uint64_t revision_of(struct store *store)
{
	uint64_t revision = 0;

	must(store_revision_get(store, &revision));
	return revision;
}

static void a_rollback_leaves_nothing(void **state)
{
	struct place place = place_make();
	struct store *store = store_make(place.path);
	struct store_secret secret;

	(void)state;
	store_rollback(store); /* outside of a transaction */
	must(store_begin(store));
	must(put_secret(store, "global", "A", 1, text("sealed")));
	must(store_revision_put(store, 3));
	must(
	    store_secret_latest(store, text("global"), text("A"), &secret)); /* its row stays out */
	store_rollback(store);
	store_rollback(store);
	assert_int_equal(store_secret_latest(store, text("global"), text("A"), &secret),
			 COFFER_NOT_FOUND);
	assert_int_equal(revision_of(store), 0);
	must(store_begin(store));
	must(store_revision_put(store, 4));
	store_close(store); /* rolls back */
	store = store_again(place.path);
	assert_int_equal(revision_of(store), 0);
	store_close(store);
	place_remove(&place);
}

static void a_row_that_is_still_out_holds_up_nothing(void **state)
{
	struct place place = place_make();
	struct store *store = store_make(place.path);
	struct store_secret secret;

	(void)state;
	for (uint32_t i = 1; i <= 3; i++) {
		must(store_begin(store));
		must(put_secret(store, "global", "A", i, text("sealed")));
		must(store_secret_latest(store, text("global"), text("A"), &secret));
		assert_int_equal(secret.version, i);
		must(store_commit(store));
		must(store_secret_latest(store, text("global"), text("A"), &secret));
		assert_int_equal(secret.version, i);
	}
	store_close(store);
	place_remove(&place);
}

static void a_refused_row_spoils_no_transaction(void **state)
{
	struct store *store = store_make(":memory:");
	struct store_secret secret;

	(void)state;
	must(store_begin(store));
	must(put_secret(store, "global", "A", 1, text("first")));
	assert_int_equal(put_secret(store, "global", "A", 1, text("second")),
			 COFFER_ALREADY_EXISTS);
	must(put_secret(store, "global", "A", 2, text("third")));
	must(store_commit(store));
	must(store_secret_before(store, text("global"), text("A"), 2, &secret));
	assert_slice(secret.sealed, "first");
	store_close(store);
}

static void reads_between_writes_do_not_let_the_log_grow(void **state)
{
	struct place place = place_make();
	struct store *store = store_make(place.path);
	static uint8_t sealed[20000];
	struct store_secret secret;
	char log[128];
	struct stat st;

	(void)state;
	/* About 2,800 pages are written, 1,000 of which fill 4 MB of log. */
	for (uint32_t i = 1; i <= 350; i++) {
		must(store_begin(store));
		must(put_secret(store, "global", "A", i, (struct slice){ sealed, sizeof(sealed) }));
		must(store_secret_prune(store, text("global"), text("A"), 2));
		must(store_commit(store));
		must(store_secret_latest(store, text("global"), text("A"), &secret));
	}
	(void)snprintf(log, sizeof(log), "%s-wal", place.path);
	assert_int_equal(stat(log, &st), 0);
	assert_in_range(st.st_size, 1, 5000000);
	store_close(store);
	place_remove(&place);
}

static void a_commit_to_a_deleted_or_replaced_file_fails(void **state)
{
	(void)state;
	for (int replaced = 0; replaced < 2; replaced++) {
		struct place place = place_make();
		struct store *store = store_make(place.path);

		must(store_begin(store));
		must(store_revision_put(store, 9));
		assert_int_equal(unlink(place.path), 0);
		if (replaced)
			write_file(place.path, "", 0);
		assert_int_equal(store_commit(store), COFFER_INTERNAL);
		store_close(store);
		place_remove(&place);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_store_is_made_once_and_opened_again),
		cmocka_unit_test(a_creation_that_was_cut_short_can_be_repeated),
		cmocka_unit_test(a_store_in_memory_leaves_nothing),
		cmocka_unit_test(paths_that_are_no_place_for_a_store_are_refused),
		cmocka_unit_test(a_path_that_looks_like_a_uri_is_a_path),
		cmocka_unit_test(the_files_are_the_owners_alone_whatever_the_umask),
		cmocka_unit_test(a_symbolic_link_in_the_path_is_refused),
		cmocka_unit_test(a_file_that_is_not_ours_is_refused_and_left_alone),
		cmocka_unit_test(a_file_that_is_no_database_is_damage),
		cmocka_unit_test(a_newer_schema_is_refused),
		cmocka_unit_test(a_store_of_the_first_schema_is_brought_up_to_date),
		cmocka_unit_test(a_second_process_is_told_who_has_the_store),
		cmocka_unit_test(a_rollback_leaves_nothing),
		cmocka_unit_test(a_row_that_is_still_out_holds_up_nothing),
		cmocka_unit_test(a_refused_row_spoils_no_transaction),
		cmocka_unit_test(reads_between_writes_do_not_let_the_log_grow),
		cmocka_unit_test(a_commit_to_a_deleted_or_replaced_file_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
