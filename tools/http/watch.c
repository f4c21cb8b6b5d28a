#include "watch.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <utlist.h>

struct watched {
	int fd;
	bool shut;
	bool finishing;
	int64_t deadline_ms;
	struct watched *prev, *next;
};

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void watch_init(struct watch *watch, int64_t request_ms, int64_t reply_ms)
{
	*watch = (struct watch){ .mutex = PTHREAD_MUTEX_INITIALIZER,
				 .left = PTHREAD_COND_INITIALIZER,
				 .request_ms = request_ms,
				 .reply_ms = reply_ms };
}

void watch_destroy(struct watch *watch)
{
	(void)pthread_cond_destroy(&watch->left);
	(void)pthread_mutex_destroy(&watch->mutex);
}

struct watched *watch_enter(struct watch *watch, int fd)
{
	struct watched *watched = malloc(sizeof(*watched));

	if (watched == NULL)
		return NULL;
	*watched = (struct watched){ .fd = fd, .deadline_ms = now_ms() + watch->request_ms };
	pthread_mutex_lock(&watch->mutex);
	DL_APPEND(watch->all, watched);
	watch->connections++;
	pthread_mutex_unlock(&watch->mutex);
	return watched;
}

void watch_leave(struct watch *watch, struct watched *watched)
{
	if (watched == NULL)
		return;
	pthread_mutex_lock(&watch->mutex);
	DL_DELETE(watch->all, watched);
	watch->connections--;
	pthread_cond_signal(&watch->left);
	pthread_mutex_unlock(&watch->mutex);
	free(watched);
}

static void set_deadline(struct watch *watch, struct watched *watched, int64_t in_ms)
{
	pthread_mutex_lock(&watch->mutex);
	watched->deadline_ms = now_ms() + in_ms;
	pthread_mutex_unlock(&watch->mutex);
}

void watch_begin(struct watch *watch, struct watched *watched)
{
	set_deadline(watch, watched, watch->reply_ms);
}

void watch_end(struct watch *watch, struct watched *watched)
{
	set_deadline(watch, watched, watch->request_ms);
}

int64_t watch_sweep(struct watch *watch)
{
	/* What comes after this look has at least so much time. */
	int64_t now = now_ms();
	int64_t next =
	    now + (watch->request_ms < watch->reply_ms ? watch->request_ms : watch->reply_ms);

	pthread_mutex_lock(&watch->mutex);
	for (struct watched *watched = watch->all; watched != NULL; watched = watched->next) {
		/* The descriptor is still the connection's: it is not closed before watch_leave. */
		if (watched->deadline_ms <= now && !watched->shut) {
			(void)shutdown(watched->fd, SHUT_RDWR);
			watched->shut = true;
		}
		if (!watched->shut && watched->deadline_ms < next)
			next = watched->deadline_ms;
	}
	pthread_mutex_unlock(&watch->mutex);
	return next - now;
}

/* What was accepted in the same moment may come late, so they are looked at more than once. */
static void finish_all(struct watch *watch)
{
	for (struct watched *watched = watch->all; watched != NULL; watched = watched->next) {
		if (!watched->finishing)
			(void)shutdown(watched->fd, SHUT_RD);
		watched->finishing = true;
	}
}

void watch_finish(struct watch *watch, int64_t timeout_ms)
{
	int64_t end_ms = now_ms() + timeout_ms;
	struct timespec soon;

	pthread_mutex_lock(&watch->mutex);
	for (finish_all(watch); watch->connections > 0 && now_ms() < end_ms; finish_all(watch)) {
		(void)clock_gettime(CLOCK_REALTIME, &soon);
		soon.tv_nsec += 50000000;
		soon.tv_sec += soon.tv_nsec / 1000000000;
		soon.tv_nsec %= 1000000000;
		(void)pthread_cond_timedwait(&watch->left, &watch->mutex, &soon);
	}
	pthread_mutex_unlock(&watch->mutex);
}

unsigned watch_connections(struct watch *watch)
{
	unsigned count;

	pthread_mutex_lock(&watch->mutex);
	count = watch->connections;
	pthread_mutex_unlock(&watch->mutex);
	return count;
}
