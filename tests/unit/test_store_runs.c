#include "test_store.h"

static int new_store(void **state)
{
	struct store *store = store_make(":memory:");

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

static struct store_run run_of(const char *id, const char *ref, run_state state, int64_t expires_ms)
{
	return (struct store_run){ .id = text(id),
				   .pipeline = text("app"),
				   .ref = text(ref),
				   .state = state,
				   .created_ms = 1,
				   .expires_ms = expires_ms,
				   .payload = text("sealed") };
}

static void put(struct store *store, const char *id, const char *ref, run_state state,
		int64_t expires_ms)
{
	struct store_run run = run_of(id, ref, state, expires_ms);

	must(store_run_put(store, &run));
}

static void a_run_comes_back_as_it_was_put(void **state)
{
	struct store_run in = { .id = text("r"),
				.pipeline = text("app"),
				.ref = text("refs/heads/m\xc3\xa4in"),
				.state = RUN_FAILED,
				.created_ms = 1,
				.started_ms = 2,
				.finished_ms = 3,
				.expires_ms = 4,
				.payload = { (const uint8_t *)"\0\1\2", 3 },
				.nonce = { (const uint8_t *)"\0n", 2 },
				.claim_uid = UINT32_MAX };
	struct store_run out;

	must(store_run_put(*state, &in));
	assert_int_equal(store_run_put(*state, &in), COFFER_ALREADY_EXISTS);
	must(store_run_get(*state, text("r"), &out));
	assert_slice(out.id, "r");
	assert_slice(out.pipeline, "app");
	assert_true(slice_equal(out.ref, in.ref));
	assert_int_equal(out.state, RUN_FAILED);
	assert_int_equal(out.created_ms, 1);
	assert_int_equal(out.started_ms, 2);
	assert_int_equal(out.finished_ms, 3);
	assert_int_equal(out.expires_ms, 4);
	assert_true(slice_equal(out.payload, in.payload));
	assert_true(slice_equal(out.nonce, in.nonce));
	assert_int_equal(out.claim_uid, UINT32_MAX);
	assert_int_equal(store_run_get(*state, text("s"), &out), COFFER_NOT_FOUND);
	assert_int_equal(out.id.len, 0);
}

static void runs_are_walked_newest_first(void **state)
{
	static const struct {
		const char *before, *want;
	} cases[] = { { "", "c" },   { "c", "b" },  { "b", "a" },
		      { "a", NULL }, { "bb", "b" }, { "z", "c" } };
	struct store_run out;

	assert_int_equal(store_run_before(*state, SLICE_EMPTY, &out), COFFER_NOT_FOUND);
	put(*state, "b", "x", RUN_FAILED, 9);
	put(*state, "c", "x", RUN_PENDING, 9);
	put(*state, "a", "x", RUN_ACTIVE, 9);
	for (size_t i = 0; i < CASES(cases); i++) {
		coffer_err err = store_run_before(*state, text(cases[i].before), &out);
		assert_int_equal(err, cases[i].want ? COFFER_OK : COFFER_NOT_FOUND);
		assert_slice(out.id, cases[i].want ? cases[i].want : "");
	}
}

static void only_pending_and_active_runs_are_live(void **state)
{
	for (int s = RUN_PENDING; s <= RUN_EXPIRED; s++) {
		char id[2] = { (char)('a' + s), '\0' };
		struct store_run out;
		bool live = s == RUN_PENDING || s == RUN_ACTIVE;
		coffer_err want = live ? COFFER_OK : COFFER_NOT_FOUND;

		put(*state, id, id, (run_state)s, 9);
		assert_int_equal(store_run_live(*state, text("app"), text(id), &out), want);
		assert_slice(out.id, live ? id : "");
		assert_int_equal(store_run_live(*state, text("other"), text(id), &out),
				 COFFER_NOT_FOUND);
		assert_int_equal(store_run_live(*state, text("app"), text("other"), &out),
				 COFFER_NOT_FOUND);
		assert_int_equal(store_run_end(*state, text(id), RUN_CANCELLED, 5), want);
		assert_int_equal(store_run_live(*state, text("app"), text(id), &out),
				 COFFER_NOT_FOUND);
		must(store_run_get(*state, text(id), &out));
		assert_int_equal(out.state, live ? RUN_CANCELLED : s);
		assert_int_equal(out.finished_ms, live ? 5 : 0);
		assert_slice(out.payload, "sealed");
	}
}

static void live_runs_come_up_one_after_the_other(void **state)
{
	struct store_run out;

	put(*state, "a", "x", RUN_PENDING, 9);
	put(*state, "b", "x", RUN_ACTIVE, 9);
	must(store_run_live(*state, text("app"), text("x"), &out));
	assert_slice(out.id, "a");
	must(store_run_end(*state, text("a"), RUN_SUPERSEDED, 5));
	must(store_run_live(*state, text("app"), text("x"), &out));
	assert_slice(out.id, "b");
	must(store_run_end(*state, text("b"), RUN_SUPERSEDED, 5));
	assert_int_equal(store_run_live(*state, text("app"), text("x"), &out), COFFER_NOT_FOUND);
}

static void the_next_to_expire_is_live_and_earliest(void **state)
{
	static const char *const want[] = { "soon", "mid", "late" };
	struct store_run out;

	assert_int_equal(store_run_next_expiry(*state, &out), COFFER_NOT_FOUND);
	put(*state, "late", "x", RUN_PENDING, 300);
	put(*state, "mid", "x", RUN_ACTIVE, 200);
	put(*state, "ended", "x", RUN_SUCCEEDED, 50);
	put(*state, "never", "x", RUN_PENDING, 0);
	put(*state, "soon", "x", RUN_PENDING, 100);
	for (size_t i = 0; i < CASES(want); i++) {
		must(store_run_next_expiry(*state, &out));
		assert_slice(out.id, want[i]);
		must(store_run_end(*state, text(want[i]), RUN_EXPIRED, 400));
	}
	assert_int_equal(store_run_next_expiry(*state, &out), COFFER_NOT_FOUND);
}

static void a_pending_run_is_claimed_once(void **state)
{
	struct store_run out;

	for (int s = RUN_PENDING; s <= RUN_EXPIRED; s++) {
		char id[2] = { (char)('a' + s), '\0' };

		put(*state, id, "x", (run_state)s, 9);
		assert_int_equal(store_run_claim(*state, text(id), 77, text("nonce"), 1000),
				 s == RUN_PENDING ? COFFER_OK : COFFER_NOT_FOUND);
	}
	assert_int_equal(store_run_claim(*state, text("b"), 78, text("other"), 0),
			 COFFER_NOT_FOUND);
	must(store_run_get(*state, text("b"), &out));
	assert_int_equal(out.state, RUN_ACTIVE);
	assert_int_equal(out.started_ms, 77);
	assert_slice(out.nonce, "nonce");
	assert_int_equal(out.claim_uid, 1000);
	assert_slice(out.payload, "sealed");
	put(*state, "z", "x", RUN_PENDING, 9);
	must(store_run_claim(*state, text("z"), 1, SLICE_EMPTY, 0));
	assert_int_equal(store_run_claim(*state, text("none"), 1, SLICE_EMPTY, 0),
			 COFFER_NOT_FOUND);
}

#define with_store(test) cmocka_unit_test_setup_teardown(test, new_store, end_store)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_store(a_run_comes_back_as_it_was_put),
		with_store(runs_are_walked_newest_first),
		with_store(only_pending_and_active_runs_are_live),
		with_store(live_runs_come_up_one_after_the_other),
		with_store(the_next_to_expire_is_live_and_earliest),
		with_store(a_pending_run_is_claimed_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
