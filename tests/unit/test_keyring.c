/* Slots and epochs (G1, G4). */
#include "vault/keyring.h"

#include "known_slot.h"
#include "stack_scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const uint8_t *const other_kek = (const uint8_t *)"another key that is 32 bytes lon";
static const uint8_t *const other_uuid = (const uint8_t *)"@ABCDEFGHIJKLMNo";

/* Computed like known_slot. */
static const char *const known_keys[] = {
	[KEY_RECORD] = "\x38\x95\x62\xd1\xd1\x03\xdc\x6c\xc5\xe7\xe5\xdd\x79\x20\x72\x55"
		       "\x61\xd8\xfd\xb9\x51\xc5\xa3\x4c\xa8\x91\x81\x2f\xd5\xab\x50\xf8",
	[KEY_TOKEN] = "\x7c\xc0\x86\x26\x23\xdd\xe5\xc8\x60\x5e\xcd\xf5\xb0\x94\xa7\x85"
		      "\x6a\xc6\xb1\xaf\x02\x66\xff\x3a\xad\xc3\xbe\x85\x53\xaa\x8b\x68",
	[KEY_AUDIT] = "\x85\x32\x9c\xf3\xea\xd5\xbd\x8d\xa4\xcc\xd3\xdf\x4e\x26\x36\x6b"
		      "\x43\xc6\x8d\x70\x05\x1b\xe7\xaa\xbc\xab\xc9\x27\xf8\x1a\x3d\xca",
	[KEY_OBJECT_NAME] = "\x48\x86\x86\xc4\x9a\x95\x06\xc1\xa1\xc5\x28\x79\x49\xb9\x1b\x8f"
			    "\xc0\x95\x18\xcf\x17\x07\x9b\x63\x40\x47\xf4\x1f\x6d\x01\x7c\x27",
	[KEY_BACKUP] = "\x15\xa7\xd7\x09\x34\x09\x1e\x38\xaa\xcb\xa4\xf0\x25\x4e\x76\xf1"
		       "\x6e\x24\x16\xf3\xc5\xe1\xb5\xa5\xb2\xc8\x81\x03\xaf\xd7\xa4\xa7",
};

/* The key that known_slot's root key is wrapped with. */
static const uint8_t known_wrap_key[] =
    "\x72\xbd\xc8\x39\x1d\x24\x9b\xda\xeb\xaa\xb1\x9a\x3c\x2b\xa1\x33"
    "\xc0\x4f\x7f\x44\xff\xd0\xb4\x27\x10\x07\xa2\x18\x3b\x12\xe9\x67";

struct fixture {
	struct arena *arena;
	struct keyring *keyring; /* of store known_uuid */
};

static int setup(void **state)
{
	static struct fixture f;

	if (arena_create(&f.arena, 8 * ARENA_PAGE, false) != COFFER_OK ||
	    keyring_create(&f.keyring, f.arena, known_uuid) != COFFER_OK)
		return -1;
	*state = &f;
	return 0;
}

/* Nothing but the keyring's page may be lent, and destroying it gives that back. */
static int teardown(void **state)
{
	struct fixture *f = *state;
	const size_t used = arena_used(f->arena);

	keyring_destroy(f->keyring);
	const size_t left = arena_used(f->arena);
	arena_destroy(f->arena);
	return used == ARENA_PAGE && left == 0 ? 0 : -1;
}

/* A slot of that kind for epoch 1 of the keyring, which is made if need be. */
static struct slot make_slot(struct keyring *keyring, slot_kind kind)
{
	struct slot slot = { .id = 1, .epoch = 1, .kind = kind };

	if (keyring_epoch(keyring) == 0)
		assert_int_equal(keyring_new_epoch(keyring, 1), COFFER_OK);
	if (kind == SLOT_PASSPHRASE)
		kdf_params_make(&slot.kdf);
	assert_int_equal(keyring_wrap(keyring, known_kek, &slot), COFFER_OK);
	return slot;
}

