#include "lately.h"

#include <time.h>

#define LASTS_MS 1000

void lately_init(struct lately *lately)
{
	*lately = (struct lately){ .mutex = PTHREAD_MUTEX_INITIALIZER };
}

void lately_destroy(struct lately *lately)
{
	(void)pthread_mutex_destroy(&lately->mutex);
}

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool lately_is_due(struct lately *lately)
{
	bool is_due;

	lately_lock(lately);
	is_due =
	    !lately->asking && (lately->asked_ms == 0 || now_ms() - lately->asked_ms >= LASTS_MS);
	lately->asking = lately->asking || is_due;
	lately_unlock(lately);
	return is_due;
}

void lately_asked(struct lately *lately)
{
	lately->asked_ms = now_ms();
	lately->asking = false;
}

void lately_lock(struct lately *lately)
{
	pthread_mutex_lock(&lately->mutex);
}

void lately_unlock(struct lately *lately)
{
	pthread_mutex_unlock(&lately->mutex);
}
