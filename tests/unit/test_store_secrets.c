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
	struct store *store = *state;

	must(store_commit(store));
	store_close(store);
	return 0;
}

static void put(struct store *store, const char *scope, const char *name, uint32_t version)
{
	char sealed[64];

	(void)snprintf(sealed, sizeof(sealed), "%s:%s:%u", scope, name, (unsigned)version);
	must(put_secret(store, scope, name, version, text(sealed)));
}

/* A few scopes and names that are prefixes of each other, put in no order. */
static void put_some(struct store *store)
{
	put(store, "pipeline/b", "A", 1);
	put(store, "global", "B", 2);
	put(store, "global", "A", 1);
	put(store, "global", "B", 10);
	put(store, "pipeline/bb", "A", 4);
	put(store, "global", "AA", 7);
	put(store, "global", "B", 3);
	put(store, "global", "a", 1);
}

static void a_version_comes_back_as_it_was_put(void **state)
{
	static const uint8_t sealed[] = { 0, 1, 0, 0xff, 0x80, 0 };
	struct store_secret in = { .scope = text("run/x"),
				   .name = text("N"),
				   .version = UINT32_MAX - 1,
				   .flags = UINT32_MAX,
				   .created_ms = INT64_MAX,
				   .sealed = { sealed, sizeof(sealed) },
				   .expires_ms = INT64_MAX - 1,
				   .note = { sealed + 1, 2 } };
	struct store_secret out;

	must(store_secret_put(*state, &in));
	must(store_secret_latest(*state, text("run/x"), text("N"), &out));
	assert_slice(out.scope, "run/x");
	assert_slice(out.name, "N");
	assert_int_equal(out.version, in.version);
	assert_int_equal(out.flags, in.flags);
	assert_int_equal(out.created_ms, in.created_ms);
	assert_int_equal(out.sealed.len, sizeof(sealed));
	assert_memory_equal(out.sealed.data, sealed, sizeof(sealed));
	assert_int_equal(out.expires_ms, in.expires_ms);
	assert_true(slice_equal(out.note, in.note));
}

static void sealed_data_of_every_size_comes_back(void **state)
{
	static const size_t sizes[] = { 0, 1, 900, 1002, 1003, 4096, 70000, 1048576 + 46 };
	struct store_secret out;

	for (uint32_t i = 0; i < CASES(sizes); i++) {
		uint8_t *data = malloc(sizes[i] + 1);

		assert_non_null(data);
		memset(data, (int)i + 1, sizes[i] + 1);
		must(put_secret(*state, "global", "N", i + 1, (struct slice){ data, sizes[i] }));
		must(store_secret_latest(*state, text("global"), text("N"), &out));
		assert_int_equal(out.sealed.len, sizes[i]);
		assert_true(slice_equal(out.sealed, (struct slice){ data, sizes[i] }));
		free(data);
	}
}

static void the_newest_version_is_found_by_exact_scope_and_name(void **state)
{
	static const struct {
		const char *scope, *name;
		uint32_t want; /* 0: not found */
	} cases[] = {
		{ "global", "A", 1 },      { "global", "AA", 7 },
		{ "global", "B", 10 },     { "global", "a", 1 },
		{ "global", "b", 0 },      { "global", "", 0 },
		{ "global", "AAA", 0 },    { "", "A", 0 },
		{ "globa", "A", 0 },       { "pipeline/b", "A", 1 },
		{ "pipeline/bb", "A", 4 }, { "pipeline/", "A", 0 },
		{ "pipeline/b", "B", 0 },  { "GLOBAL", "A", 0 },
	};
	struct store_secret out;

	put_some(*state);
	for (size_t i = 0; i < CASES(cases); i++) {
		coffer_err err =
		    store_secret_latest(*state, text(cases[i].scope), text(cases[i].name), &out);
		assert_int_equal(err, cases[i].want ? COFFER_OK : COFFER_NOT_FOUND);
		assert_int_equal(out.version, cases[i].want);
		assert_int_equal(out.sealed.len > 0, cases[i].want > 0);
	}
}

