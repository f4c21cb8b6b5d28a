/* Key slots in the store. */
#include "core/slots.h"

#include "world_test.h"

static struct slot slot_of(uint32_t id, slot_kind kind)
{
	struct slot slot = { .id = id, .epoch = id + 1, .kind = kind };

	slot.kdf.memory_kib = 0x01020304;
	slot.kdf.passes = 0xa0b0c0d0;
	memset(slot.kdf.salt, 0x11, sizeof(slot.kdf.salt));
	memset(slot.nonce, 0x22, sizeof(slot.nonce));
	memset(slot.commitment, 0x33, sizeof(slot.commitment));
	memset(slot.wrapped, 0x44, sizeof(slot.wrapped));
	return slot;
}

static void store_one(struct world *world, const struct slot *slot)
{
	must(store_begin(world->store));
	must(slots_put(world->store, slot));
	must(store_commit(world->store));
}

static void a_slot_comes_back_as_it_was_put(void **state)
{
	struct world *world = *state;
	struct slot want = slot_of(UINT32_MAX, SLOT_PASSPHRASE), got;

	want.epoch = UINT32_MAX;
	store_one(world, &want);
	must(slots_next(world->store, 0, &got));
	assert_memory_equal(&got, &want, sizeof(got));
}

static void slots_come_in_the_order_of_their_ids(void **state)
{
	static const uint32_t ids[] = { 9, 2, 5 }, want[] = { 2, 5, 9 };
	struct world *world = *state;
	struct slot slot = { .id = 0 };

	for (size_t i = 0; i < CASES(ids); i++) {
		slot = slot_of(ids[i], i == 0 ? SLOT_KEY_FILE : SLOT_PASSPHRASE);
		store_one(world, &slot);
	}
	slot.id = 0;
	for (size_t i = 0; i < CASES(want); i++) {
		must(slots_next(world->store, slot.id, &slot));
		assert_int_equal(slot.id, want[i]);
	}
	assert_int_equal(slots_next(world->store, slot.id, &slot), COFFER_NOT_FOUND);
}

static void a_slot_with_a_field_of_the_wrong_length_is_damage(void **state)
{
	static const uint8_t bytes[64];
	struct world *world = *state;
	struct slot got;

	for (uint32_t i = 0; i < 9; i++) {
		struct store_slot row = { .id = i + 1,
					  .epoch = 1,
					  .kind = i == 8 ? 3 : SLOT_KEY_FILE,
					  .params = { bytes, 24 },
					  .nonce = { bytes, KEYRING_NONCE_LEN },
					  .commitment = { bytes, KEYRING_COMMITMENT_LEN },
					  .wrapped = { bytes, KEYRING_WRAPPED_LEN } };
		struct slice *const fields[] = { &row.params, &row.nonce, &row.commitment,
						 &row.wrapped };
		if (i < 8)
			fields[i / 2]->len += i % 2 ? 1 : (size_t)-1;
		must(store_begin(world->store));
		must(store_slot_put(world->store, &row));
		must(store_commit(world->store));
		assert_int_equal(slots_next(world->store, i, &got), COFFER_DATA_LOSS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_slot_comes_back_as_it_was_put),
		CASE(slots_come_in_the_order_of_their_ids),
		CASE(a_slot_with_a_field_of_the_wrong_length_is_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
