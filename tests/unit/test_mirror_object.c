/* The objects of a bucket: keys, records, and what opens where. */
#include "core/mirror/object.h"

#include "core/mirror/root.h"
#include "vault/bytes.h"
#include "world_test.h"

#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void a_key_has_one_form(void **state)
{
	static const struct {
		const char *key;
		mirror_key_kind want;
	} cases[] = {
		{ "v1/root/00000000000000000001", MIRROR_KEY_ROOT },
		{ "v1/root/00000000000000000002", MIRROR_KEY_FOREIGN },
		{ "v1/batch/00112233445566778899aabbccddeeff", MIRROR_KEY_BATCH },
		{ "v1/batch/00112233445566778899aabbccddeeff0", MIRROR_KEY_FOREIGN },
		{ "v1/batch/00112233445566778899AABBCCDDEEFF", MIRROR_KEY_FOREIGN },
		{ "v1/" HASH "/00000000000000000001", MIRROR_KEY_RECORD },
		{ "v1/" HASH "/00000000004294967294", MIRROR_KEY_RECORD },
		{ "v1/" HASH "/00000000004294967295", MIRROR_KEY_FOREIGN },
		{ "v1/" HASH "/00000000004294967297", MIRROR_KEY_FOREIGN },
		{ "v1/" HASH "/99999999999999999999", MIRROR_KEY_FOREIGN },
		{ "v1/" HASH "/00000000000000000000", MIRROR_KEY_FOREIGN },
		{ "v1/" HASH "/0000000000000000001", MIRROR_KEY_FOREIGN },
		{ "v1/" HASH "/+0000000000000000001", MIRROR_KEY_FOREIGN },
		{ "v1/" HASH "x00000000000000000001", MIRROR_KEY_FOREIGN },
		{ "v2/" HASH "/00000000000000000001", MIRROR_KEY_FOREIGN },
		{ "v1/", MIRROR_KEY_FOREIGN },
		{ "", MIRROR_KEY_FOREIGN },
	};

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		struct mirror_key key = mirror_key_parse(TEXT(cases[i].key));
		char text[MIRROR_KEY_MAX + 1];
		assert_int_equal(key.kind, cases[i].want);
		if (key.kind == MIRROR_KEY_RECORD) {
			mirror_key_record(text, key.name, key.version);
			assert_string_equal(text, cases[i].key);
		} else if (key.kind == MIRROR_KEY_BATCH) {
			mirror_key_batch(text, key.batch);
			assert_string_equal(text, cases[i].key);
		}
	}
}

static const struct mirror_record sample = { .flags = STORE_SOURCE,
					     .created_ms = 1700000000000,
					     .expires_ms = 1800000000000,
					     .batch = "0123456789abcde",
					     .scope = { (const uint8_t *)"global", 6 },
					     .name = { (const uint8_t *)"TOKEN", 5 },
					     .note = { (const uint8_t *)"why", 3 },
					     .value = { (const uint8_t *)"file:/x", 7 } };

static void seal(struct world *world, uint32_t version, struct mirror_key *key, struct buf *body)
{
	*key = (struct mirror_key){ .kind = MIRROR_KEY_RECORD, .version = version };
	object_name(world->keyring, sample.scope, sample.name, key->name);
	must(mirror_object_seal(&world->core, key->name, version, &sample, body));
}

static void what_was_sealed_opens_with_all_that_it_said(void **state)
{
	struct world *world = *state;
	struct mirror_record record;
	struct mirror_key key;
	struct secret plain;
	struct buf body;

	seal(world, 7, &key, &body);
	assert_null(memmem(body.data, body.len, "TOKEN", 5));
	assert_null(memmem(body.data, body.len, "file:", 5));
	must(mirror_object_open(&world->core, &key, (struct slice){ body.data, body.len }, &plain,
				&record));
	assert_int_equal(record.flags, sample.flags);
	assert_int_equal(record.created_ms, sample.created_ms);
	assert_int_equal(record.expires_ms, sample.expires_ms);
	assert_memory_equal(record.batch, sample.batch, sizeof(sample.batch));
	assert_slice(record.scope, "global");
	assert_slice(record.name, "TOKEN");
	assert_slice(record.note, "why");
	assert_slice(record.value, "file:/x");
	secret_free(&plain);
	free(body.data);
}

/* The bucket's owner could answer for one secret with another's value, or with an older one. */
static void an_object_opens_at_its_own_key_alone(void **state)
{
	struct world *world = *state;
	struct mirror_record record;
	struct mirror_key key, other;
	struct secret plain;
	struct buf body;

	seal(world, 7, &key, &body);
	for (int which = 0; which < 3; which++) {
		struct slice bytes = { body.data, body.len };
		other = key;
		other.version += which == 0;
		other.name[31] ^= which == 1;
		body.data[body.len / 2] ^= which == 2;
		assert_int_equal(mirror_object_open(&world->core, &other, bytes, &plain, &record),
				 COFFER_DATA_LOSS);
		body.data[body.len / 2] ^= which == 2;
		assert_null(plain.data);
	}
	for (size_t len = 0; len < body.len; len++)
		assert_int_equal(mirror_object_open(&world->core, &key,
						    (struct slice){ body.data, len }, &plain,
						    &record),
				 COFFER_DATA_LOSS);
	free(body.data);
}

