#include "test_store.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#define ROUNDS 50

/* Writes versions from first on without an end, and tells each one's number once it is committed. */
static void write_versions(const char *path, uint32_t first, int tell)
{
	static uint8_t sealed[3000];
	struct store *store;
	pid_t holder;

	if (store_open(&store, path, STORE_EXISTING, &holder) != COFFER_OK)
		_exit(1);
	for (uint32_t version = first;; version++) {
		if (store_begin(store) != COFFER_OK ||
		    put_secret(store, "global", "A", version,
			       (struct slice){ sealed, sizeof(sealed) }) != COFFER_OK ||
		    store_secret_prune(store, text("global"), text("A"), 10) != COFFER_OK ||
		    store_revision_put(store, version) != COFFER_OK ||
		    store_commit(store) != COFFER_OK)
			_exit(1);
		if (write(tell, &version, sizeof(version)) != sizeof(version))
			_exit(1);
	}
}

/* Lets a child write until it has told enough numbers, kills it, and returns the last that it told. */
static uint32_t write_and_kill(const char *path, uint32_t first, int enough)
{
	uint32_t version = first - 1;
	int pipes[2], status;
	pid_t child;

	assert_int_equal(pipe(pipes), 0);
	if ((child = fork()) == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		write_versions(path, first, pipes[1]);
	}
	assert_true(child > 0);
	assert_int_equal(close(pipes[1]), 0);
	for (int i = 0; i < enough; i++)
		assert_int_equal(read(pipes[0], &version, sizeof(version)), sizeof(version));
	assert_int_equal(kill(child, SIGKILL), 0);
	while (read(pipes[0], &version, sizeof(version)) == sizeof(version))
		; /* what it told before it died */
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(close(pipes[0]), 0);
	return version;
}

static void what_was_committed_survives_a_kill(void **state)
{
	struct place place = place_make();
	uint32_t told = 0;

	(void)state;
	store_close(store_make(place.path));
	for (int round = 0; round < ROUNDS; round++) {
		struct store_secret secret;
		struct store *store;
		uint64_t revision;

		told = write_and_kill(place.path, told + 1, 1 + round * 7 % 23);
		store = store_again(place.path);
		must(store_secret_latest(store, text("global"), text("A"), &secret));
		/* The last commit may have come before the kill and its number not. */
		assert_in_range(secret.version, told, told + 1);
		assert_int_equal(secret.sealed.len, 3000);
		told = secret.version;
		/* A transaction is there whole or not at all. */
		must(store_revision_get(store, &revision));
		assert_int_equal(revision, told);
		for (uint32_t v = told; v > 1 && v + 9 > told; v--) {
			must(store_secret_before(store, text("global"), text("A"), v, &secret));
			assert_int_equal(secret.version, v - 1);
		}
		store_close(store);
	}
	place_remove(&place);
}

/* Lets a child make a store up to its n-th system call, and kills it there. False if it came to its end. */
static bool make_and_kill(const char *path, int n)
{
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0 || raise(SIGSTOP) != 0)
			_exit(1);
		store_close(store_make(path));
		_exit(0);
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	/* Two stops a call: before and after it. */
	for (int i = 0; i < 2 * n - 1 && WIFSTOPPED(status); i++) {
		assert_int_equal(ptrace(PTRACE_SYSCALL, child, NULL, NULL), 0);
		assert_int_equal(waitpid(child, &status, 0), child);
	}
	if (WIFSTOPPED(status)) {
		assert_int_equal(kill(child, SIGKILL), 0);
		assert_int_equal(waitpid(child, &status, 0), child);
	}
	return WIFSIGNALED(status);
}

static void a_creation_that_is_killed_at_any_system_call_can_be_repeated(void **state)
{
	bool killed = true;
	int unfinished = 0;

	(void)state;
	for (int n = 1; killed; n++) {
		struct place place = place_make();
		struct store *store;
		pid_t holder;
		coffer_err err;

		killed = make_and_kill(place.path, n);
		err = store_open(&store, place.path, STORE_EXISTING, &holder);
		if (err != COFFER_OK) {
			assert_int_equal(err, COFFER_NOT_FOUND);
			store = store_make(place.path);
			unfinished++;
		}
		store_close(store);
		place_remove(&place);
	}
	assert_true(unfinished > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_committed_survives_a_kill),
		cmocka_unit_test(a_creation_that_is_killed_at_any_system_call_can_be_repeated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
