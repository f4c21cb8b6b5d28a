/* Time limits of connections. */
#include "net/deadlines.h"

#include "world_test.h"

static struct deadlines all;

static int setup(void **state)
{
	(void)state;
	deadlines_init(&all);
	return 0;
}

static void nothing_is_due_where_nothing_is_set(void **state)
{
	(void)state;
	assert_null(deadlines_due(&all, INT64_MAX));
	assert_int_equal(deadlines_next_ms(&all), -1);
}

/* The limits that are promised, in milliseconds. */
static void each_kind_has_its_length(void **state)
{
	static const struct {
		deadline_kind kind;
		int64_t length_ms;
	} cases[] = { { DEADLINE_HELLO, 5000 },
		      { DEADLINE_FRAME, 10000 },
		      { DEADLINE_IDLE, 60000 },
		      { DEADLINE_DRAIN, 10000 },
		      { DEADLINE_DELAY, 1000 } };
	struct deadline entry;

	(void)state;
	deadline_init(&entry);
	for (size_t i = 0; i < CASES(cases); i++) {
		deadline_set(&all, &entry, cases[i].kind, 100);
		assert_int_equal(deadlines_next_ms(&all), 100 + cases[i].length_ms);
		assert_null(deadlines_due(&all, 99 + cases[i].length_ms));
		assert_ptr_equal(deadlines_due(&all, 100 + cases[i].length_ms), &entry);
	}
	deadline_set(&all, &entry, DEADLINE_NONE, 0);
	assert_null(deadlines_due(&all, INT64_MAX));
}

static void the_first_to_be_set_is_the_first_to_be_due(void **state)
{
	struct deadline entries[4];

	(void)state;
	for (size_t i = 0; i < CASES(entries); i++) {
		deadline_init(&entries[i]);
		deadline_set(&all, &entries[i], DEADLINE_IDLE, (int64_t)i);
	}
	deadline_set(&all, &entries[1], DEADLINE_IDLE, 50); /* it has done something */
	deadline_set(&all, &entries[2], DEADLINE_NONE, 51); /* it is gone */
	for (size_t i = 0; i < 3; i++) {
		static const size_t want[] = { 0, 3, 1 };
		assert_ptr_equal(deadlines_due(&all, 100000), &entries[want[i]]);
		deadline_set(&all, &entries[want[i]], DEADLINE_NONE, 0);
	}
	assert_null(deadlines_due(&all, 100000));
}

static void the_nearest_of_all_kinds_is_next(void **state)
{
	struct deadline idle, hello;

	(void)state;
	deadline_init(&idle);
	deadline_init(&hello);
	deadline_set(&all, &idle, DEADLINE_IDLE, 0);
	deadline_set(&all, &hello, DEADLINE_HELLO, 1000);
	assert_int_equal(deadlines_next_ms(&all), 6000);
	assert_ptr_equal(deadlines_due(&all, 6000), &hello);
	deadline_set(&all, &hello, DEADLINE_IDLE, 2000);
	assert_int_equal(deadlines_next_ms(&all), 60000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nothing_is_due_where_nothing_is_set, setup),
		cmocka_unit_test_setup(each_kind_has_its_length, setup),
		cmocka_unit_test_setup(the_first_to_be_set_is_the_first_to_be_due, setup),
		cmocka_unit_test_setup(the_nearest_of_all_kinds_is_next, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
