#include "retry.h"

#include "clock.h"

#include <sys/random.h>
#include <time.h>

#define DELAY_FIRST_MS 50
#define DELAY_MAX_MS   2000

void retry_begin(struct retry *retry, int64_t time_ms)
{
	*retry = (struct retry){ clock_mono_ms() + time_ms, DELAY_FIRST_MS };
}

int64_t retry_left_ms(const struct retry *retry)
{
	int64_t left = retry->deadline_ms - clock_mono_ms();

	return left > 0 ? left : 0;
}

/* Without randomness there is no chance in it: that harms nobody. */
static int64_t with_chance(int64_t delay_ms)
{
	uint32_t random = 0;

	(void)!getrandom(&random, sizeof(random), GRND_NONBLOCK);
	return delay_ms - (int64_t)(random % (uint32_t)(delay_ms / 2 + 1));
}

bool retry_pause(struct retry *retry)
{
	int64_t left = retry_left_ms(retry);
	int64_t delay = with_chance(retry->delay_ms);
	struct timespec pause;

	if (left == 0)
		return false;
	delay = delay < left ? delay : left;
	pause = (struct timespec){ delay / 1000, delay % 1000 * 1000000 };
	(void)nanosleep(&pause, NULL);
	retry->delay_ms = retry->delay_ms * 2 < DELAY_MAX_MS ? retry->delay_ms * 2 : DELAY_MAX_MS;
	return true;
}

bool retry_is_worth(coffer_err err, bool opening)
{
	return err == COFFER_UNAVAILABLE || err == COFFER_DEADLINE_EXCEEDED ||
	       err == COFFER_ABORTED || (opening && err == COFFER_RESOURCE_EXHAUSTED);
}
