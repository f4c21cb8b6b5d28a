/* Secrets that end by themselves, their notes, and those whose value is a file. */
#include "core/secrets.h"

#include "world_test.h"

#define ROOM 64
#define T    1000 /* when something ends */

static const struct grant both = {
	.scopes = { SLICE_LITERAL("pipeline/p"), SLICE_LITERAL("global") }, .scopes_len = 2
};

static struct secrets_target target_at(const char *scope, int64_t now_ms)
{
	return (struct secrets_target){ .scope = TEXT(scope), .name = TEXT("A"), .now_ms = now_ms };
}

/* Writes A at time 1 in a transaction of its own. */
static void write_a(struct world *world, const char *scope, const struct secrets_content *content)
{
	struct secrets_target target = target_at(scope, 1);
	uint32_t version;

	must(core_begin(&world->core));
	must(secrets_put(&world->core, &target, content, &version));
	must(core_commit(&world->core));
}

#define WRITE(world, scope, ...) write_a(world, scope, &(struct secrets_content){ __VA_ARGS__ })

static struct store_secret newest(struct world *world, const char *scope)
{
	struct store_secret row;

	must(store_secret_latest(world->store, TEXT(scope), TEXT("A"), &row));
	return row;
}

typedef coffer_err (*opener)(struct core *core, const struct store_secret *row, uint8_t *out);

/* Opens a part of the row; it must come to want, or for NULL not authenticate. */
static void assert_opens(struct world *world, const struct store_secret *row, opener open,
			 const char *want)
{
	static const uint8_t zeros[ROOM];
	uint8_t out[ROOM] = { 0 };

	assert_int_equal(open(&world->core, row, out), want ? COFFER_OK : COFFER_DATA_LOSS);
	if (want != NULL)
		assert_memory_equal(out, want, strlen(want));
	else
		assert_memory_equal(out, zeros, sizeof(zeros));
}

static void it_is_as_if_deleted_from_its_last_millisecond_on(void **state)
{
	struct world *world = *state;
	struct secrets_cursor cursor = { .len = 0 };
	struct store_secret row;

	WRITE(world, "global", .value = TEXT("of all"));
	WRITE(world, "pipeline/p", .value = TEXT("own"), .expires_ms = T);
	for (int again = 0; again < 2; again++) { /* the second time from the cache */
		must(secrets_find(&world->core, &both, TEXT("A"), T - 1, &row));
		assert_slice(row.scope, "pipeline/p");
		must(secrets_find(&world->core, &both, TEXT("A"), T, &row));
		assert_slice(row.scope, "global");
	}
	must(secrets_next(&world->core, &both, &cursor, T - 1, &row));
	assert_slice(row.scope, "pipeline/p");
	cursor.len = 0;
	must(secrets_next(&world->core, &both, &cursor, T, &row));
	assert_slice(row.scope, "global");
	must(secrets_at(&world->core, TEXT("pipeline/p"), TEXT("A"), 0, T - 1, &row));
	for (uint32_t version = 0; version < 2; version++) {
		assert_int_equal(secrets_at(&world->core, TEXT("pipeline/p"), TEXT("A"), version, T,
					    &row),
				 COFFER_NOT_FOUND);
		assert_int_equal(row.expires_ms, T);
	}
}

static void what_was_not_found_is_known_to_have_expired(void **state)
{
	struct world *world = *state;
	struct store_secret row;

	assert_int_equal(secrets_find(&world->core, &both, TEXT("A"), T, &row), COFFER_NOT_FOUND);
	assert_int_equal(row.expires_ms, 0);
	WRITE(world, "pipeline/p", .value = TEXT("own"), .expires_ms = T);
	assert_int_equal(secrets_find(&world->core, &both, TEXT("A"), T, &row), COFFER_NOT_FOUND);
	assert_int_equal(row.expires_ms, T);
}

static void an_expired_version_counts_as_none_to_a_write(void **state)
{
	struct world *world = *state;
	struct secrets_target target = target_at("global", T);
	struct secrets_content content = { .value = TEXT("new") };
	uint32_t version;

	WRITE(world, "global", .value = TEXT("v"), .expires_ms = T, .set_note = true,
	      .note = TEXT("n"));
	must(core_begin(&world->core));
	assert_int_equal(secrets_remove(&world->core, &target, false, &version), COFFER_NOT_FOUND);
	target.check_version = true;
	target.if_version = 1;
	assert_int_equal(secrets_put(&world->core, &target, &content, &version), COFFER_ABORTED);
	target.if_version = 0;
	must(secrets_put(&world->core, &target, &content, &version));
	must(core_commit(&world->core));
	assert_int_equal(version, 2);
	assert_int_equal(newest(world, "global").expires_ms, 0);
	assert_int_equal(newest(world, "global").note.len, 0);
}

