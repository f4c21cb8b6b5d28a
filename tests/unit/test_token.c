/* How a token is remembered (A2). */
#include "vault/token.h"

#include "base/id.h"
#include "known_slot.h"
#include "stack_scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define TOKEN "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"

/* Of TOKEN under known_slot's token key; computed like known_slot. */
static const uint8_t known_hash[] =
    "\x22\xb9\xb1\xb8\xe1\x26\xe4\xbc\x03\xdc\x68\xe3\x96\x39\x43\x0c"
    "\xd6\x5c\x38\x62\x97\x9d\x8b\x7d\x98\x93\x99\x6a\x74\xee\x16\x8b";

struct fixture {
	struct arena *arena;
	struct keyring *keyring;
};

static int setup(void **state)
{
	static struct fixture f;

	if (arena_create(&f.arena, 8 * ARENA_PAGE, false) != COFFER_OK ||
	    keyring_create(&f.keyring, f.arena, known_uuid) != COFFER_OK ||
	    keyring_unwrap(f.keyring, &known_slot, known_kek) != COFFER_OK)
		return -1;
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

static void known_token_has_the_known_hash(void **state)
{
	const struct fixture *f = *state;
	uint8_t hash[TOKEN_HASH_LEN];

	token_hash(f->keyring, SLICE_LITERAL(TOKEN), hash);
	assert_memory_equal(hash, known_hash, sizeof(hash));
}

static void hashes_are_equal_only_if_every_bit_is(void **state)
{
	uint8_t other[TOKEN_HASH_LEN];

	(void)state;
	memcpy(other, known_hash, sizeof(other));
	assert_true(token_hash_equal(known_hash, other));
	for (size_t bit = 0; bit < 8 * sizeof(other); bit++) {
		other[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(token_hash_equal(known_hash, other));
		other[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

/* BLAKE2b copies its message aside and does not wipe the copy: tokens were found there. */
static void hashed_token_does_not_stay_on_the_stack(void **state)
{
	const struct fixture *f = *state;
	uint8_t hash[TOKEN_HASH_LEN];
	char *token = arena_take(f->arena, COFFER_TOKEN_LEN);

	id_make_token(token);
	assert_false(stack_scan_finds(token, 8));
	token_hash(f->keyring, (struct slice){ (uint8_t *)token, COFFER_TOKEN_LEN }, hash);
	for (size_t at = 0; at < COFFER_TOKEN_LEN; at += 8)
		assert_false(stack_scan_finds(token + at, 8));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(known_token_has_the_known_hash),
		CASE(hashes_are_equal_only_if_every_bit_is),
		CASE(hashed_token_does_not_stay_on_the_stack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
