/* From a key file or a passphrase to an open keyring. */
#include "passphrase.h"
#include "unlock.h"

#include "home_test.h"

#define ARENA (1u << 20)

/* A place with an empty store, and what opens it. */
struct lock {
	struct arena *arena;
	struct store *store;
	struct keyring *keyring;
	struct paths paths;
	struct config config;
	const char *told; /* by the last call */
};

static const uint8_t uuid[KEYRING_STORE_UUID_LEN] = "a store's uuid";

static struct lock lock_make(const struct home *home)
{
	struct lock lock = { .config = { .action = CONFIG_SERVE } };
	pid_t holder;

	must(arena_create(&lock.arena, ARENA, true));
	must(store_open(&lock.store, ":memory:", STORE_CREATE, &holder));
	must(keyring_create(&lock.keyring, lock.arena, uuid));
	must(paths_find(&lock.paths, home->folder));
	return lock;
}

static void lock_free(struct lock *lock)
{
	keyring_destroy(lock->keyring);
	assert_int_equal(arena_used(lock->arena), 0); /* no key or passphrase is left behind */
	store_close(lock->store);
	arena_destroy(lock->arena);
	paths_free(&lock->paths);
}

static coffer_err make_slot(struct lock *lock)
{
	int saved = told_begin();
	coffer_err err;

	must(store_begin(lock->store));
	err = unlock_make(lock->keyring, lock->store, lock->arena, &lock->config, &lock->paths);
	if (err == COFFER_OK)
		must(store_commit(lock->store));
	else
		store_rollback(lock->store);
	lock->told = told_end(saved);
	return err;
}

/* Opens the store with an empty keyring, as the next start does. */
static coffer_err open_again(struct lock *lock)
{
	int saved = told_begin();
	coffer_err err;

	keyring_destroy(lock->keyring);
	must(keyring_create(&lock->keyring, lock->arena, uuid));
	err = unlock_open(lock->keyring, lock->store, lock->arena, &lock->config, &lock->paths);
	lock->told = told_end(saved);
	return err;
}

static void assert_told(const struct lock *lock, const char *want)
{
	if (strstr(lock->told, want) == NULL)
		fail_msg("%s is not in: %s", want, lock->told);
	assert_null(strstr(lock->told, "correct horse"));
}

/* Cheap parameters would be refused, so passphrases cost their time here. */
static void copy_key(const struct lock *lock, uint8_t key[KEYRING_KEY_LEN])
{
	const uint8_t *made = keyring_key(lock->keyring, KEY_RECORD, 1);

	assert_non_null(made);
	memcpy(key, made, KEYRING_KEY_LEN);
}