/* Whoever can write the database could let a secret live on. */
static void an_expiry_that_was_changed_opens_nothing(void **state)
{
	static const int64_t times[] = { 0, T - 1, T + 1, INT64_MAX, T };
	struct world *world = *state;
	struct store_secret row;

	WRITE(world, "global", .value = TEXT("value"), .expires_ms = T, .set_note = true,
	      .note = TEXT("note"));
	row = newest(world, "global");
	for (size_t i = 0; i < CASES(times); i++) {
		row.expires_ms = times[i];
		assert_opens(world, &row, secrets_open, times[i] == T ? "value" : NULL);
		assert_opens(world, &row, secrets_open_note, times[i] == T ? "note" : NULL);
	}
	WRITE(world, "global", .value = TEXT("value"));
	row = newest(world, "global");
	row.expires_ms = T;
	assert_opens(world, &row, secrets_open, NULL);
}

/* Whoever can write the database could have a run read a note, or a note show a value. */
static void a_note_opens_as_no_value_and_a_value_as_no_note(void **state)
{
	static const uint32_t flags[] = { 0, STORE_NOTE, STORE_SOURCE, STORE_NOTE | STORE_SOURCE };
	struct world *world = *state;
	struct store_secret row, swapped;

	WRITE(world, "global", .value = TEXT("value"), .set_note = true, .note = TEXT("note"));
	row = newest(world, "global");
	assert_opens(world, &row, secrets_open, "value");
	assert_opens(world, &row, secrets_open_note, "note");
	for (size_t i = 0; i < CASES(flags); i++) {
		swapped = row;
		swapped.sealed = row.note;
		swapped.note = row.sealed;
		swapped.flags = flags[i];
		assert_opens(world, &swapped, secrets_open, NULL);
		assert_opens(world, &swapped, secrets_open_note, NULL);
	}
}

static void a_note_stays_until_it_is_set_anew(void **state)
{
	struct world *world = *state;
	struct store_secret row;

	WRITE(world, "global", .value = TEXT("1"), .set_note = true, .note = TEXT("note"));
	WRITE(world, "global", .value = TEXT("2"));
	row = newest(world, "global");
	assert_opens(world, &row, secrets_open_note, "note");
	WRITE(world, "global", .value = TEXT("3"), .set_note = true, .note = TEXT("other"));
	row = newest(world, "global");
	assert_opens(world, &row, secrets_open_note, "other");
	WRITE(world, "global", .value = TEXT("4"), .set_note = true);
	assert_int_equal(newest(world, "global").note.len, 0);
}

static void a_rollback_brings_back_note_expiry_and_source(void **state)
{
	struct world *world = *state;
	struct secrets_target target = target_at("global", 2);
	struct store_secret row;
	uint32_t version;

	WRITE(world, "global", .value = TEXT("file:/x"), .is_source = true, .expires_ms = T,
	      .set_note = true, .note = TEXT("note"));
	WRITE(world, "global", .value = TEXT("2"), .set_note = true);
	must(core_begin(&world->core));
	must(secrets_rollback(&world->core, &target, 1, &version));
	must(core_commit(&world->core));
	row = newest(world, "global");
	assert_int_equal(row.version, 3);
	assert_int_equal(row.flags, STORE_SOURCE);
	assert_int_equal(row.expires_ms, T);
	assert_opens(world, &row, secrets_open, "file:/x");
	assert_opens(world, &row, secrets_open_note, "note");
	target.now_ms = T;
	must(core_begin(&world->core));
	assert_int_equal(secrets_rollback(&world->core, &target, 1, &version),
			 COFFER_FAILED_PRECONDITION);
	core_rollback(&world->core);
}

/* One call of secrets_expire in a transaction of its own. */
static coffer_err expire(struct world *world, int64_t now_ms, uint32_t *version)
{
	struct secrets_ended ended;
	coffer_err err;

	must(core_begin(&world->core));
	err = secrets_expire(&world->core, now_ms, &ended);
	*version = ended.version;
	must(core_commit(&world->core));
	return err;
}