/* What a new, empty keyring makes of the slot. */
static coffer_err unwrap_in(struct fixture *f, const uint8_t *store, const struct slot *slot,
			    const uint8_t *key)
{
	struct keyring *keyring;
	coffer_err err;

	assert_int_equal(keyring_create(&keyring, f->arena, store), COFFER_OK);
	err = keyring_unwrap(keyring, slot, key);
	assert_int_equal(keyring_epoch(keyring), err == COFFER_OK ? slot->epoch : 0);
	assert_true((keyring_key(keyring, KEY_RECORD, slot->epoch) != NULL) == (err == COFFER_OK));
	keyring_destroy(keyring);
	return err;
}

static void known_slot_opens_to_known_keys(void **state)
{
	const struct fixture *f = *state;

	assert_int_equal(keyring_unwrap(f->keyring, &known_slot, known_kek), COFFER_OK);
	assert_int_equal(keyring_epoch(f->keyring), KNOWN_EPOCH);
	for (key_purpose p = KEY_RECORD; p <= KEY_BACKUP; p++)
		assert_memory_equal(keyring_key(f->keyring, p, 3), known_keys[p], KEYRING_KEY_LEN);
}

static void no_key_stays_on_the_stack(void **state)
{
	static const uint8_t root[] = { 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87 };
	const struct fixture *f = *state;
	struct slot slot = { .id = 8, .epoch = KNOWN_EPOCH, .kind = SLOT_KEY_FILE };

	assert_false(stack_scan_finds(root, sizeof(root)));
	assert_int_equal(keyring_unwrap(f->keyring, &known_slot, known_kek), COFFER_OK);
	assert_false(stack_scan_finds(root, sizeof(root)));
	assert_false(stack_scan_finds(known_kek, 16));
	for (key_purpose p = KEY_RECORD; p <= KEY_BACKUP; p++)
		assert_false(stack_scan_finds(known_keys[p], 16));
	assert_false(stack_scan_finds(known_wrap_key, 16));
	assert_int_equal(keyring_wrap(f->keyring, known_kek, &slot), COFFER_OK);
	assert_false(stack_scan_finds(root, sizeof(root)));
	assert_false(stack_scan_finds(known_kek, 16));
}

static void empty_keyring_has_no_keys(void **state)
{
	const struct fixture *f = *state;
	struct slot slot = { .id = 1, .epoch = 1, .kind = SLOT_KEY_FILE };

	assert_int_equal(keyring_epoch(f->keyring), 0);
	assert_null(keyring_key(f->keyring, KEY_RECORD, 0));
	assert_null(keyring_key(f->keyring, KEY_RECORD, 1));
	assert_memory_equal(keyring_store_uuid(f->keyring), known_uuid, KEYRING_STORE_UUID_LEN);
	assert_int_equal(keyring_wrap(f->keyring, known_kek, &slot), COFFER_NOT_FOUND);
	keyring_destroy(NULL);
}

static void wrapped_slot_opens_to_the_same_keys(void **state)
{
	static const slot_kind kinds[] = { SLOT_KEY_FILE, SLOT_PASSPHRASE };
	struct fixture *f = *state;

	for (size_t i = 0; i < 2; i++) {
		const struct slot slot = make_slot(f->keyring, kinds[i]);
		struct keyring *again;

		assert_int_equal(keyring_create(&again, f->arena, known_uuid), COFFER_OK);
		assert_int_equal(keyring_unwrap(again, &slot, known_kek), COFFER_OK);
		for (key_purpose p = KEY_RECORD; p <= KEY_BACKUP; p++)
			assert_memory_equal(keyring_key(again, p, 1), keyring_key(f->keyring, p, 1),
					    KEYRING_KEY_LEN);
		keyring_destroy(again);
	}
}

