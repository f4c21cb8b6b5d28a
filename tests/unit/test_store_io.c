#include "test_store.h"

#include <errno.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* One fault: the call number at (from 1) fails with error. 0: none. With file set, only calls on the file
 * of that inode count. */
static struct fault {
	int at, error, calls;
	ino_t file;
} sync_fault, write_fault;

static bool strikes(struct fault *fault, int fd)
{
	struct stat st;

	if (fault->file != 0 && (fstat(fd, &st) != 0 || st.st_ino != fault->file))
		return false;
	if (++fault->calls != fault->at)
		return false;
	errno = fault->error;
	return true;
}

/* Stands before libc's for SQLite, too. It never syncs: no power is cut here. */
__attribute__((visibility("default"))) int fdatasync(int fd)
{
	return strikes(&sync_fault, fd) ? -1 : 0;
}

static ssize_t faulty_pwrite(int fd, const void *data, size_t len, off_t at)
{
	return strikes(&write_fault, fd) ? -1 : (ssize_t)syscall(SYS_pwrite64, fd, data, len, at);
}

static int install(void **state)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);

	(void)state;
	vfs->xSetSystemCall(vfs, "pwrite", (sqlite3_syscall_ptr)faulty_pwrite);
	vfs->xSetSystemCall(vfs, "pwrite64", (sqlite3_syscall_ptr)faulty_pwrite);
	return 0;
}

static int clear(void **state)
{
	(void)state;
	sync_fault = write_fault = (struct fault){ 0 };
	return 0;
}

static coffer_err put_version(struct store *store, uint32_t version)
{
	static uint8_t sealed[100000];
	coffer_err err;

	must(store_begin(store));
	err = put_secret(store, "global", "A", version, (struct slice){ sealed, sizeof(sealed) });
	if (err == COFFER_OK)
		err = store_secret_prune(store, text("global"), text("A"), 2);
	if (err == COFFER_OK)
		return store_commit(store);
	store_rollback(store);
	return err;
}

static uint32_t newest(struct store *store)
{
	struct store_secret secret;
	coffer_err err = store_secret_latest(store, text("global"), text("A"), &secret);

	assert_true(err == COFFER_OK || err == COFFER_NOT_FOUND);
	return secret.version;
}

static bool exists(const struct place *place, const char *suffix)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s%s", place->path, suffix);
	return access(path, F_OK) == 0;
}

#define VERSIONS 60 /* enough for the log to be merged once: 26 pages each */

/* Writes until a call fails, and returns the version of the last that did not. */
static uint32_t write_versions(struct store *store, coffer_err *err)
{
	uint32_t version = 0;

	while (version < VERSIONS && (*err = put_version(store, version + 1)) == COFFER_OK)
		version++;
	return version;
}

static void a_failed_sync_is_never_tried_again(void **state)
{
	int syncs = 0;

	(void)state;
	for (int at = 0; at <= syncs; at++) {
		struct place place = place_make();
		struct store *store = store_make(place.path);
		coffer_err err;
		uint32_t told, got;

		sync_fault = (struct fault){ .at = at, .error = EIO };
		told = write_versions(store, &err);
		assert_int_equal(err, at == 0 ? COFFER_OK : COFFER_INTERNAL);
		if (at == 0)
			syncs = sync_fault.calls; /* how many there are to fail */
		else
			assert_int_equal(sync_fault.calls, at);
		store_close(store);
		/* The log holds what the database may lack; a clean end merges it. */
		assert_int_equal(exists(&place, "-wal"), at != 0);
		if (at != 0)
			assert_int_equal(sync_fault.calls, at);

		store = store_again(place.path);
		got = newest(store);
		assert_in_range(got, told, told + 1);
		store_close(store);
		place_remove(&place);
	}
	assert_true(syncs > VERSIONS);
}

static void a_failed_write_leaves_what_was_committed(void **state)
{
	static const struct {
		int error;
		coffer_err want;
	} cases[] = {
		{ ENOSPC, COFFER_UNAVAILABLE },
		{ EDQUOT, COFFER_UNAVAILABLE },
		{ EIO, COFFER_INTERNAL },
	};

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		for (int at = 1; at <= 200; at += 13) {
			struct place place = place_make();
			struct store *store = store_make(place.path);
			coffer_err err;
			uint32_t told;

			write_fault = (struct fault){ .at = at, .error = cases[i].error };
			told = write_versions(store, &err);
			assert_int_equal(err, cases[i].want);
			assert_int_equal(newest(store), told);
			if (err == COFFER_UNAVAILABLE) /* the same connection goes on */
				must(put_version(store, ++told));
			store_close(store);
			store = store_again(place.path);
			assert_int_equal(newest(store), told);
			store_close(store);
			place_remove(&place);
		}
	}
}

static void want_of_room_for_merging_the_log_fails_no_commit(void **state)
{
	struct place place = place_make();
	struct store *store = store_make(place.path);
	coffer_err err;
	struct stat st;

	(void)state;
	assert_int_equal(stat(place.path, &st), 0);
	write_fault = (struct fault){ .at = 1, .error = ENOSPC, .file = st.st_ino };
	assert_int_equal(write_versions(store, &err), VERSIONS);
	assert_true(write_fault.calls > 1); /* it was merged later */
	assert_int_equal(newest(store), VERSIONS);
	store_close(store);
	place_remove(&place);
}

#define with_faults(test) cmocka_unit_test_setup_teardown(test, install, clear)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_faults(a_failed_sync_is_never_tried_again),
		with_faults(a_failed_write_leaves_what_was_committed),
		with_faults(want_of_room_for_merging_the_log_fails_no_commit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