static void a_record_has_exactly_its_form(void **state)
{
	static const uint8_t whole[] = "\x01\0\0\0\2\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2"
				       "0123456789abcdef\0\1s\0\2nn\0\0value";
	struct mirror_record record;
	uint8_t *copy;

	(void)state;
	must(mirror_record_parse((struct slice){ whole, sizeof(whole) - 1 }, &record));
	assert_slice(record.scope, "s");
	assert_slice(record.name, "nn");
	assert_slice(record.value, "value");
	assert_int_equal(record.flags, 2);
	assert_int_equal(record.created_ms, 1);
	/* In memory of its own, so that a sanitizer sees a read behind it. */
	for (size_t len = 0; len < sizeof(whole) - 1 - 5; len++) {
		copy = malloc(len + 1);
		assert_non_null(copy);
		memcpy(copy + 1, whole, len);
		assert_int_equal(mirror_record_parse((struct slice){ copy + 1, len }, &record),
				 COFFER_DATA_LOSS);
		assert_int_equal(record.scope.len, 0);
		free(copy);
	}
	assert_int_equal(mirror_record_parse(SLICE_LITERAL("\2"), &record), COFFER_DATA_LOSS);
}

/* The hash must not change with the root key, or every object would get another name. */
static void names_last_and_differ(void **state)
{
	struct world *world = *state;
	uint8_t one[OBJECT_NAME_LEN], other[OBJECT_NAME_LEN];

	object_name(world->keyring, TEXT("global"), TEXT("A"), one);
	object_name(world->keyring, TEXT("globalA"), TEXT(""), other);
	assert_memory_not_equal(one, other, sizeof(one));
	must(keyring_new_epoch(world->keyring, 2));
	object_name(world->keyring, TEXT("global"), TEXT("A"), other);
	assert_memory_equal(one, other, sizeof(one));
	keyring_drop(world->keyring, 1);
	object_name(world->keyring, TEXT("global"), TEXT("A"), other);
	assert_memory_equal(one, other, sizeof(one));
}

static void put_slot(struct world *world, uint32_t id)
{
	const struct store_slot slot = { .id = id,
					 .epoch = 1,
					 .kind = 1,
					 .params = TEXT("p"),
					 .nonce = TEXT("n"),
					 .commitment = TEXT("c"),
					 .wrapped = TEXT("w") };

	must(store_begin(world->store));
	must(store_slot_put(world->store, &slot));
	must(store_commit(world->store));
}

static void a_root_object_makes_the_same_store_and_no_part_of_it_does(void **state)
{
	struct world *world = *state;
	uint8_t bytes[MIRROR_ROOT_MAX];
	struct buf out = { bytes, 0, sizeof(bytes) };
	struct store_identity id;
	struct mirror_root root;
	struct store_slot slot;
	struct store *store;
	pid_t holder;
	uint8_t *copy;

	put_slot(world, 3);
	must(mirror_root_make(world->store, &out));
	for (size_t len = 0; len < out.len; len++) {
		copy = malloc(len + 1);
		assert_non_null(copy);
		memcpy(copy + 1, bytes, len);
		assert_int_equal(mirror_root_parse((struct slice){ copy + 1, len }, &root),
				 COFFER_DATA_LOSS);
		free(copy);
	}
	bytes[out.len] = 0;
	assert_int_equal(mirror_root_parse((struct slice){ bytes, out.len + 1 }, &root),
			 COFFER_DATA_LOSS);
	must(mirror_root_parse((struct slice){ bytes, out.len }, &root));
	must(store_open(&store, world->database, STORE_CREATE, &holder));
	must(store_begin(store));
	must(mirror_root_install(store, &root, 5));
	must(store_commit(store));
	must(store_identity_get(store, &id));
	assert_memory_equal(id.uuid, keyring_store_uuid(world->keyring), sizeof(id.uuid));
	must(store_slot_next(store, 0, &slot));
	assert_int_equal(slot.id, 3);
	assert_slice(slot.wrapped, "w");
	store_close(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_has_one_form),
		CASE(what_was_sealed_opens_with_all_that_it_said),
		CASE(an_object_opens_at_its_own_key_alone),
		cmocka_unit_test(a_record_has_exactly_its_form),
		CASE(names_last_and_differ),
		CASE(a_root_object_makes_the_same_store_and_no_part_of_it_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
