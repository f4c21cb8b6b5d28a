/* Zeroing that the optimiser keeps. */
#include "wipe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "stack_scan.h"

static void exactly_the_given_bytes_become_zero(void **state)
{
	uint8_t bytes[64];

	(void)state;
	for (size_t at = 0; at < 8; at++) {
		for (size_t len = 0; len < 40; len++) {
			memset(bytes, 0xaa, sizeof(bytes));
			wipe(bytes + at, len);
			for (size_t i = 0; i < sizeof(bytes); i++)
				assert_int_equal(bytes[i], i >= at && i < at + len ? 0 : 0xaa);
		}
	}
}

static void nothing_at_no_address_is_fine(void **state)
{
	(void)state;
	wipe(NULL, 0);
}

static const uint8_t needle[32] = "these bytes are not to be found";

/* Leaves a copy of the needle in a frame that is gone, as a function that handles a secret might. */
__attribute__((noinline)) static void handle(bool wiping)
{
	uint8_t copy[4096] = { 0 }; /* deep enough that the scan's own calls do not write over it */

	memcpy(copy, needle, sizeof(needle));
	__asm__ __volatile__("" : : "r"(copy) : "memory");
	if (wiping)
		wipe(copy, sizeof(copy));
}

/* The compiler sees that nobody reads the array again, and would drop a memset. */
static void a_wiped_array_leaves_nothing_on_the_stack(void **state)
{
	(void)state;
	handle(false);
	assert_true(stack_scan_finds(needle, sizeof(needle)));
	handle(true);
	assert_false(stack_scan_finds(needle, sizeof(needle)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exactly_the_given_bytes_become_zero),
		cmocka_unit_test(nothing_at_no_address_is_fine),
		cmocka_unit_test(a_wiped_array_leaves_nothing_on_the_stack),
	};

	return cmocka_run_group_tests_name("wipe", tests, NULL, NULL);
}
