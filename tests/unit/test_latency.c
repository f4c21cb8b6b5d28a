/* The histogram of how long calls take. */
#include "rpc/latency.h"

#include "world_test.h"

static void a_quantile_is_too_large_by_an_eighth_at_the_most(void **state)
{
	(void)state;
	for (int64_t ns = 2048; ns < INT64_C(30000000000); ns += ns / 97 + 1) {
		struct latency latency = { .total_ns = 0 };
		int64_t told;

		latency_add(&latency, ns);
		told = (int64_t)latency_quantile_us(&latency, 500) * 1000;
		if (told < ns || told > ns + ns / 8 + 1000)
			fail_msg("%lld ns are told as %lld", (long long)ns, (long long)told);
	}
}

static void quantiles_are_of_the_calls_that_were_counted(void **state)
{
	struct latency latency = { .total_ns = 0 };

	(void)state;
	assert_int_equal(latency_quantile_us(&latency, 990), 0);
	for (int i = 0; i < 900; i++)
		latency_add(&latency, 1023);
	for (int i = 0; i < 90; i++)
		latency_add(&latency, 65535);
	for (int i = 0; i < 10; i++)
		latency_add(&latency, 1048575);
	assert_int_equal(latency_quantile_us(&latency, 500), 2);
	assert_int_equal(latency_quantile_us(&latency, 900), 2);
	assert_int_equal(latency_quantile_us(&latency, 901), 66);
	assert_int_equal(latency_quantile_us(&latency, 990), 66);
	assert_int_equal(latency_quantile_us(&latency, 991), 1049);
	assert_int_equal(latency.total_ns, 900 * 1023 + 90 * 65535 + 10 * 1048575);
}

static void what_is_out_of_range_counts_at_its_end(void **state)
{
	struct latency latency = { .total_ns = 0 };

	(void)state;
	latency_add(&latency, -5);
	assert_int_equal(latency_quantile_us(&latency, 1000), 1);
	assert_int_equal(latency.total_ns, 0);
	latency_add(&latency, INT64_MAX);
	assert_int_equal(latency_quantile_us(&latency, 1000), (UINT64_C(1) << 35) / 1000 + 1);
}

static void a_part_that_is_full_halves_all_of_them(void **state)
{
	struct latency latency = { .total_ns = 0 };

	(void)state;
	for (int i = 0; i < 4; i++)
		latency_add(&latency, 4000000);
	latency_add(&latency, 100);
	latency.parts[0] = UINT32_MAX - 1;
	latency_add(&latency, 100);
	assert_int_equal(latency.parts[0], UINT32_MAX / 2);
	assert_int_equal(latency_quantile_us(&latency, 500), 1);
	assert_in_range(latency_quantile_us(&latency, 1000), 4000, 4501);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_quantile_is_too_large_by_an_eighth_at_the_most),
		cmocka_unit_test(quantiles_are_of_the_calls_that_were_counted),
		cmocka_unit_test(what_is_out_of_range_counts_at_its_end),
		cmocka_unit_test(a_part_that_is_full_halves_all_of_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
