/* Records (G1): what opens, and all that must not. Every case runs for both algorithms, AES-256-GCM
 * where the hardware has it. */
#include "vault/seal.h"

#include "known_slot.h"
#include "stack_scan.h"

#include <coffer/limits.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#define LARGEST   ((size_t)COFFER_VALUE_MAX_CEILING)
#define ARENA_LEN (LARGEST + 16 * ARENA_PAGE)

static const uint8_t plain_text[] = "correct horse battery staple";
static const struct slice plain = { plain_text, sizeof(plain_text) - 1 };

/* Built as no constant initialiser can be. */
static struct seal_context known_context(void)
{
	return (struct seal_context){ .scope = SLICE_LITERAL("pipeline/app"),
				      .name = SLICE_LITERAL("DATABASE_URL"),
				      .version = 5,
				      .flags = 1 };
}

/* Of that context, plain, epoch and record key; nonce and salt are 20 21 .. . Computed like
 * known_slot. */
static const uint8_t known_xchacha[] =
    "\x01\x01\x00\x00\x00\x03\x20\x21\x22\x23\x24\x25\x26\x27\x28\x29"
    "\x2a\x2b\x2c\x2d\x2e\x2f\x30\x31\x32\x33\x34\x35\x36\x37\x72\x69"
    "\x6c\x89\x58\x9c\xd4\xcd\x45\xb9\xdf\x3e\xa9\x19\x5a\x90\xb2\xc6"
    "\xc4\xb0\xeb\x57\x2e\x33\x18\xf0\x34\xa8\xe6\x70\xfd\x82\x89\xc0"
    "\x84\x18\x2b\xf9\x64\x0f\x4b\x2c\x7c\xa2";
static const uint8_t known_gcm[] =
    "\x01\x02\x00\x00\x00\x03\x20\x21\x22\x23\x24\x25\x26\x27\x28\x29"
    "\x2a\x2b\x2c\x2d\x2e\x2f\x06\x3c\x05\xe1\xfa\x45\x05\x25\x73\xf1"
    "\x40\x8b\x1f\x4e\x82\x9c\x72\x3c\x6b\x15\x6a\x98\xb6\x3a\xe4\xb0"
    "\x5e\xe7\x84\x96\x7e\xf7\x27\x7a\x8b\xfb\x8e\xa6\x4d\x5c\x50\x8e"
    "\x39\xa5";

/* The AES key of known_gcm alone. */
static const uint8_t known_gcm_key[] =
    "\x25\x88\xce\x0f\x1c\x11\x41\x9b\xe1\xae\xe2\xf5\xf9\x12\x9c\x7e"
    "\x76\x83\x06\xbf\xc3\x84\x0d\x39\x2c\x65\x25\x18\x3f\x3a\x26\xeb";

struct fixture {
	struct arena *arena;
	struct keyring *keyring; /* known_slot's key, epoch 3 */
	seal_algorithm algorithms[2];
	size_t count;
};

static struct keyring *keyring_of(struct arena *arena, const uint8_t *uuid)
{
	struct keyring *keyring;

	assert_int_equal(keyring_create(&keyring, arena, uuid), COFFER_OK);
	return keyring;
}

static int setup(void **state)
{
	static struct fixture f;

	if (arena_create(&f.arena, ARENA_LEN, false) != COFFER_OK)
		return -1;
	f.keyring = keyring_of(f.arena, known_uuid);
	if (keyring_unwrap(f.keyring, &known_slot, known_kek) != COFFER_OK)
		return -1;
	f.count = 0;
	f.algorithms[f.count++] = SEAL_XCHACHA20_POLY1305;
	if (seal_available(SEAL_AES_256_GCM))
		f.algorithms[f.count++] = SEAL_AES_256_GCM;
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	const struct fixture *f = *state;

	keyring_destroy(f->keyring);
	arena_destroy(f->arena);
	return 0;
}

static bool is_zero(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (p[i] != 0)
			return false;
	}
	return true;
}

/* plain in known_context, sealed into bytes. */
static struct slice make_record(const struct fixture *f, seal_algorithm algorithm,
				uint8_t bytes[128])
{
	const struct seal_context context = known_context();
	struct buf buf = { bytes, 0, 128 };

	assert_int_equal(seal_record(f->keyring, algorithm, &context, plain, &buf), COFFER_OK);
	return (struct slice){ buf.data, buf.len };
}

/* Opens, and demands that on failure nothing stands in the room for the plaintext. */
static coffer_err open_record(const struct keyring *keyring, const struct seal_context *context,
			      struct slice sealed)
{
	uint8_t out[sizeof(plain_text) + 16];
	size_t len = 0;
	coffer_err err;