static void its_end_is_a_tombstone_that_is_seen_as_a_change(void **state)
{
	struct world *world = *state;
	struct store_secret row;
	uint64_t revision;
	uint32_t version;
	int64_t at_ms;

	WRITE(world, "global", .value = TEXT("v"), .expires_ms = T);
	must(secrets_next_expiry(&world->core, &at_ms));
	assert_int_equal(at_ms, T);
	revision = world->core.revision;
	assert_int_equal(expire(world, T - 1, &version), COFFER_NOT_FOUND);
	assert_int_equal(world->core.revision, revision);
	must(expire(world, T, &version));
	assert_int_equal(version, 2);
	assert_int_equal(world->core.revision, revision + 1);
	assert_true(changes_seen(&world->core.changes, &both, revision));
	row = newest(world, "global");
	assert_int_equal(row.flags, STORE_DELETED);
	assert_true(secrets_expired(&row, T));
	assert_int_equal(expire(world, T, &version), COFFER_NOT_FOUND);
	assert_int_equal(secrets_next_expiry(&world->core, &at_ms), COFFER_NOT_FOUND);
}

static void only_the_newest_version_is_waited_for(void **state)
{
	struct world *world = *state;
	struct secrets_target target = target_at("global", 2);
	uint32_t version;
	int64_t at_ms;

	WRITE(world, "global", .value = TEXT("v"), .expires_ms = T);
	WRITE(world, "global", .value = TEXT("v"));
	assert_int_equal(secrets_next_expiry(&world->core, &at_ms), COFFER_NOT_FOUND);
	for (int purge = 0; purge < 2; purge++) {
		WRITE(world, "global", .value = TEXT("v"), .expires_ms = T);
		must(core_begin(&world->core));
		must(secrets_remove(&world->core, &target, purge, &version));
		must(core_commit(&world->core));
		assert_int_equal(secrets_next_expiry(&world->core, &at_ms), COFFER_NOT_FOUND);
	}
}

/* Whoever can write the database could end secrets early, under the daemon's own name. */
static void what_is_remembered_of_a_time_is_put_right_by_the_record(void **state)
{
	struct world *world = *state;
	uint32_t version;
	int64_t at_ms;

	WRITE(world, "global", .value = TEXT("v"), .expires_ms = T);
	WRITE(world, "pipeline/p", .value = TEXT("v"));
	must(core_begin(&world->core));
	must(store_expiry_put(world->store, TEXT("global"), TEXT("A"), 5));
	must(store_expiry_put(world->store, TEXT("pipeline/p"), TEXT("A"), 6));
	must(store_expiry_put(world->store, TEXT("nowhere"), TEXT("A"), 7));
	must(core_commit(&world->core));
	for (int i = 0; i < 3; i++) {
		must(expire(world, 10, &version));
		assert_int_equal(version, 0);
	}
	assert_int_equal(expire(world, 10, &version), COFFER_NOT_FOUND);
	must(secrets_next_expiry(&world->core, &at_ms));
	assert_int_equal(at_ms, T);
	assert_int_equal(newest(world, "global").version, 1);
	assert_int_equal(newest(world, "pipeline/p").version, 1);
}

/* Whoever can write the database could make a value of a path, or a path of a value. */
static void a_source_that_was_made_a_value_opens_nothing(void **state)
{
	struct world *world = *state;
	struct store_secret row;

	WRITE(world, "global", .value = TEXT("file:/etc/passwd"), .is_source = true);
	row = newest(world, "global");
	assert_int_equal(row.flags, STORE_SOURCE);
	row.flags = 0;
	assert_opens(world, &row, secrets_open, NULL);
	WRITE(world, "global", .value = TEXT("file:/etc/passwd"));
	row = newest(world, "global");
	assert_int_equal(row.flags, 0);
	row.flags = STORE_SOURCE;
	assert_opens(world, &row, secrets_open, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(it_is_as_if_deleted_from_its_last_millisecond_on),
		CASE(what_was_not_found_is_known_to_have_expired),
		CASE(an_expired_version_counts_as_none_to_a_write),
		CASE(an_expiry_that_was_changed_opens_nothing),
		CASE(a_note_opens_as_no_value_and_a_value_as_no_note),
		CASE(a_note_stays_until_it_is_set_anew),
		CASE(a_rollback_brings_back_note_expiry_and_source),
		CASE(its_end_is_a_tombstone_that_is_seen_as_a_change),
		CASE(only_the_newest_version_is_waited_for),
		CASE(what_is_remembered_of_a_time_is_put_right_by_the_record),
		CASE(a_source_that_was_made_a_value_opens_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
