#include "test_store.h"

static int new_store(void **state)
{
	pid_t holder;
	struct store *store;

	must(store_open(&store, ":memory:", STORE_CREATE, &holder));
	must(store_begin(store));
	*state = store;
	return 0;
}

static int end_store(void **state)
{
	must(store_commit(*state));
	store_close(*state);
	return 0;
}

static void the_identity_is_one_row(void **state)
{
	struct store_identity in = { .uuid = { 1, 0, 3 }, .algorithm = 2, .created_ms = 99 }, out;

	assert_int_equal(store_identity_get(*state, &out), COFFER_NOT_FOUND);
	for (uint32_t algorithm = 1; algorithm <= 2; algorithm++) {
		in.algorithm = algorithm;
		must(store_identity_put(*state, &in));
		must(store_identity_get(*state, &out));
		assert_memory_equal(out.uuid, in.uuid, sizeof(in.uuid));
		assert_int_equal(out.algorithm, algorithm);
		assert_int_equal(out.created_ms, 99);
	}
}

static void slots_are_walked_by_id_and_deleted(void **state)
{
	static const uint32_t ids[] = { 7, UINT32_MAX, 1 }, want[] = { 1, 7, UINT32_MAX };
	struct store_slot out;
	uint32_t at = 0;

	assert_int_equal(store_slot_next(*state, 0, &out), COFFER_NOT_FOUND);
	for (size_t i = 0; i < CASES(ids); i++) {
		struct store_slot slot = { .id = ids[i],
					   .epoch = 3,
					   .kind = 2,
					   .params = text("params"),
					   .nonce = text("nonce"),
					   .commitment = text("commitment"),
					   .wrapped = text("wrapped") };
		must(store_slot_put(*state, &slot));
		/* A key slot that could be overwritten could be lost. */
		assert_int_equal(store_slot_put(*state, &slot), COFFER_ALREADY_EXISTS);
	}
	for (size_t i = 0; i < CASES(want); i++) {
		must(store_slot_next(*state, at, &out));
		assert_int_equal(out.id, want[i]);
		assert_int_equal(out.epoch, 3);
		assert_int_equal(out.kind, 2);
		assert_slice(out.params, "params");
		assert_slice(out.nonce, "nonce");
		assert_slice(out.commitment, "commitment");
		assert_slice(out.wrapped, "wrapped");
		at = out.id;
	}
	assert_int_equal(store_slot_next(*state, at, &out), COFFER_NOT_FOUND);
	must(store_slot_delete(*state, 7));
	assert_int_equal(store_slot_delete(*state, 7), COFFER_NOT_FOUND);
	must(store_slot_next(*state, 1, &out));
	assert_int_equal(out.id, UINT32_MAX);
}

static void the_revision_begins_at_zero_and_is_kept(void **state)
{
	static const uint64_t values[] = { 1, 2, INT64_MAX, 0 };
	uint64_t revision = 5;

	must(store_revision_get(*state, &revision));
	assert_int_equal(revision, 0);
	for (size_t i = 0; i < CASES(values); i++) {
		must(store_revision_put(*state, values[i]));
		must(store_revision_get(*state, &revision));
		assert_int_equal(revision, values[i]);
	}
}

static void the_anchor_is_the_last_that_was_put(void **state)
{
	struct store_anchor in = { .mac = { 9, 8, 7 } }, out;
	uint64_t revision;
	char *line = malloc(131072);

	assert_non_null(line);
	memset(line, 'x', 131072);
	must(store_revision_put(*state, 6));
	assert_int_equal(store_anchor_get(*state, &out), COFFER_NOT_FOUND);
	for (uint64_t seq = 1; seq <= 3; seq++) {
		in.seq = seq;
		in.line = (struct slice){ (const uint8_t *)line, seq == 2 ? 131072 : seq };
		must(store_anchor_put(*state, &in));
		must(store_anchor_get(*state, &out));
		assert_int_equal(out.seq, seq);
		assert_memory_equal(out.mac, in.mac, sizeof(in.mac));
		assert_true(slice_equal(out.line, in.line));
	}
	must(store_revision_get(*state, &revision));
	assert_int_equal(revision, 6);
	free(line);
}

#define with_store(test) cmocka_unit_test_setup_teardown(test, new_store, end_store)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_store(the_identity_is_one_row),
		with_store(slots_are_walked_by_id_and_deleted),
		with_store(the_revision_begins_at_zero_and_is_kept),
		with_store(the_anchor_is_the_last_that_was_put),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
