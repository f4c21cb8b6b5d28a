#include "expiry.h"

#include "clock.h"
#include "options.h"

#include <string.h>
#include <time.h>

/* "2026-12-24T00:00:00", a fraction of a second, which is left out, and "Z" or "+01:00". */
static bool read_time(const char *text, int64_t *at_ms)
{
	struct tm tm = { 0 };
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	long offset = 0;

	/* strptime would also take fewer digits. */
	if (!rest || rest - text != (long)strlen("2026-12-24T00:00:00"))
		return false;
	if (*rest == '.' && strspn(rest + 1, "0123456789") > 0)
		rest += 1 + strspn(rest + 1, "0123456789");
	if (strcmp(rest, "Z") != 0) {
		struct tm zone = { 0 };
		const char *end = strptime(rest, "%z", &zone);
		if ((*rest != '+' && *rest != '-') || !end || *end || end - rest != 6)
			return false;
		offset = zone.tm_gmtoff;
	}
	*at_ms = ((int64_t)timegm(&tm) - offset) * 1000;
	return *at_ms > 0;
}

bool expiry_read(const char *text, int64_t *at_ms)
{
	int64_t ms;

	if (!options_duration(text, &ms))
		return read_time(text, at_ms);
	*at_ms = clock_wall_ms();
	if (ms > INT64_MAX - *at_ms)
		return false;
	*at_ms += ms;
	return true;
}
