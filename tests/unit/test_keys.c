/* What opens a store, and how that is changed for something else. */
#include "core/keys.h"

#include <fcntl.h>

#include "core/slots.h"
#include "safe_test.h"
#include "told.h"

/* Each costs its time here. */
#define PASSPHRASE "correct horse battery staple"

/* Tries the one slot that there is, with an empty keyring, as a start does. */
static coffer_err open_with(struct safe *safe, const char *passphrase)
{
	struct keys_way way = { .passphrase = TEXT(passphrase), .file = safe->file };
	struct world *world = &safe->world;
	struct keyring *keyring;
	struct slot slot, other;
	size_t used = arena_used(world->arena);
	int saved = told_begin();
	coffer_err err;

	must(slots_next(world->store, 0, &slot));
	assert_int_equal(slots_next(world->store, slot.id, &other), COFFER_NOT_FOUND);
	must(keyring_create(&keyring, world->arena, keyring_store_uuid(world->keyring)));
	err = keys_open(keyring, &slot, world->arena, &way);
	if (err == COFFER_OK)
		assert_memory_equal(keyring_key(keyring, KEY_RECORD, 1),
				    keyring_key(world->keyring, KEY_RECORD, 1), KEYRING_KEY_LEN);
	keyring_destroy(keyring);
	assert_int_equal(arena_used(world->arena), used);
	safe->told = told_end(saved);
	return err;
}

static coffer_err change(struct safe *safe, const char *passphrase, uint32_t *slot)
{
	size_t used = arena_used(safe->world.arena);
	int saved = told_begin();
	coffer_err err;

	must(core_begin(&safe->world.core));
	err = keys_change(&safe->world.core, TEXT(passphrase), slot);
	if (err == COFFER_OK)
		must(core_commit(&safe->world.core));
	else
		core_rollback(&safe->world.core);
	assert_int_equal(arena_used(safe->world.arena), used); /* no key is left behind */
	safe->told = told_end(saved);
	return err;
}

static void a_passphrase_takes_the_place_of_a_key_file_and_gives_it_back(void **state)
{
	struct safe *safe = *state;
	uint32_t slot;

	must(open_with(safe, ""));
	must(change(safe, PASSPHRASE, &slot));
	assert_int_equal(slot, 2);
	must(open_with(safe, PASSPHRASE));
	assert_int_equal(open_with(safe, "correct horse"), COFFER_PERMISSION_DENIED);
	must(change(safe, "", &slot));
	assert_int_equal(slot, 3);
	must(open_with(safe, ""));
	assert_string_equal(safe->told, "");
}

static void another_key_file_takes_the_place_of_the_first(void **state)
{
	struct safe *safe = *state;
	char old[160];
	uint32_t slot;

	snprintf(old, sizeof(old), "%s.old", safe->file);
	assert_int_equal(rename(safe->file, old), 0);
	must(change(safe, "", &slot)); /* made, as there is none */
	must(open_with(safe, ""));
	assert_int_equal(rename(old, safe->file), 0);
	assert_int_equal(open_with(safe, ""), COFFER_PERMISSION_DENIED);
}

static void write_file(const char *path, size_t len, mode_t mode)
{
	static const char bytes[64] = "a key of the operator's own, and more than one";
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void a_key_file_that_the_next_start_could_not_use_changes_nothing(void **state)
{
	static const struct {
		size_t len;
		mode_t mode;
	} cases[] = { { 31, 0600 }, { 33, 0600 }, { 0, 0600 }, { 32, 0640 }, { 32, 0604 } };
	struct safe *safe = *state;
	char old[160];
	uint32_t slot;

	snprintf(old, sizeof(old), "%s.old", safe->file);
	assert_int_equal(rename(safe->file, old), 0);
	for (size_t i = 0; i < CASES(cases); i++) {
		write_file(safe->file, cases[i].len, cases[i].mode);
		assert_int_equal(change(safe, "", &slot), COFFER_FAILED_PRECONDITION);
		assert_int_equal(slot, 0);
		assert_non_null(strstr(safe->told, safe->file));
	}
	assert_int_equal(rename(old, safe->file), 0);
	must(open_with(safe, ""));
}

static void a_change_that_is_rolled_back_leaves_what_opened_the_store(void **state)
{
	struct safe *safe = *state;
	uint32_t slot;

	must(core_begin(&safe->world.core));
	must(keys_change(&safe->world.core, TEXT(PASSPHRASE), &slot));
	core_rollback(&safe->world.core);
	must(open_with(safe, ""));
}

static void every_slot_that_was_there_is_gone_afterwards(void **state)
{
	struct safe *safe = *state;
	struct world *world = &safe->world;
	struct keys_way way = { .file = safe->file };
	uint32_t slot;

	must(store_begin(world->store));
	must(keys_add(world->keyring, world->store, world->arena, &way, 7));
	must(keys_add(world->keyring, world->store, world->arena, &way, UINT32_MAX - 1));
	must(store_commit(world->store));
	must(change(safe, "", &slot));
	assert_int_equal(slot, UINT32_MAX);
	must(open_with(safe, ""));
	assert_int_equal(change(safe, "", &slot),
			 COFFER_RESOURCE_EXHAUSTED); /* ids are not used twice */
	must(open_with(safe, ""));
}

static void a_store_that_no_key_opens_gets_none(void **state)
{
	struct safe *safe = *state;
	uint32_t slot;

	safe->world.core.key_file = NULL;
	assert_int_equal(change(safe, PASSPHRASE, &slot), COFFER_FAILED_PRECONDITION);
}

static void the_end_of_a_line_is_no_part_of_a_passphrase(void **state)
{
	static const struct {
		const char *name, *in, *want;
	} cases[] = {
		{ "none", "words", "words" },
		{ "a newline", "words\n", "words" },
		{ "of another system", "words\r\n", "words" },
		{ "several", "words\n\n", "words" },
		{ "in the middle it counts", "wo\nrds", "wo\nrds" },
		{ "spaces count", " words ", " words " },
		{ "nothing else", "\n", "" },
		{ "nothing", "", "" },
	};

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++)
		assert_slice(keys_trim(TEXT(cases[i].in)), cases[i].want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_SAFE(a_passphrase_takes_the_place_of_a_key_file_and_gives_it_back),
		IN_A_SAFE(another_key_file_takes_the_place_of_the_first),
		IN_A_SAFE(a_key_file_that_the_next_start_could_not_use_changes_nothing),
		IN_A_SAFE(a_change_that_is_rolled_back_leaves_what_opened_the_store),
		IN_A_SAFE(every_slot_that_was_there_is_gone_afterwards),
		IN_A_SAFE(a_store_that_no_key_opens_gets_none),
		cmocka_unit_test(the_end_of_a_line_is_no_part_of_a_passphrase),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