static void every_purpose_and_epoch_has_a_key_of_its_own(void **state)
{
	const struct fixture *f = *state;
	const uint8_t *keys[10];
	size_t count = 0;

	assert_int_equal(keyring_new_epoch(f->keyring, 1), COFFER_OK);
	assert_int_equal(keyring_new_epoch(f->keyring, 2), COFFER_OK);
	for (uint32_t epoch = 1; epoch <= 2; epoch++) {
		for (key_purpose p = KEY_RECORD; p <= KEY_BACKUP; p++)
			keys[count++] = keyring_key(f->keyring, p, epoch);
	}
	for (size_t i = 0; i < count; i++) {
		for (size_t j = i + 1; j < count; j++)
			assert_memory_not_equal(keys[i], keys[j], KEYRING_KEY_LEN);
	}
}

static void wrong_key_is_told_from_an_altered_slot(void **state)
{
	struct fixture *f = *state;
	const struct slot slot = make_slot(f->keyring, SLOT_KEY_FILE);

	assert_int_equal(unwrap_in(f, known_uuid, &slot, known_kek), COFFER_OK);
	assert_int_equal(unwrap_in(f, known_uuid, &slot, other_kek), COFFER_PERMISSION_DENIED);
}

/* What enters the commitment cannot be told from a wrong key; the rest is found by the tag or by
 * its form. The KEK is the right one throughout. */