static void versions_are_walked_backwards(void **state)
{
	static const struct {
		uint32_t before, want;
	} cases[] = { { UINT32_MAX, 10 }, { 11, 10 }, { 10, 3 }, { 9, 3 },
		      { 3, 2 },           { 2, 0 },   { 1, 0 },  { 0, 0 } };
	struct store_secret out;

	put_some(*state);
	for (size_t i = 0; i < CASES(cases); i++) {
		coffer_err err =
		    store_secret_before(*state, text("global"), text("B"), cases[i].before, &out);
		assert_int_equal(err, cases[i].want ? COFFER_OK : COFFER_NOT_FOUND);
		assert_int_equal(out.version, cases[i].want);
	}
}

static void names_are_walked_bytewise_with_their_newest_version(void **state)
{
	static const struct {
		const char *scope, *after, *want;
		uint32_t version;
	} cases[] = {
		{ "global", "", "A", 1 },     { "global", "A", "AA", 7 },
		{ "global", "AA", "B", 10 },  { "global", "B", "a", 1 },
		{ "global", "a", NULL, 0 },   { "global", "AB", "B", 10 },
		{ "pipeline/b", "", "A", 1 }, { "pipeline/b", "A", NULL, 0 },
		{ "nothing", "", NULL, 0 },
	};
	struct store_secret out;

	put_some(*state);
	for (size_t i = 0; i < CASES(cases); i++) {
		coffer_err err =
		    store_secret_next(*state, text(cases[i].scope), text(cases[i].after), &out);
		assert_int_equal(err, cases[i].want ? COFFER_OK : COFFER_NOT_FOUND);
		assert_slice(out.name, cases[i].want ? cases[i].want : "");
		assert_slice(out.scope, cases[i].want ? cases[i].scope : "");
		assert_int_equal(out.version, cases[i].version);
	}
}

static void scopes_are_walked_bytewise(void **state)
{
	static const char *const want[] = { "global", "pipeline/b", "pipeline/bb" };
	char after[64] = "";
	struct slice scope;

	assert_int_equal(store_scope_next(*state, text(""), &scope), COFFER_NOT_FOUND);
	put_some(*state);
	for (size_t i = 0; i < CASES(want); i++) {
		must(store_scope_next(*state, text(after), &scope));
		assert_slice(scope, want[i]);
		(void)snprintf(after, sizeof(after), "%s", want[i]);
	}
	assert_int_equal(store_scope_next(*state, text(after), &scope), COFFER_NOT_FOUND);
	assert_int_equal(scope.len, 0);
}

static size_t count(struct store *store, const char *scope, const char *name)
{
	uint32_t version = UINT32_MAX;
	struct store_secret out;
	size_t n = 0;

	while (store_secret_before(store, text(scope), text(name), version, &out) == COFFER_OK) {
		version = out.version;
		n++;
	}
	return n;
}

static void pruning_keeps_the_newest(void **state)
{
	static const struct {
		uint32_t keep;
		size_t want;
	} cases[] = { { 100, 3 }, { 3, 3 }, { 2, 2 }, { 2, 2 }, { 1, 1 }, { 0, 0 }, { 0, 0 } };
	struct store_secret out;

	put_some(*state);
	for (size_t i = 0; i < CASES(cases); i++) {
		must(store_secret_prune(*state, text("global"), text("B"), cases[i].keep));
		assert_int_equal(count(*state, "global", "B"), cases[i].want);
		if (cases[i].want > 0) {
			must(store_secret_latest(*state, text("global"), text("B"), &out));
			assert_int_equal(out.version, 10);
		}
	}
	assert_int_equal(count(*state, "global", "A"), 1);
	assert_int_equal(count(*state, "global", "AA"), 1);
}

