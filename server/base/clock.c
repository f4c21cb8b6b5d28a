#include "base/clock.h"

#include <string.h>
#include <time.h>

/* The first and the last millisecond of the years 0000 to 9999, which the form has room for. */
#define WALL_MS_MIN INT64_C(-62167219200000)
#define WALL_MS_MAX INT64_C(253402300799999)

static struct timespec read_clock(clockid_t id)
{
	struct timespec now;

	/* Cannot fail: both clocks exist and the address is ours. */
	(void)clock_gettime(id, &now);
	return now;
}

static int64_t clock_ms(clockid_t id)
{
	const struct timespec now = read_clock(id);

	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_wall_ms(void)
{
	return clock_ms(CLOCK_REALTIME);
}

int64_t clock_mono_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

int64_t clock_mono_ns(void)
{
	const struct timespec now = read_clock(CLOCK_MONOTONIC);

	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Overwrites the digits of a template that end before end. */
static void digits_put(char *end, int count, int value)
{
	for (; count > 0; count--, value /= 10)
		*--end = (char)('0' + value % 10);
}

void clock_format(int64_t wall_ms, char out[CLOCK_TEXT_LEN + 1])
{
	struct tm tm = { 0 };
	time_t seconds;
	int ms;

	if (wall_ms < WALL_MS_MIN)
		wall_ms = WALL_MS_MIN;
	if (wall_ms > WALL_MS_MAX)
		wall_ms = WALL_MS_MAX;
	ms = (int)((wall_ms % 1000 + 1000) % 1000);
	seconds = (time_t)((wall_ms - ms) / 1000);
	(void)gmtime_r(&seconds, &tm); /* cannot fail within these bounds */

	memcpy(out, "0000-00-00T00:00:00.000Z", CLOCK_TEXT_LEN + 1);
	digits_put(out + 4, 4, tm.tm_year + 1900);
	digits_put(out + 7, 2, tm.tm_mon + 1);
	digits_put(out + 10, 2, tm.tm_mday);
	digits_put(out + 13, 2, tm.tm_hour);
	digits_put(out + 16, 2, tm.tm_min);
	digits_put(out + 19, 2, tm.tm_sec);
	digits_put(out + 23, 3, ms);
}