static void altered_slot_never_opens(void **state)
{
	struct fixture *f = *state;
	const struct slot file = make_slot(f->keyring, SLOT_KEY_FILE);
	const struct slot pass = make_slot(f->keyring, SLOT_PASSPHRASE);
	struct slot s;

#define ALTERED(base, change, want)                                    \
	do {                                                           \
		s = (base);                                            \
		change;                                                \
		if (unwrap_in(f, known_uuid, &s, known_kek) != (want)) \
			fail_msg("%s: not %s", #change, #want);        \
	} while (0)
	ALTERED(file, s.id = 2, COFFER_PERMISSION_DENIED);
	ALTERED(file, s.epoch = 2, COFFER_DATA_LOSS);
	ALTERED(file, s.epoch = 0, COFFER_DATA_LOSS);
	ALTERED(file, s.kind = SLOT_PASSPHRASE, COFFER_DATA_LOSS);
	ALTERED(file, s.kind = (slot_kind)3, COFFER_DATA_LOSS);
	ALTERED(file, s.kdf.memory_kib = 1, COFFER_DATA_LOSS);
	ALTERED(file, s.kdf.passes = 1, COFFER_DATA_LOSS);
	ALTERED(file, s.kdf.salt[15] = 1, COFFER_DATA_LOSS);
	ALTERED(file, (s.kind = SLOT_PASSPHRASE, s.kdf = pass.kdf), COFFER_DATA_LOSS);
	ALTERED(pass, s.kind = SLOT_KEY_FILE, COFFER_DATA_LOSS);
	ALTERED(pass, (s.kind = SLOT_KEY_FILE, s.kdf = file.kdf), COFFER_DATA_LOSS);
	ALTERED(pass, s.kdf.memory_kib++, COFFER_DATA_LOSS);
	ALTERED(pass, s.kdf.memory_kib = UINT32_MAX, COFFER_DATA_LOSS);
	ALTERED(pass, s.kdf.passes--, COFFER_DATA_LOSS);
	ALTERED(pass, s.kdf.passes = 0, COFFER_DATA_LOSS);
	ALTERED(pass, s.kdf.salt[0] ^= 1, COFFER_DATA_LOSS);
#undef ALTERED
}

static void every_flipped_bit_of_the_stored_bytes_is_found(void **state)
{
	struct fixture *f = *state;
	struct slot slot = make_slot(f->keyring, SLOT_KEY_FILE);
	const struct {
		uint8_t *bytes;
		size_t len;
		coffer_err want;
	} fields[] = {
		{ slot.nonce, sizeof(slot.nonce), COFFER_PERMISSION_DENIED },
		{ slot.commitment, sizeof(slot.commitment), COFFER_PERMISSION_DENIED },
		{ slot.wrapped, sizeof(slot.wrapped), COFFER_DATA_LOSS },
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		for (size_t bit = 0; bit < 8 * fields[i].len; bit++) {
			fields[i].bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_equal(unwrap_in(f, known_uuid, &slot, known_kek),
					 fields[i].want);
			fields[i].bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
	assert_int_equal(unwrap_in(f, known_uuid, &slot, known_kek), COFFER_OK);
}

static void slot_of_another_store_does_not_open(void **state)
{
	struct fixture *f = *state;
	const struct slot slot = make_slot(f->keyring, SLOT_KEY_FILE);

	assert_int_equal(unwrap_in(f, other_uuid, &slot, known_kek), COFFER_PERMISSION_DENIED);
}

static void same_epoch_is_wrapped_differently_each_time(void **state)
{
	struct fixture *f = *state;
	const struct slot a = make_slot(f->keyring, SLOT_KEY_FILE);
	const struct slot b = make_slot(f->keyring, SLOT_KEY_FILE);

	assert_memory_not_equal(a.nonce, b.nonce, sizeof(a.nonce));
	assert_memory_not_equal(a.commitment, b.commitment, sizeof(a.commitment));
	assert_memory_not_equal(a.wrapped, b.wrapped, sizeof(a.wrapped));
}

static void several_slots_may_open_one_epoch_but_only_to_one_key(void **state)
{
	struct fixture *f = *state;
	const struct slot first = make_slot(f->keyring, SLOT_KEY_FILE);
	const struct slot second = make_slot(f->keyring, SLOT_PASSPHRASE);
	struct keyring *other;
	struct slot foreign;

	assert_int_equal(keyring_unwrap(f->keyring, &first, known_kek), COFFER_OK);
	assert_int_equal(keyring_unwrap(f->keyring, &second, known_kek), COFFER_OK);

	/* Same store and epoch, another root key: a slot of an older life of the store. */
	assert_int_equal(keyring_create(&other, f->arena, known_uuid), COFFER_OK);
	foreign = make_slot(other, SLOT_KEY_FILE);
	keyring_destroy(other);
	assert_int_equal(keyring_unwrap(f->keyring, &foreign, known_kek), COFFER_DATA_LOSS);
}

static void highest_epoch_is_current_whatever_the_order(void **state)
{
	struct fixture *f = *state;
	struct slot slots[2];
	struct keyring *again;

	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(keyring_new_epoch(f->keyring, i + 1), COFFER_OK);
		slots[i] = (struct slot){ .id = i, .epoch = i + 1, .kind = SLOT_KEY_FILE };
		assert_int_equal(keyring_wrap(f->keyring, known_kek, &slots[i]), COFFER_OK);
	}
	assert_int_equal(keyring_create(&again, f->arena, known_uuid), COFFER_OK);
	assert_int_equal(keyring_unwrap(again, &slots[1], known_kek), COFFER_OK);
	assert_int_equal(keyring_epoch(again), 2);
	assert_int_equal(keyring_unwrap(again, &slots[0], known_kek), COFFER_OK);
	assert_int_equal(keyring_epoch(again), 2);
	for (uint32_t epoch = 1; epoch <= 2; epoch++)
		assert_memory_equal(keyring_key(again, KEY_TOKEN, epoch),
				    keyring_key(f->keyring, KEY_TOKEN, epoch), KEYRING_KEY_LEN);
	keyring_destroy(again);
}

static void epochs_are_limited(void **state)
{
	struct fixture *f = *state;
	const struct slot slot = make_slot(f->keyring, SLOT_KEY_FILE);

	for (uint32_t epoch = 2; epoch <= KEYRING_EPOCHS_MAX; epoch++)
		assert_int_equal(keyring_new_epoch(f->keyring, epoch), COFFER_OK);
	assert_int_equal(keyring_new_epoch(f->keyring, KEYRING_EPOCHS_MAX + 1),
			 COFFER_RESOURCE_EXHAUSTED);
	assert_int_equal(keyring_unwrap(f->keyring, &known_slot, known_kek), COFFER_DATA_LOSS);
	assert_int_equal(keyring_unwrap(f->keyring, &slot, known_kek), COFFER_OK);
	assert_int_equal(keyring_epoch(f->keyring), KEYRING_EPOCHS_MAX);
}

static void full_arena_is_an_error_and_leaves_no_key(void **state)
{
	struct fixture *f = *state;
	const struct slot slot = make_slot(f->keyring, SLOT_KEY_FILE);
	const size_t rest = arena_size(f->arena) - arena_used(f->arena);
	void *taken = arena_take(f->arena, rest);
	struct keyring *none = f->keyring;
	struct slot unmade = slot;

	assert_int_equal(keyring_create(&none, f->arena, known_uuid), COFFER_RESOURCE_EXHAUSTED);
	assert_null(none);
	assert_int_equal(keyring_new_epoch(f->keyring, 2), COFFER_RESOURCE_EXHAUSTED);
	assert_int_equal(keyring_epoch(f->keyring), 1);
	assert_int_equal(keyring_wrap(f->keyring, known_kek, &unmade), COFFER_RESOURCE_EXHAUSTED);
	assert_int_equal(keyring_unwrap(f->keyring, &slot, known_kek), COFFER_RESOURCE_EXHAUSTED);
	arena_give(f->arena, taken, rest, 0);
}

static void destroyed_keyring_leaves_its_page_empty(void **state)
{
	const struct fixture *f = *state;
	struct keyring *keyring;
	const uint8_t *p;

	assert_int_equal(keyring_create(&keyring, f->arena, known_uuid), COFFER_OK);
	assert_int_equal(keyring_new_epoch(keyring, 1), COFFER_OK);
	p = (const uint8_t *)keyring;
	keyring_destroy(keyring);
	assert_ptr_equal(arena_take(f->arena, ARENA_PAGE), p);
	for (size_t i = 0; i < ARENA_PAGE; i++)
		assert_int_equal(p[i], 0);
	arena_give(f->arena, (void *)(uintptr_t)p, ARENA_PAGE, 0);
}

static void epoch_that_is_not_above_the_others_aborts(void **state)
{
	struct fixture *f = *state;
	int status = 0;
	pid_t pid;

	assert_int_equal(keyring_new_epoch(f->keyring, 5), COFFER_OK);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct arena *arena;
		struct keyring *keyring;

		/* The parent's arena is empty here. */
		(void)signal(SIGABRT, SIG_DFL);
		(void)close(STDERR_FILENO);
		if (arena_create(&arena, 4 * ARENA_PAGE, true) != COFFER_OK ||
		    keyring_create(&keyring, arena, known_uuid) != COFFER_OK ||
		    keyring_new_epoch(keyring, 5) != COFFER_OK)
			_exit(1);
		_exit((int)keyring_new_epoch(keyring, 5));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(known_slot_opens_to_known_keys),
		CASE(no_key_stays_on_the_stack),
		CASE(empty_keyring_has_no_keys),
		CASE(wrapped_slot_opens_to_the_same_keys),
		CASE(every_purpose_and_epoch_has_a_key_of_its_own),
		CASE(wrong_key_is_told_from_an_altered_slot),
		CASE(altered_slot_never_opens),
		CASE(every_flipped_bit_of_the_stored_bytes_is_found),
		CASE(slot_of_another_store_does_not_open),
		CASE(same_epoch_is_wrapped_differently_each_time),
		CASE(several_slots_may_open_one_epoch_but_only_to_one_key),
		CASE(highest_epoch_is_current_whatever_the_order),
		CASE(epochs_are_limited),
		CASE(full_arena_is_an_error_and_leaves_no_key),
		CASE(destroyed_keyring_leaves_its_page_empty),
		CASE(epoch_that_is_not_above_the_others_aborts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