static void purging_takes_one_name_or_one_scope(void **state)
{
	put_some(*state);
	must(store_secret_purge(*state, text("global"), text("B")));
	assert_int_equal(store_secret_purge(*state, text("global"), text("B")), COFFER_NOT_FOUND);
	assert_int_equal(count(*state, "global", "B"), 0);
	assert_int_equal(count(*state, "global", "A"), 1);
	must(store_scope_purge(*state, text("pipeline/b")));
	must(store_scope_purge(*state, text("pipeline/b")));
	assert_int_equal(count(*state, "pipeline/b", "A"), 0);
	assert_int_equal(count(*state, "pipeline/bb", "A"), 1);
	assert_int_equal(count(*state, "global", "AA"), 1);
}

static void a_version_is_never_overwritten(void **state)
{
	struct store_secret out;

	must(put_secret(*state, "global", "A", 1, text("first")));
	assert_int_equal(put_secret(*state, "global", "A", 1, text("other")),
			 COFFER_ALREADY_EXISTS);
	must(store_secret_latest(*state, text("global"), text("A"), &out));
	assert_slice(out.sealed, "first");
}

static void rows_that_only_a_defect_could_write_are_refused(void **state)
{
	static const struct {
		const char *scope, *name;
		uint32_t version;
	} cases[] = {
		{ "", "A", 1 },
		{ "global", "", 1 },
		{ "global", "A", 0 },
		{ "global", "A", UINT32_MAX },
	};
	struct store *store = *state;

	must(store_commit(store));
	for (size_t i = 0; i < CASES(cases); i++) {
		must(store_begin(store));
		must(put_secret(store, "global", "BEFORE", 1, text("x")));
		assert_int_equal(put_secret(store, cases[i].scope, cases[i].name, cases[i].version,
					    text("x")),
				 COFFER_INTERNAL);
		/* The transaction is spoilt: nothing more is written, and it cannot be committed. */
		assert_int_equal(put_secret(store, "global", "AFTER", 1, text("x")),
				 COFFER_INTERNAL);
		assert_int_equal(store_commit(store), COFFER_INTERNAL);
		assert_int_equal(count(store, "global", "BEFORE"), 0);
		assert_int_equal(count(store, "global", "AFTER"), 0);
	}
	must(store_begin(store));
}

static void assert_first_expiry(struct store *store, const char *scope, const char *name,
				int64_t at_ms)
{
	struct store_expiry expiry;

	must(store_expiry_next(store, &expiry));
	assert_slice(expiry.scope, scope);
	assert_slice(expiry.name, name);
	assert_int_equal(expiry.at_ms, at_ms);
}

static void the_secret_that_expires_first_comes_first(void **state)
{
	struct store_expiry expiry;

	assert_int_equal(store_expiry_next(*state, &expiry), COFFER_NOT_FOUND);
	must(store_expiry_put(*state, text("global"), text("A"), 30));
	must(store_expiry_put(*state, text("run/x"), text("A"), 20));
	assert_first_expiry(*state, "run/x", "A", 20);
	must(store_expiry_put(*state, text("run/x"), text("A"), 40));
	assert_first_expiry(*state, "global", "A", 30);
	must(store_expiry_put(*state, text("global"), text("A"), 0));
	assert_first_expiry(*state, "run/x", "A", 40);
	must(store_expiry_put(*state, text("global"), text("A"), 0));
	must(store_scope_purge(*state, text("run/x")));
	assert_int_equal(store_expiry_next(*state, &expiry), COFFER_NOT_FOUND);
}

#define with_store(test) cmocka_unit_test_setup_teardown(test, new_store, end_store)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_store(a_version_comes_back_as_it_was_put),
		with_store(the_secret_that_expires_first_comes_first),
		with_store(sealed_data_of_every_size_comes_back),
		with_store(the_newest_version_is_found_by_exact_scope_and_name),
		with_store(versions_are_walked_backwards),
		with_store(names_are_walked_bytewise_with_their_newest_version),
		with_store(scopes_are_walked_bytewise),
		with_store(pruning_keeps_the_newest),
		with_store(purging_takes_one_name_or_one_scope),
		with_store(a_version_is_never_overwritten),
		with_store(rows_that_only_a_defect_could_write_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
