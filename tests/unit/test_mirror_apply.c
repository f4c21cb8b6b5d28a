/* What comes out of a bucket: in any order, and not all of it true. */
#include "core/mirror/apply.h"

#include "core/secrets.h"
#include "world_test.h"

static int setup(void **state)
{
	struct world *world;

	if (world_setup(state) != 0)
		return -1;
	world = *state;
	must(mirror_open(&world->core, "bucket", NULL));
	return 0;
}

#define MIRROR_CASE(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)

/* An object as a host would make it. of: the secret that its key is of; NULL: that of the record. */
static mirror_outcome apply_at(struct world *world, const char *of, uint32_t version,
			       const struct mirror_record *record)
{
	struct mirror_applied what;
	uint8_t hash[OBJECT_NAME_LEN];
	char key[MIRROR_KEY_MAX + 1];
	struct buf body;

	object_name(world->keyring, record->scope, of != NULL ? TEXT(of) : record->name, hash);
	mirror_key_record(key, hash, version);
	must(mirror_object_seal(&world->core, hash, version, record, &body));
	must(core_begin(&world->core));
	must(mirror_apply(&world->core, TEXT(key), (struct slice){ body.data, body.len }, &what));
	must(core_commit(&world->core));
	free(body.data);
	return what.outcome;
}

static mirror_outcome apply(struct world *world, uint32_t version, const char *value)
{
	const struct mirror_record record = { .created_ms = version,
					      .scope = TEXT("global"),
					      .name = TEXT("A"),
					      .value = TEXT(value) };

	return apply_at(world, NULL, version, &record);
}

static void assert_latest(struct world *world, uint32_t version)
{
	struct store_secret row;
	coffer_err err = store_secret_latest(world->store, TEXT("global"), TEXT("A"), &row);

	assert_int_equal(err, version > 0 ? COFFER_OK : COFFER_NOT_FOUND);
	assert_int_equal(row.version, version);
}

static mirror_verdict offer(struct world *world, uint32_t version)
{
	uint8_t hash[OBJECT_NAME_LEN];
	char key[MIRROR_KEY_MAX + 1];
	mirror_verdict verdict;

	object_name(world->keyring, TEXT("global"), TEXT("A"), hash);
	mirror_key_record(key, hash, version);
	must(mirror_offer(&world->core, TEXT(key), &verdict));
	return verdict;
}

static void versions_may_come_in_any_order(void **state)
{
	struct world *world = *state;

	assert_int_equal(apply(world, 3, "three"), MIRROR_APPLIED);
	assert_latest(world, 3);
	assert_int_equal(apply(world, 1, "one"), MIRROR_APPLIED);
	assert_latest(world, 3);
	assert_int_equal(apply(world, 2, "two"), MIRROR_APPLIED);
	assert_int_equal(apply(world, 2, "again"), MIRROR_PASSED);
	assert_int_equal(apply(world, 9, "nine"), MIRROR_APPLIED);
	assert_latest(world, 9);
	assert_int_equal(offer(world, 2), MIRROR_VERDICT_KNOWN);
	assert_int_equal(offer(world, 4), MIRROR_VERDICT_WANTED);
	assert_int_equal(world->core.mirror->objects, 4);
}

static void a_purge_ends_what_is_before_it_whenever_that_comes(void **state)
{
	const struct mirror_record purge = { .flags = STORE_DELETED | MIRROR_PURGED,
					     .scope = TEXT("global"),
					     .name = TEXT("A") };
	struct world *world = *state;

	apply(world, 1, "one");
	apply(world, 4, "four");
	assert_int_equal(apply_at(world, NULL, 3, &purge), MIRROR_APPLIED);
	assert_latest(world, 4);
	assert_int_equal(apply(world, 2, "two"), MIRROR_PASSED);
	assert_int_equal(offer(world, 1), MIRROR_VERDICT_KNOWN);
	assert_int_equal(world->core.mirror->objects, 2);
	assert_int_equal(apply_at(world, NULL, 5, &purge), MIRROR_APPLIED);
	assert_latest(world, 0);
}