	memset(out, 0xa5, sizeof(out));
	if (seal_plain_len(sealed, &len) == COFFER_OK)
		assert_true(len <= plain.len);
	err = seal_open(keyring, context, sealed, out);
	if (err == COFFER_OK) {
		assert_int_equal(len, plain.len);
		assert_memory_equal(out, plain.data, len);
	} else {
		assert_true(is_zero(out, len));
	}
	for (size_t i = len; i < sizeof(out); i++)
		assert_int_equal(out[i], 0xa5);
	return err;
}

static void known_records_open(void **state)
{
	const struct fixture *f = *state;
	const struct seal_context context = known_context();
	const struct slice records[] = { { known_xchacha, sizeof(known_xchacha) - 1 },
					 { known_gcm, sizeof(known_gcm) - 1 } };

	for (size_t i = 0; i < f->count; i++)
		assert_int_equal(open_record(f->keyring, &context, records[i]), COFFER_OK);
}

static void values_of_any_size_come_back(void **state)
{
	static const size_t sizes[] = { 0,  1,   15,   16,    17,    63,      64,
					65, 255, 4096, 65535, 65536, 1048575, LARGEST };
	const struct fixture *f = *state;
	const struct seal_context context = known_context();
	uint8_t *value = malloc(LARGEST);
	uint8_t *sealed = malloc(LARGEST + SEAL_OVERHEAD_MAX);
	uint8_t *out = arena_take(f->arena, LARGEST);

	assert_true(value && sealed && out);
	for (size_t i = 0; i < LARGEST; i++)
		value[i] = (uint8_t)(i * 31 + (i >> 8));
	for (size_t a = 0; a < f->count; a++) {
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			struct buf buf = { sealed, 0, LARGEST + SEAL_OVERHEAD_MAX };
			size_t len;

			assert_int_equal(seal_record(f->keyring, f->algorithms[a], &context,
						     (struct slice){ value, sizes[i] }, &buf),
					 COFFER_OK);
			assert_int_equal(buf.len, seal_sealed_len(f->algorithms[a], sizes[i]));
			assert_int_equal(seal_plain_len((struct slice){ sealed, buf.len }, &len),
					 COFFER_OK);
			assert_int_equal(len, sizes[i]);
			assert_int_equal(seal_open(f->keyring, &context,
						   (struct slice){ sealed, buf.len }, out),
					 COFFER_OK);
			assert_memory_equal(out, value, len);
		}
	}
	arena_give(f->arena, out, LARGEST, LARGEST);
	free(sealed);
	free(value);
}

static void empty_value_needs_no_memory(void **state)
{
	const struct fixture *f = *state;
	const struct seal_context context = known_context();

	for (size_t a = 0; a < f->count; a++) {
		uint8_t bytes[SEAL_OVERHEAD_MAX];
		struct buf buf = { bytes, 0, sizeof(bytes) };

		assert_int_equal(seal_record(f->keyring, f->algorithms[a], &context, SLICE_EMPTY,
					     &buf),
				 COFFER_OK);
		assert_int_equal(seal_open(f->keyring, &context, (struct slice){ bytes, buf.len },
					   NULL),
				 COFFER_OK);
		bytes[buf.len - 1] ^= 1;
		assert_int_equal(seal_open(f->keyring, &context, (struct slice){ bytes, buf.len },
					   NULL),
				 COFFER_DATA_LOSS);
	}
}

