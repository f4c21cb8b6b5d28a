/* A new root key, and every record sealed anew under it. */
#include "core/rotation.h"

#include "core/keys.h"
#include "core/runs.h"
#include "core/secrets.h"
#include "core/slots.h"
#include "safe_test.h"
#include "told.h"

static void begin(struct world *world)
{
	must(core_begin(&world->core));
	must(rotation_begin(&world->core, SLICE_EMPTY));
	must(core_commit(&world->core));
}

static bool step(struct world *world)
{
	bool done;

	must(core_begin(&world->core));
	must(rotation_step(&world->core, &done));
	must(core_commit(&world->core));
	return done;
}

static void end(struct world *world)
{
	must(core_begin(&world->core));
	must(rotation_end(&world->core));
	must(core_commit(&world->core));
}

/* Opens a keyring as a start does, from what is stored, and compares it with the one that has been open. */
static coffer_err start_again(struct safe *safe)
{
	struct keys_way way = { .file = safe->file };
	struct world *world = &safe->world;
	struct keyring *keyring;
	struct slot slot = { .id = 0 };
	coffer_err err = COFFER_OK;

	must(keyring_create(&keyring, world->arena, keyring_store_uuid(world->keyring)));
	while (slots_next(world->store, slot.id, &slot) == COFFER_OK && err == COFFER_OK)
		err = keys_open(keyring, &slot, world->arena, &way);
	if (err == COFFER_OK)
		err = rotation_load(keyring, world->store, world->arena);
	if (err == COFFER_OK) {
		assert_memory_equal(keyring_lasting(keyring), keyring_lasting(world->keyring),
				    KEYRING_LASTING_LEN);
		assert_int_equal(keyring_epoch(keyring), keyring_epoch(world->keyring));
	}
	keyring_destroy(keyring);
	return err;
}

static void assert_value(struct world *world, const char *name, uint32_t version, const char *want)
{
	struct store_secret row;
	uint8_t value[64];
	size_t len;

	must(secrets_at(&world->core, TEXT("global"), TEXT(name), version, 0, &row));
	assert_int_equal(seal_epoch(row.sealed), keyring_epoch(world->keyring));
	must(secrets_value_len(&row, &len));
	must(secrets_open(&world->core, &row, value));
	assert_slice((struct slice){ value, len }, want);
}

static void every_version_and_what_runs_are_about_is_sealed_anew(void **state)
{
	struct safe *safe = *state;
	struct world *world = &safe->world;
	struct world_run run = world_run(world, "app", NEVER);
	struct session session = world_session(world, SERVICE_RUNNER);
	struct store_run row;
	char name[32];

	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "NAME_%d", i);
		world_put(world, "global", name, TEXT("old"));
		world_put(world, "global", name, TEXT("new"));
	}
	begin(world);
	while (!step(world))
		;
	end(world);
	assert_int_equal(keyring_epoch(world->keyring), 2);
	assert_null(keyring_key(world->keyring, KEY_RECORD, 1));
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "NAME_%d", i);
		assert_value(world, name, 1, "old");
		assert_value(world, name, 2, "new");
	}
	must(store_run_get(world->store, TEXT(run.id), &row));
	assert_int_equal(seal_epoch(row.payload), 2);
	must(world_hello(world, &session, run.token));
	assert_int_equal(ASK(world, &session, Bootstrap, .nonce = { 0 }).code, COFFER_OK);
	rpc_session_close(&world->rpc, &session);
	must(start_again(safe));
}

static void a_step_takes_some_of_the_records_and_the_next_goes_on_behind_them(void **state)
{
	struct safe *safe = *state;
	struct world *world = &safe->world;
	struct store_secret row;
	char name[32];
	int old = 0, steps = 1;

	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "NAME_%d", i);
		world_put(world, "global", name, TEXT("value"));
	}
	begin(world);
	assert_false(step(world));
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "NAME_%d", i);
		must(store_secret_latest(world->store, TEXT("global"), TEXT(name), &row));
		old += seal_epoch(row.sealed) == 1;
	}
	assert_in_range(old, 130, 199);
	must(start_again(safe)); /* both epochs open in the middle of it */
	while (!step(world))
		steps++;
	assert_in_range(steps, 3, 9);
	end(world);
	assert_int_equal(rotation_find(&world->core), COFFER_NOT_FOUND);
}

static void what_is_rolled_back_leaves_no_epoch_behind(void **state)
{
	struct safe *safe = *state;
	struct world *world = &safe->world;
	uint8_t key[KEYRING_KEY_LEN];

	must(core_begin(&world->core));
	must(rotation_begin(&world->core, SLICE_EMPTY));
	assert_int_equal(keyring_epoch(world->keyring), 2);
	memcpy(key, keyring_key(world->keyring, KEY_RECORD, 2), sizeof(key));
	core_rollback(&world->core);
	assert_int_equal(keyring_epoch(world->keyring), 1);
	assert_null(memmem(world->keyring, ARENA_PAGE, key, sizeof(key)));
	assert_null(keyring_key(world->keyring, KEY_RECORD, 2));
	world_put(world, "global", "NAME", TEXT("value"));
	assert_value(world, "NAME", 1, "value");
	begin(world);
	while (!step(world))
		;
	must(core_begin(&world->core));
	must(rotation_end(&world->core));
	core_rollback(&world->core);
	assert_non_null(keyring_key(world->keyring, KEY_RECORD, 1));
	end(world);
	must(start_again(safe));
}

