/* The clocks and the form of a time. */
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <time.h>

static void times_are_written_in_utc_with_milliseconds(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00.000Z" },
		{ 1, "1970-01-01T00:00:00.001Z" },
		{ -1, "1969-12-31T23:59:59.999Z" },
		{ -1000, "1969-12-31T23:59:59.000Z" },
		{ 951782400000, "2000-02-29T00:00:00.000Z" },
		{ 1795311608123, "2026-11-22T01:40:08.123Z" },
		{ 2147483648000, "2038-01-19T03:14:08.000Z" },
		{ 4107542399999, "2100-02-28T23:59:59.999Z" },
		{ 253402300799999, "9999-12-31T23:59:59.999Z" },
		{ 253402300800000, "9999-12-31T23:59:59.999Z" },
		{ INT64_MAX, "9999-12-31T23:59:59.999Z" },
		{ -62167219200000, "0000-01-01T00:00:00.000Z" },
		{ INT64_MIN, "0000-01-01T00:00:00.000Z" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[CLOCK_TEXT_LEN + 1];

		clock_format(cases[i].ms, text);
		assert_string_equal(text, cases[i].text);
	}
}

static void wall_clock_is_the_system_s_in_milliseconds(void **state)
{
	struct timespec before, after;
	int64_t now;

	(void)state;
	assert_int_equal(clock_gettime(CLOCK_REALTIME, &before), 0);
	now = clock_wall_ms();
	assert_int_equal(clock_gettime(CLOCK_REALTIME, &after), 0);
	assert_true((int64_t)before.tv_sec * 1000 + before.tv_nsec / 1000000 <= now);
	assert_true(now <= (int64_t)after.tv_sec * 1000 + after.tv_nsec / 1000000);
}

static void monotonic_clock_never_goes_back(void **state)
{
	int64_t last = clock_mono_ms();

	(void)state;
	for (int i = 0; i < 10000; i++) {
		const int64_t now = clock_mono_ms();

		assert_true(now >= last);
		last = now;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_written_in_utc_with_milliseconds),
		cmocka_unit_test(wall_clock_is_the_system_s_in_milliseconds),
		cmocka_unit_test(monotonic_clock_never_goes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