static void a_key_file_is_made_and_opens_the_store(void **state)
{
	struct lock lock = lock_make(*state);
	uint8_t key[KEYRING_KEY_LEN];
	struct stat st;

	must(make_slot(&lock));
	copy_key(&lock, key);
	assert_int_equal(stat(lock.paths.key, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, KEYRING_KEY_LEN);
	must(open_again(&lock));
	assert_memory_equal(keyring_key(lock.keyring, KEY_RECORD, 1), key, sizeof(key));
	assert_string_equal(lock.told, "");
	lock_free(&lock);
}

/* An init that was cut off behind the key must not need a hand to be repeated. */
static void a_key_file_that_is_there_is_used(void **state)
{
	const struct home *home = *state;
	struct lock first = lock_make(home), second;

	must(make_slot(&first));
	lock_free(&first);
	second = lock_make(home);
	must(make_slot(&second));
	must(open_again(&second));
	lock_free(&second);
}

static void a_key_file_can_be_somewhere_else(void **state)
{
	const struct home *home = *state;
	struct lock lock = lock_make(home);
	char path[160], folder[128];

	snprintf(path, sizeof(path), "%s/elsewhere", home->folder);
	lock.config.key_file = path;
	must(make_slot(&lock));
	assert_int_equal(access(lock.paths.key, F_OK), -1);
	must(open_again(&lock));
	/* As a credential of the service manager; but not instead of what is configured. */
	snprintf(folder, sizeof(folder), "%s/credentials", home->folder);
	assert_int_equal(mkdir(folder, 0700), 0);
	setenv("CREDENTIALS_DIRECTORY", folder, 1);
	must(open_again(&lock));
	lock.config.key_file = NULL;
	assert_int_equal(open_again(&lock), COFFER_NOT_FOUND);
	snprintf(folder, sizeof(folder), "%s/credentials/coffer.key", home->folder);
	assert_int_equal(rename(path, folder), 0);
	must(open_again(&lock));
	lock_free(&lock);
}

/* Makes a store with that credential and opens it: with it alone, but not instead of what is configured. */
static void assert_credential_serves(const struct home *home, const char *credential)
{
	static const char right[] = "0123456789abcdef0123456789abcdef";
	static const char wrong[] = "fedcba9876543210fedcba9876543210";
	struct lock lock = lock_make(home);
	char name[64], configured[160];

	snprintf(name, sizeof(name), "credentials/%s", credential);
	strcpy(configured, home_file(home, "configured", right, 0600));
	home_file(home, name, right, 0600);
	must(make_slot(&lock));
	assert_int_equal(access(lock.paths.key, F_OK), -1);
	must(open_again(&lock));
	home_file(home, name, wrong, 0600);
	assert_int_equal(open_again(&lock), COFFER_PERMISSION_DENIED);
	lock.config.key_file = lock.config.passphrase_file = configured;
	must(open_again(&lock));
	lock_free(&lock);
	assert_int_equal(unlink(home_file(home, name, "", 0600)), 0);
}

/* They make a store too: else the next start would try them on a store that was made with another key. */
static void credentials_make_a_store_and_open_it(void **state)
{
	const struct home *home = *state;
	char folder[128];

	snprintf(folder, sizeof(folder), "%s/credentials", home->folder);
	assert_int_equal(mkdir(folder, 0700), 0);
	setenv("CREDENTIALS_DIRECTORY", folder, 1);
	assert_credential_serves(home, "coffer.key");
	assert_credential_serves(home, "coffer.passphrase");
}

static void a_key_that_does_not_fit_is_told(void **state)
{
	static const struct {
		const char *content;
		mode_t mode;
		coffer_err want;
		const char *told;
	} cases[] = {
		{ NULL, 0, COFFER_NOT_FOUND, "there is no key file" },
		{ "0123456789abcdef0123456789abcdef", 0600, COFFER_PERMISSION_DENIED,
		  "the key file is not this store's" },
		{ "0123456789abcdef0123456789abcdef", 0644, COFFER_PERMISSION_DENIED,
		  "its group or others have access" },
		{ "0123456789abcdef0123456789abcdef", 0640, COFFER_PERMISSION_DENIED,
		  "its group or others have access" },
		{ "", 0600, COFFER_DATA_LOSS, "does not hold a key of 32 bytes" },
		{ "0123456789abcdef0123456789abcde", 0600, COFFER_DATA_LOSS,
		  "does not hold a key of 32 bytes" },
		{ "0123456789abcdef0123456789abcdef\n", 0600, COFFER_DATA_LOSS,
		  "does not hold a key of 32 bytes" },
	};
	const struct home *home = *state;
	struct lock lock = lock_make(home);

	must(make_slot(&lock));
	assert_int_equal(unlink(lock.paths.key), 0);
	for (size_t i = 0; i < CASES(cases); i++) {
		if (cases[i].content != NULL)
			home_file(home, "key", cases[i].content, cases[i].mode);
		assert_int_equal(open_again(&lock), cases[i].want);
		assert_told(&lock, cases[i].told);
		assert_int_equal(keyring_epoch(lock.keyring), 0);
	}
	assert_int_equal(unlink(lock.paths.key), 0);
	assert_int_equal(symlink("/dev/zero", lock.paths.key), 0);
	assert_int_equal(open_again(&lock), COFFER_PERMISSION_DENIED);
	lock_free(&lock);
}

static void a_passphrase_comes_from_a_file_or_the_variable(void **state)
{
	const struct home *home = *state;
	struct lock lock = lock_make(home);
	char path[160], value[] = "correct horse";

	snprintf(path, sizeof(path), "%s",
		 home_file(home, "passphrase", "correct horse\r\n", 0600));
	lock.config.passphrase_file = path;
	must(make_slot(&lock));
	assert_int_equal(access(lock.paths.key, F_OK), -1);
	must(open_again(&lock));
	lock.config.passphrase_file = NULL;
	setenv("COFFER_PASSPHRASE", value, 1);
	must(open_again(&lock));
	assert_null(getenv("COFFER_PASSPHRASE"));
	/* The variable comes first. */
	setenv("COFFER_PASSPHRASE", "correct house", 1);
	lock.config.passphrase_file = path;
	assert_int_equal(open_again(&lock), COFFER_PERMISSION_DENIED);
	assert_told(&lock, "the passphrase is wrong");
	lock_free(&lock);
}

/* Where /proc/PID/environ would show it. */
static void the_variable_is_erased_and_not_only_unset(void **state)
{
	char *value;

	(void)state;
	setenv("COFFER_PASSPHRASE", "correct horse", 1);
	value = getenv("COFFER_PASSPHRASE");
	passphrase_erase_variable();
	assert_null(getenv("COFFER_PASSPHRASE"));
	for (size_t i = 0; i < sizeof("correct horse"); i++)
		assert_int_equal(value[i], 0);
	passphrase_erase_variable();
}

static void a_passphrase_that_cannot_be_used_is_told(void **state)
{
	static const struct {
		const char *content;
		mode_t mode;
		coffer_err want;
		const char *told;
	} cases[] = {
		{ "", 0600, COFFER_INVALID_ARGUMENT, "the passphrase is empty" },
		{ "\n\r\n", 0600, COFFER_INVALID_ARGUMENT, "the passphrase is empty" },
		{ "correct horse", 0604, COFFER_PERMISSION_DENIED, "passphrase" },
	};
	const struct home *home = *state;
	struct lock lock = lock_make(home);
	char path[160], longer[5000];

	for (size_t i = 0; i < CASES(cases); i++) {
		snprintf(path, sizeof(path), "%s",
			 home_file(home, "passphrase", cases[i].content, cases[i].mode));
		lock.config.passphrase_file = path;
		keyring_destroy(lock.keyring);
		must(keyring_create(&lock.keyring, lock.arena, uuid));
		assert_int_equal(make_slot(&lock), cases[i].want);
		assert_told(&lock, cases[i].told);
	}
	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	home_file(home, "passphrase", longer, 0600);
	keyring_destroy(lock.keyring);
	must(keyring_create(&lock.keyring, lock.arena, uuid));
	assert_int_equal(make_slot(&lock), COFFER_INVALID_ARGUMENT);
	assert_told(&lock, "at most 4096 bytes");
	assert_int_equal(unlink(path), 0);
	keyring_destroy(lock.keyring);
	must(keyring_create(&lock.keyring, lock.arena, uuid));
	assert_int_equal(make_slot(&lock), COFFER_NOT_FOUND); /* and no key file instead */
	assert_int_equal(access(lock.paths.key, F_OK), -1);
	lock_free(&lock);
}

static void damaged_slots_are_told(void **state)
{
	const struct home *home = *state;
	static const uint8_t bytes[64];
	struct store_slot row = { .id = 1,
				  .epoch = 1,
				  .kind = SLOT_KEY_FILE,
				  .params = { bytes, 24 },
				  .nonce = { bytes, KEYRING_NONCE_LEN },
				  .commitment = { bytes, 7 },
				  .wrapped = { bytes, KEYRING_WRAPPED_LEN } };
	struct lock lock = lock_make(home);

	assert_int_equal(open_again(&lock), COFFER_NOT_FOUND);
	assert_told(&lock, "no key opens the store");
	must(store_begin(lock.store));
	must(store_slot_put(lock.store, &row));
	must(store_commit(lock.store));
	assert_int_equal(open_again(&lock), COFFER_DATA_LOSS);
	assert_told(&lock, "damaged");
	/* A passphrase slot that asks for all memory there is. */
	must(store_begin(lock.store));
	must(store_slot_delete(lock.store, 1));
	row.commitment.len = KEYRING_COMMITMENT_LEN;
	row.kind = SLOT_PASSPHRASE;
	row.params = TEXT("\xff\xff\xff\xff\xff\xff\xff\xff"
			  "0123456789abcdef");
	must(store_slot_put(lock.store, &row));
	must(store_commit(lock.store));
	setenv("COFFER_PASSPHRASE", "correct horse", 1);
	assert_int_equal(open_again(&lock), COFFER_DATA_LOSS);
	assert_told(&lock, "out of bounds");
	lock_free(&lock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_HOME(a_key_file_is_made_and_opens_the_store),
		IN_A_HOME(a_key_file_that_is_there_is_used),
		IN_A_HOME(a_key_file_can_be_somewhere_else),
		IN_A_HOME(credentials_make_a_store_and_open_it),
		IN_A_HOME(a_key_that_does_not_fit_is_told),
		IN_A_HOME(a_passphrase_comes_from_a_file_or_the_variable),
		IN_A_HOME(the_variable_is_erased_and_not_only_unset),
		IN_A_HOME(a_passphrase_that_cannot_be_used_is_told),
		IN_A_HOME(damaged_slots_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
