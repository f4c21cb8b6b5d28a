/* What each uid holds. */
#include "net/uids.h"

#include "world_test.h"

static void a_row_lives_as_long_as_its_connections(void **state)
{
	struct uids uids = { NULL };
	struct uid_row *first, *second;

	(void)state;
	assert_int_equal(uids_connections(&uids, 7), 0);
	first = uids_enter(&uids, 7);
	second = uids_enter(&uids, 7);
	assert_non_null(first);
	assert_ptr_equal(first, second);
	assert_int_equal(uids_connections(&uids, 7), 2);
	assert_int_equal(uids_connections(&uids, 8), 0);
	uids_leave(&uids, first, 0);
	assert_int_equal(uids_connections(&uids, 7), 1);
	uids_leave(&uids, first, 0);
	assert_null(uids.rows);
}

static void uids_above_int_max_are_uids_like_others(void **state)
{
	static const uint32_t ids[] = { 0, 1, 0x7fffffff, 0x80000000, 0xfffffffe, UINT32_MAX };
	struct uids uids = { NULL };

	(void)state;
	for (size_t i = 0; i < CASES(ids); i++)
		for (size_t k = 0; k <= i; k++)
			assert_non_null(uids_enter(&uids, ids[i]));
	for (size_t i = 0; i < CASES(ids); i++)
		assert_int_equal(uids_connections(&uids, ids[i]), i + 1);
	uids_destroy(&uids);
	assert_null(uids.rows);
}

static void refusals_are_counted_by_the_second(void **state)
{
	struct uids uids = { NULL };
	struct uid_row *row = uids_enter(&uids, 7), *other = uids_enter(&uids, 8);

	(void)state;
	assert_true(row != NULL && other != NULL);
	for (int i = 0; i < UIDS_REFUSALS; i++)
		assert_false(uids_refused(row, 5000 + i));
	assert_true(uids_refused(row, 5900));
	assert_true(uids_refused(row, 5999));
	assert_false(uids_refused(other, 5999));
	assert_false(uids_refused(row, 6000));
	uids_destroy(&uids);
}

/* To close the connection and come again must not begin a new second. */
static void refusals_outlive_the_connection_until_their_second_is_over(void **state)
{
	struct uids uids = { NULL };
	struct uid_row *row = uids_enter(&uids, 7);

	(void)state;
	assert_non_null(row);
	for (int i = 0; i <= UIDS_REFUSALS; i++)
		(void)uids_refused(row, 5000);
	uids_leave(&uids, row, 5100);
	assert_non_null(uids.rows);
	row = uids_enter(&uids, 7);
	assert_true(uids_refused(row, 5200));
	uids_leave(&uids, row, 5300);
	uids_sweep(&uids, 5999);
	assert_non_null(uids.rows);
	uids_sweep(&uids, 6000);
	assert_null(uids.rows);
}

static void a_sweep_leaves_who_is_connected(void **state)
{
	struct uids uids = { NULL };

	(void)state;
	for (uint32_t uid = 0; uid < 100; uid++) {
		struct uid_row *row = uids_enter(&uids, uid);
		assert_non_null(row);
		(void)uids_refused(row, 5000);
		if (uid % 2)
			uids_leave(&uids, row, 5000);
	}
	uids_sweep(&uids, 7000);
	assert_int_equal(HASH_COUNT(uids.rows), 50);
	assert_int_equal(uids_connections(&uids, 42), 1);
	uids_destroy(&uids);
}

static void records_beyond_the_burst_count_until_the_rate_has_caught_up(void **state)
{
	struct uids uids = { .rate = 1000 };
	struct uid_row *row = uids_enter(&uids, 7), *other = uids_enter(&uids, 8);

	(void)state;
	assert_true(row != NULL && other != NULL);
	assert_false(uids_recorded(&uids, row, UIDS_RECORDED_MAX, 5000));
	assert_true(uids_recorded(&uids, row, 10, 5000));
	assert_true(uids_recorded(&uids, row, 0, 5009));
	assert_false(uids_recorded(&uids, row, 0, 5010));
	assert_true(uids_recorded(&uids, row, 1, 5010));
	assert_false(uids_recorded(&uids, other, UIDS_RECORDED_MAX, 5010));
	/* A rest does not make the burst larger. */
	assert_false(uids_recorded(&uids, row, UIDS_RECORDED_MAX, 1000000000));
	assert_true(uids_recorded(&uids, row, 1, 1000000000));
	uids_destroy(&uids);
}

/* Rounding must not let a slow rate, asked often, drain nothing. */
static void the_rate_is_kept_to_however_often_it_is_asked(void **state)
{
	struct uids uids = { .rate = 3 };
	struct uid_row *row = uids_enter(&uids, 7);
	int64_t now_ms = 5000;

	(void)state;
	assert_non_null(row);
	assert_true(uids_recorded(&uids, row, UIDS_RECORDED_MAX + 30, now_ms));
	while (uids_recorded(&uids, row, 0, now_ms))
		now_ms++;
	assert_int_equal(now_ms, 5000 + 30 * 1000 / 3);
	uids_destroy(&uids);
}

static void a_rate_of_0_bounds_nothing(void **state)
{
	struct uids uids = { .rate = 0 };
	struct uid_row *row = uids_enter(&uids, 7);

	(void)state;
	assert_non_null(row);
	assert_false(uids_recorded(&uids, row, 1000 * UIDS_RECORDED_MAX, 5000));
	uids_leave(&uids, row, 5000);
	assert_null(uids.rows);
}

static void what_was_recorded_outlives_the_connection(void **state)
{
	struct uids uids = { .rate = 1000 };
	struct uid_row *row = uids_enter(&uids, 7);

	(void)state;
	assert_non_null(row);
	(void)uids_recorded(&uids, row, 5000, 100);
	uids_leave(&uids, row, 100);
	uids_sweep(&uids, 5099);
	assert_non_null(uids.rows);
	uids_sweep(&uids, 5100);
	assert_null(uids.rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_row_lives_as_long_as_its_connections),
		cmocka_unit_test(uids_above_int_max_are_uids_like_others),
		cmocka_unit_test(refusals_are_counted_by_the_second),
		cmocka_unit_test(refusals_outlive_the_connection_until_their_second_is_over),
		cmocka_unit_test(a_sweep_leaves_who_is_connected),
		cmocka_unit_test(records_beyond_the_burst_count_until_the_rate_has_caught_up),
		cmocka_unit_test(the_rate_is_kept_to_however_often_it_is_asked),
		cmocka_unit_test(a_rate_of_0_bounds_nothing),
		cmocka_unit_test(what_was_recorded_outlives_the_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