/* A purge overwrites what it ends, and whoever has not seen it yet must not write there. */
static void what_is_erased_is_used_up_and_holds_nothing(void **state)
{
	struct world *world = *state;
	struct mirror_applied what;
	uint8_t hash[OBJECT_NAME_LEN];
	char key[MIRROR_KEY_MAX + 1];
	uint32_t version;
	bool busy;

	apply(world, 3, "three");
	object_name(world->keyring, TEXT("global"), TEXT("A"), hash);
	for (uint32_t erased = 3; erased <= 4; erased++) {
		mirror_key_record(key, hash, erased);
		must(core_begin(&world->core));
		must(mirror_apply(&world->core, TEXT(key), SLICE_EMPTY, &what));
		must(core_commit(&world->core));
		assert_int_equal(what.outcome, MIRROR_PASSED);
		assert_int_equal(offer(world, erased), MIRROR_VERDICT_KNOWN);
	}
	assert_int_equal(world->core.mirror->refused, 0);
	assert_latest(world, 3);
	must(mirror_newest(&world->core, TEXT("global"), TEXT("A"), &version, &busy));
	assert_int_equal(version, 4);
	assert_false(busy);
	assert_int_equal(apply(world, 4, "comes too late"), MIRROR_PASSED);
	assert_latest(world, 3);
}

/* Only who has the store's key can seal such a one: a host that was broken into, or a defect. */
static void what_a_record_says_is_not_believed(void **state)
{
	static uint8_t large[COFFER_VALUE_MAX_DEFAULT + 1];
	const struct {
		const char *what, *of;
		struct mirror_record record;
	} cases[] = {
		{ "another secret's", "B", { .scope = TEXT("global"), .name = TEXT("A") } },
		{ "a run's", NULL, { .scope = TEXT("run/x"), .name = TEXT("A") } },
		{ "no scope", NULL, { .scope = TEXT("nowhere"), .name = TEXT("A") } },
		{ "no name", NULL, { .scope = TEXT("global"), .name = TEXT("A=B") } },
		{ "flags of a later version",
		  NULL,
		  { .flags = 64, .scope = TEXT("global"), .name = TEXT("A") } },
		{ "a time before 1970",
		  NULL,
		  { .expires_ms = -1, .scope = TEXT("global"), .name = TEXT("A") } },
		{ "too large",
		  NULL,
		  { .scope = TEXT("global"),
		    .name = TEXT("A"),
		    .value = { large, sizeof(large) } } },
	};
	struct world *world = *state;

	for (size_t i = 0; i < CASES(cases); i++) {
		if (apply_at(world, cases[i].of, 1 + (uint32_t)i, &cases[i].record) !=
		    MIRROR_REFUSED)
			fail_msg("%s is not refused", cases[i].what);
		assert_latest(world, 0);
	}
	assert_int_equal(world->core.mirror->refused, CASES(cases));
}

static void the_newest_version_decides_when_a_secret_expires(void **state)
{
	struct mirror_record record = {
		.scope = TEXT("global"), .name = TEXT("A"), .expires_ms = 5000, .value = TEXT("v")
	};
	struct world *world = *state;
	int64_t at_ms;

	assert_int_equal(apply_at(world, NULL, 2, &record), MIRROR_APPLIED);
	record.expires_ms = 1000;
	assert_int_equal(apply_at(world, NULL, 1, &record), MIRROR_APPLIED);
	must(secrets_next_expiry(&world->core, &at_ms));
	assert_int_equal(at_ms, 5000);
	record.expires_ms = 0;
	assert_int_equal(apply_at(world, NULL, 3, &record), MIRROR_APPLIED);
	assert_int_equal(secrets_next_expiry(&world->core, &at_ms), COFFER_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MIRROR_CASE(versions_may_come_in_any_order),
		MIRROR_CASE(a_purge_ends_what_is_before_it_whenever_that_comes),
		MIRROR_CASE(what_is_erased_is_used_up_and_holds_nothing),
		MIRROR_CASE(what_a_record_says_is_not_believed),
		MIRROR_CASE(the_newest_version_decides_when_a_secret_expires),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