static void every_flipped_bit_is_data_loss(void **state)
{
	const struct fixture *f = *state;
	const struct seal_context context = known_context();

	for (size_t a = 0; a < f->count; a++) {
		uint8_t bytes[128];
		const struct slice sealed = make_record(f, f->algorithms[a], bytes);

		for (size_t bit = 0; bit < 8 * sealed.len; bit++) {
			bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_equal(open_record(f->keyring, &context, sealed),
					 COFFER_DATA_LOSS);
			bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		assert_int_equal(open_record(f->keyring, &context, sealed), COFFER_OK);
	}
}

static void every_shorter_and_longer_record_is_data_loss(void **state)
{
	const struct fixture *f = *state;
	const struct seal_context context = known_context();

	for (size_t a = 0; a < f->count; a++) {
		uint8_t bytes[128] = { 0 };
		const struct slice sealed = make_record(f, f->algorithms[a], bytes);

		for (size_t len = 0; len <= sealed.len + 1; len++) {
			/* A copy of just that size, so that reading beyond it is found. */
			uint8_t *copy = malloc(len > 0 ? len : 1);
			uint8_t out[sizeof(plain_text) + 1] = { 0 };

			assert_non_null(copy);
			memcpy(copy, bytes, len);
			assert_int_equal(seal_open(f->keyring, &context,
						   (struct slice){ copy, len }, out),
					 len == sealed.len ? COFFER_OK : COFFER_DATA_LOSS);
			if (len != sealed.len)
				assert_true(is_zero(out, sizeof(out)));
			free(copy);
		}
		assert_int_equal(seal_open(f->keyring, &context, SLICE_EMPTY, NULL),
				 COFFER_DATA_LOSS);
	}
}

/* The attack: whoever can write to the store puts a record where another one belongs. */
static void record_opens_only_where_it_was_sealed(void **state)
{
	static const struct {
		const char *name, *scope, *secret;
		uint32_t version, flags;
		coffer_err want;
	} cases[] = {
		{ "its place", "pipeline/app", "DATABASE_URL", 5, 1, COFFER_OK },
		{ "another scope", "pipeline/apq", "DATABASE_URL", 5, 1, COFFER_DATA_LOSS },
		{ "another name", "pipeline/app", "DATABASE_URI", 5, 1, COFFER_DATA_LOSS },
		{ "an earlier version", "pipeline/app", "DATABASE_URL", 4, 1, COFFER_DATA_LOSS },
		{ "a far version", "pipeline/app", "DATABASE_URL", 5 << 24, 1, COFFER_DATA_LOSS },
		{ "other flags", "pipeline/app", "DATABASE_URL", 5, 0, COFFER_DATA_LOSS },
		{ "swapped numbers", "pipeline/app", "DATABASE_URL", 1, 5, COFFER_DATA_LOSS },
		{ "scope without end", "pipeline/ap", "pDATABASE_URL", 5, 1, COFFER_DATA_LOSS },
		{ "name without start", "pipeline/appD", "ATABASE_URL", 5, 1, COFFER_DATA_LOSS },
		{ "swapped texts", "DATABASE_URL", "pipeline/app", 5, 1, COFFER_DATA_LOSS },
		{ "no texts", "", "", 5, 1, COFFER_DATA_LOSS },
	};
	const struct fixture *f = *state;

	for (size_t a = 0; a < f->count; a++) {
		uint8_t bytes[128];
		const struct slice sealed = make_record(f, f->algorithms[a], bytes);

		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			const struct seal_context context = { .scope = slice_str(cases[i].scope),
							      .name = slice_str(cases[i].secret),
							      .version = cases[i].version,
							      .flags = cases[i].flags };

			if (open_record(f->keyring, &context, sealed) != cases[i].want)
				fail_msg("%s", cases[i].name);
		}
	}
}

/* Two stores, or a store and its copy under another uuid, that share a root key. */
static void record_of_another_store_does_not_open(void **state)
{
	const struct fixture *f = *state;
	const struct seal_context context = known_context();
	uint8_t *copy;

	for (size_t a = 0; a < f->count; a++) {
		uint8_t bytes[128];
		const struct slice sealed = make_record(f, f->algorithms[a], bytes);
		struct keyring *keyring = keyring_of(f->arena, known_uuid);

		assert_int_equal(keyring_unwrap(keyring, &known_slot, known_kek), COFFER_OK);
		assert_int_equal(open_record(keyring, &context, sealed), COFFER_OK);
		copy = (uint8_t *)(uintptr_t)keyring_store_uuid(keyring);
		copy[KEYRING_STORE_UUID_LEN - 1] ^= 1;
		assert_int_equal(open_record(keyring, &context, sealed), COFFER_DATA_LOSS);
		keyring_destroy(keyring);
	}
}

static void record_under_another_root_key_does_not_open(void **state)
{
	const struct fixture *f = *state;
	const struct seal_context context = known_context();
	struct keyring *other = keyring_of(f->arena, known_uuid);

	assert_int_equal(keyring_new_epoch(other, KNOWN_EPOCH), COFFER_OK);
	for (size_t a = 0; a < f->count; a++) {
		uint8_t bytes[128];
		const struct slice sealed = make_record(f, f->algorithms[a], bytes);

		assert_int_equal(open_record(other, &context, sealed), COFFER_DATA_LOSS);
	}
	keyring_destroy(other);
}

