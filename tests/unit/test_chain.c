/* The keyed hash chain. The expected macs were computed with another BLAKE2b, Python's hashlib. */
#include "audit/chain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static void count_up(uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)i;
}

static void assert_mac(const struct chain_head *head, const char *want)
{
	char hex[2 * CHAIN_MAC_LEN + 1];

	for (size_t i = 0; i < CHAIN_MAC_LEN; i++)
		snprintf(hex + 2 * i, 3, "%02x", head->mac[i]);
	assert_string_equal(hex, want);
}

static void extends_as_an_independent_blake2b_does(void **state)
{
	uint8_t key[CHAIN_KEY_LEN], zero_key[CHAIN_KEY_LEN] = { 0 }, many[200];
	struct chain_head none = { 0 }, ones = { .seq = 7 }, counted = { .seq = 41 }, next;
	const struct {
		const uint8_t *key;
		const struct chain_head *head;
		struct slice text;
		const char *want;
	} cases[] = {
		{ key, &none, SLICE_LITERAL("{\"seq\":1"),
		  "1157c8490b910b62684c0275815567a3ea217191260238f8bcb984db339057c0" },
		{ key, &none, SLICE_EMPTY,
		  "dd081e9175db8c2ed7317715363a48445598d6f65a562f7f21581371916bec51" },
		{ key, &ones, SLICE_LITERAL("{\"seq\":8,\"time\":\"x\""),
		  "8adac4137f183574ef5dece6ebc6617e636282f695725fdd8bf26c8c09c7b526" },
		{ zero_key, &none, SLICE_LITERAL("{\"seq\":1"),
		  "15474145824e9f61a071952c75cfae093483d61fb673ec3d200570285122b072" },
		{ key,
		  &counted,
		  { many, sizeof(many) },
		  "a9bebbc55d84fff6650bd4301f389bd186638985c97997571b727dca27ad09b7" },
	};

	(void)state;
	count_up(key, sizeof(key));
	memset(ones.mac, 0xff, sizeof(ones.mac));
	count_up(counted.mac, sizeof(counted.mac));
	memset(many, 'a', sizeof(many));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		chain_extend(cases[i].key, cases[i].head, cases[i].text, &next);
		assert_mac(&next, cases[i].want);
		assert_int_equal(next.seq, cases[i].head->seq + 1);
	}
}

static void a_head_can_be_extended_in_place(void **state)
{
	const uint8_t key[CHAIN_KEY_LEN] = { 1 };
	struct chain_head head = { .seq = 3, .mac = { 9 } }, next;

	(void)state;
	chain_extend(key, &head, SLICE_LITERAL("text"), &next);
	chain_extend(key, &head, SLICE_LITERAL("text"), &head);
	assert_true(chain_equal(&head, &next));
}

static void heads_are_equal_in_number_and_every_bit_of_the_mac(void **state)
{
	struct chain_head a = { .seq = 3, .mac = { 9 } }, b = a;

	(void)state;
	assert_true(chain_equal(&a, &b));
	b.seq = 4;
	assert_false(chain_equal(&a, &b));
	b.seq = 3;
	for (size_t bit = 0; bit < 8 * CHAIN_MAC_LEN; bit++) {
		b.mac[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_false(chain_equal(&a, &b));
		b.mac[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(extends_as_an_independent_blake2b_does),
		cmocka_unit_test(a_head_can_be_extended_in_place),
		cmocka_unit_test(heads_are_equal_in_number_and_every_bit_of_the_mac),
	};

	return cmocka_run_group_tests_name("chain", tests, NULL, NULL);
}