static void the_root_key_that_ends_is_wiped(void **state)
{
	struct safe *safe = *state;
	struct world *world = &safe->world;
	uint8_t keys[5][KEYRING_KEY_LEN];
	const uint8_t *page = (const uint8_t *)world->keyring;

	for (key_purpose p = KEY_RECORD; p <= KEY_BACKUP; p++)
		memcpy(keys[p - 1], keyring_key(world->keyring, p, 1), KEYRING_KEY_LEN);
	begin(world);
	while (!step(world))
		;
	assert_non_null(memmem(page, ARENA_PAGE, keys[0], KEYRING_KEY_LEN));
	end(world);
	for (key_purpose p = KEY_RECORD; p <= KEY_BACKUP; p++) {
		bool lasts = p == KEY_TOKEN || p == KEY_AUDIT;
		assert_true((memmem(page, ARENA_PAGE, keys[p - 1], KEYRING_KEY_LEN) != NULL) ==
			    lasts);
	}
}

static void a_record_that_is_damaged_does_not_stop_it(void **state)
{
	static const uint8_t nonsense[60] = { 1, 1, 0, 0, 0, 1 };
	struct safe *safe = *state;
	struct world *world = &safe->world;
	struct store_secret row = { .scope = TEXT("global"),
				    .name = TEXT("BAD"),
				    .version = 1,
				    .sealed = { nonsense, sizeof(nonsense) } };

	world_put(world, "global", "GOOD", TEXT("value"));
	must(store_begin(world->store));
	must(store_secret_put(world->store, &row));
	must(store_commit(world->store));
	begin(world);
	while (!step(world))
		;
	end(world);
	assert_value(world, "GOOD", 1, "value");
	must(store_secret_latest(world->store, TEXT("global"), TEXT("BAD"), &row));
	assert_int_equal(row.sealed.len, sizeof(nonsense));
}

static void what_does_not_open_the_store_begins_nothing(void **state)
{
	static const uint8_t other[KEYRING_KEY_LEN] = "another key of the right length";
	struct safe *safe = *state;
	struct world *world = &safe->world;
	FILE *file;

	must(core_begin(&world->core));
	assert_int_equal(rotation_begin(&world->core, TEXT("words")), COFFER_INVALID_ARGUMENT);
	core_rollback(&world->core);
	file = fopen(safe->file, "r+");
	assert_non_null(file);
	assert_int_equal(fwrite(other, 1, sizeof(other), file), sizeof(other));
	assert_int_equal(fclose(file), 0);
	must(core_begin(&world->core));
	assert_int_equal(rotation_begin(&world->core, SLICE_EMPTY), COFFER_PERMISSION_DENIED);
	core_rollback(&world->core);
	assert_int_equal(unlink(safe->file), 0);
	must(core_begin(&world->core));
	assert_int_equal(rotation_begin(&world->core, SLICE_EMPTY), COFFER_FAILED_PRECONDITION);
	core_rollback(&world->core);
	assert_int_equal(keyring_epoch(world->keyring), 1);
	assert_int_equal(rotation_find(&world->core), COFFER_NOT_FOUND);
}

static void lasting_keys_that_are_missing_or_edited_are_damage(void **state)
{
	struct safe *safe = *state;
	struct world *world = &safe->world;
	uint8_t copy[256];
	struct slice sealed;
	size_t len;

	begin(world);
	while (!step(world))
		;
	end(world);
	must(store_lasting_get(world->store, &sealed));
	len = sealed.len;
	memcpy(copy, sealed.data, len);
	copy[len / 2] ^= 1;
	must(store_begin(world->store));
	must(store_lasting_put(world->store, (struct slice){ copy, len }));
	must(store_commit(world->store));
	assert_int_equal(start_again(safe), COFFER_DATA_LOSS);
	must(store_begin(world->store));
	must(store_lasting_put(world->store, (struct slice){ copy, 0 }));
	must(store_commit(world->store));
	assert_int_equal(start_again(safe), COFFER_DATA_LOSS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_SAFE(every_version_and_what_runs_are_about_is_sealed_anew),
		IN_A_SAFE(a_step_takes_some_of_the_records_and_the_next_goes_on_behind_them),
		IN_A_SAFE(what_is_rolled_back_leaves_no_epoch_behind),
		IN_A_SAFE(the_root_key_that_ends_is_wiped),
		IN_A_SAFE(a_record_that_is_damaged_does_not_stop_it),
		IN_A_SAFE(what_does_not_open_the_store_begins_nothing),
		IN_A_SAFE(lasting_keys_that_are_missing_or_edited_are_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