static void old_records_open_after_a_new_epoch(void **state)
{
	const struct fixture *f = *state;
	const struct seal_context context = known_context();
	uint8_t old[2][128], new[2][128];
	struct slice before[2], after[2];
	struct keyring *only_old;

	for (size_t a = 0; a < f->count; a++)
		before[a] = make_record(f, f->algorithms[a], old[a]);
	assert_int_equal(keyring_new_epoch(f->keyring, KNOWN_EPOCH + 1), COFFER_OK);
	only_old = keyring_of(f->arena, known_uuid);
	assert_int_equal(keyring_unwrap(only_old, &known_slot, known_kek), COFFER_OK);
	for (size_t a = 0; a < f->count; a++) {
		after[a] = make_record(f, f->algorithms[a], new[a]);
		assert_int_equal(open_record(f->keyring, &context, before[a]), COFFER_OK);
		assert_int_equal(open_record(f->keyring, &context, after[a]), COFFER_OK);
		assert_int_equal(open_record(only_old, &context, after[a]), COFFER_DATA_LOSS);
		/* An old record that claims the new epoch. */
		old[a][5]++;
		assert_int_equal(open_record(f->keyring, &context, before[a]), COFFER_DATA_LOSS);
	}
	keyring_destroy(only_old);
}

static void same_value_is_sealed_differently_each_time(void **state)
{
	const struct fixture *f = *state;

	for (size_t a = 0; a < f->count; a++) {
		uint8_t one[128], two[128];
		const struct slice first = make_record(f, f->algorithms[a], one);
		const struct slice second = make_record(f, f->algorithms[a], two);

		assert_memory_equal(first.data, second.data, 6);
		for (size_t at = 6; at + 8 <= first.len; at += 8)
			assert_memory_not_equal(first.data + at, second.data + at, 8);
	}
}

static void record_is_appended_and_never_written_beyond_the_buffer(void **state)
{
	const struct fixture *f = *state;
	const struct seal_context context = known_context();

	for (size_t a = 0; a < f->count; a++) {
		const size_t need = seal_sealed_len(f->algorithms[a], plain.len);
		uint8_t bytes[128];
		struct buf buf = { bytes, 3, 3 + need - 1 };

		memset(bytes, 0xa5, sizeof(bytes));
		assert_int_equal(seal_record(f->keyring, f->algorithms[a], &context, plain, &buf),
				 COFFER_RESOURCE_EXHAUSTED);
		assert_int_equal(buf.len, 3);
		for (size_t i = 0; i < sizeof(bytes); i++)
			assert_int_equal(bytes[i], 0xa5);
		buf.cap++;
		assert_int_equal(seal_record(f->keyring, f->algorithms[a], &context, plain, &buf),
				 COFFER_OK);
		assert_int_equal(buf.len, 3 + need);
		assert_int_equal(bytes[2], 0xa5);
		assert_int_equal(bytes[3 + need], 0xa5);
		assert_int_equal(open_record(f->keyring, &context,
					     (struct slice){ bytes + 3, need }),
				 COFFER_OK);
	}
}

static void context_of_the_longest_names_works_and_longer_is_refused(void **state)
{
	static uint8_t text[COFFER_SCOPE_MAX + 1];
	const struct fixture *f = *state;
	struct seal_context longest = { .scope = { text, COFFER_SCOPE_MAX },
					.name = { text, COFFER_NAME_MAX } };
	struct seal_context scope = longest, name = longest;
	uint8_t bytes[128];
	struct buf buf = { bytes, 0, sizeof(bytes) };

	scope.scope.len++;
	name.name.len++;
	assert_int_equal(seal_record(f->keyring, SEAL_XCHACHA20_POLY1305, &scope, plain, &buf),
			 COFFER_INVALID_ARGUMENT);
	assert_int_equal(seal_record(f->keyring, SEAL_XCHACHA20_POLY1305, &name, plain, &buf),
			 COFFER_INVALID_ARGUMENT);
	assert_int_equal(buf.len, 0);
	assert_int_equal(seal_record(f->keyring, SEAL_XCHACHA20_POLY1305, &longest, plain, &buf),
			 COFFER_OK);
	const struct slice sealed = { bytes, buf.len };
	assert_int_equal(open_record(f->keyring, &longest, sealed), COFFER_OK);
	assert_int_equal(open_record(f->keyring, &scope, sealed), COFFER_DATA_LOSS);
	assert_int_equal(open_record(f->keyring, &name, sealed), COFFER_DATA_LOSS);
}

static void nothing_is_sealed_without_a_key_or_an_algorithm(void **state)
{
	const struct fixture *f = *state;
	const struct seal_context context = known_context();
	struct keyring *empty = keyring_of(f->arena, known_uuid);
	uint8_t bytes[128];
	struct buf buf = { bytes, 0, sizeof(bytes) };

	assert_int_equal(seal_record(empty, SEAL_XCHACHA20_POLY1305, &context, plain, &buf),
			 COFFER_FAILED_PRECONDITION);
	assert_int_equal(seal_record(f->keyring, (seal_algorithm)0, &context, plain, &buf),
			 COFFER_FAILED_PRECONDITION);
	assert_int_equal(seal_record(f->keyring, (seal_algorithm)3, &context, plain, &buf),
			 COFFER_FAILED_PRECONDITION);
	assert_int_equal(buf.len, 0);
	assert_false(seal_available((seal_algorithm)0));
	assert_false(seal_available((seal_algorithm)3));
	assert_true(seal_available(SEAL_XCHACHA20_POLY1305));
	assert_int_equal(open_record(empty, &context,
				     (struct slice){ known_xchacha, sizeof(known_xchacha) - 1 }),
			 COFFER_DATA_LOSS);
	keyring_destroy(empty);
}

/* Never a silent fall-back to another cipher. */
static void missing_hardware_is_a_refusal(void **state)
{
	const struct fixture *f = *state;
	const struct seal_context context = known_context();
	const coffer_err want =
	    seal_available(SEAL_AES_256_GCM) ? COFFER_OK : COFFER_FAILED_PRECONDITION;
	uint8_t bytes[128];
	struct buf buf = { bytes, 0, sizeof(bytes) };

	assert_int_equal(seal_record(f->keyring, SEAL_AES_256_GCM, &context, plain, &buf), want);
	assert_int_equal(open_record(f->keyring, &context,
				     (struct slice){ known_gcm, sizeof(known_gcm) - 1 }),
			 want);
}

/* Lengths around the ciphers' blocks: a partial block is what a cipher copies aside. */
static void neither_value_nor_key_stays_on_the_stack(void **state)
{
	static const size_t sizes[] = { 8, 13, 16, 40, 64, 100, 200, 999 };
	static const uint8_t mark[] = "SENTINEL";
	static uint8_t sealed[1000 + SEAL_OVERHEAD_MAX];
	const struct fixture *f = *state;
	const struct seal_context context = known_context();
	uint8_t *value = arena_take(f->arena, 1000);
	uint8_t *out = arena_take(f->arena, 1000);

	for (size_t i = 0; i < 1000; i++)
		value[i] = mark[i % 8];
	assert_false(stack_scan_finds(value, 8));
	for (size_t a = 0; a < f->count; a++) {
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			const struct slice in = { value, sizes[i] };
			struct buf buf = { sealed, 0, sizeof(sealed) };

			assert_int_equal(seal_record(f->keyring, f->algorithms[a], &context, in,
						     &buf),
					 COFFER_OK);
			assert_false(stack_scan_finds(value, 8));
			assert_int_equal(seal_open(f->keyring, &context,
						   (struct slice){ sealed, buf.len }, out),
					 COFFER_OK);
			assert_memory_equal(out, value, sizes[i]);
			assert_false(stack_scan_finds(out, 8));
			assert_false(stack_scan_finds(keyring_key(f->keyring, KEY_RECORD, 3), 16));
		}
	}
}

/* What an AES-256-GCM record's own key is made in. */
static void key_of_one_record_does_not_stay_on_the_stack(void **state)
{
	const struct fixture *f = *state;
	const struct seal_context context = known_context();
	uint8_t *out = arena_take(f->arena, 100);

	assert_false(stack_scan_finds(known_gcm_key, 16));
	if (seal_available(SEAL_AES_256_GCM)) {
		assert_int_equal(seal_open(f->keyring, &context,
					   (struct slice){ known_gcm, sizeof(known_gcm) - 1 }, out),
				 COFFER_OK);
	}
	assert_false(stack_scan_finds(known_gcm_key, 16));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(known_records_open),
		CASE(values_of_any_size_come_back),
		CASE(empty_value_needs_no_memory),
		CASE(every_flipped_bit_is_data_loss),
		CASE(every_shorter_and_longer_record_is_data_loss),
		CASE(record_opens_only_where_it_was_sealed),
		CASE(record_of_another_store_does_not_open),
		CASE(record_under_another_root_key_does_not_open),
		CASE(old_records_open_after_a_new_epoch),
		CASE(same_value_is_sealed_differently_each_time),
		CASE(record_is_appended_and_never_written_beyond_the_buffer),
		CASE(context_of_the_longest_names_works_and_longer_is_refused),
		CASE(nothing_is_sealed_without_a_key_or_an_algorithm),
		CASE(missing_hardware_is_a_refusal),
		CASE(neither_value_nor_key_stays_on_the_stack),
		CASE(key_of_one_record_does_not_stay_on_the_stack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
