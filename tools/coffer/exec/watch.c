#include "watch.h"

#include "exec/retry.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The most that the daemon waits. */
#define WAIT_MS 600000

/* Values are fetched when they have been left alone for so long. */
#define QUIET_MS 2000

#define CALL_MS 10000

/* What the thread and its maker share: the last of them frees it. */
struct watch {
	pthread_mutex_t lock;
	bool left;   /* by one of them */
	int readers; /* the pipe's end of the maker, and of the thread */
	int writers;
	struct watch_news news;
};

/* The thread's own; the process may be on its way out of main while it is used. */
struct watcher {
	struct watch *watch;
	struct environment environment;
	struct sources sources;
	char token[COFFER_TOKEN_LEN + 1];
	struct retry retry;
	bool stale; /* there are new values that were not fetched yet */
	bool away;  /* it was told that the daemon is */
};

/* --- what is shared ----------------------------------------------------------------------------------- */

static void close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* NULL: errno is set. */
static struct watch *make_watch(void)
{
	struct watch *watch = malloc(sizeof(*watch));
	int ends[2];

	if (!watch || pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
		free(watch);
		return NULL;
	}
	*watch = (struct watch){ .lock = PTHREAD_MUTEX_INITIALIZER,
				 .readers = ends[0],
				 .writers = ends[1] };
	return watch;
}

static void free_watch(struct watch *watch)
{
	close_end(&watch->readers);
	close_end(&watch->writers);
	values_free(&watch->news.values);
	pthread_mutex_destroy(&watch->lock);
	free(watch);
}

/* Closes the end of whoever leaves, and frees all if the other has left. */
static void leave(struct watch *watch, int *end)
{
	bool last;

	pthread_mutex_lock(&watch->lock);
	close_end(end);
	last = watch->left;
	watch->left = true;
	pthread_mutex_unlock(&watch->lock);
	if (last)
		free_watch(watch);
}

int watch_fd(const struct watch *watch)
{
	return watch ? watch->readers : -1;
}

void watch_take(struct watch *watch, struct watch_news *news)
{
	pthread_mutex_lock(&watch->lock);
	*news = watch->news; /* ownership of the values moves */
	watch->news = (struct watch_news){ .note = "" };
	pthread_mutex_unlock(&watch->lock);
}

void watch_stop(struct watch *watch)
{
	if (watch)
		leave(watch, &watch->readers);
}

/* --- the thread --------------------------------------------------------------------------------------- */

static void ring(const struct watcher *watcher)
{
	(void)!write(watcher->watch->writers, "", 1);
}

__attribute__((format(printf, 2, 3))) static void tell(struct watcher *watcher, const char *format,
						       ...)
{
	struct watch_news *news = &watcher->watch->news;
	va_list args;

	va_start(args, format);
	pthread_mutex_lock(&watcher->watch->lock);
	(void)vsnprintf(news->note, sizeof(news->note), format, args);
	pthread_mutex_unlock(&watcher->watch->lock);
	va_end(args);
	ring(watcher);
}

/* Empties *values. */
static void hand_over(struct watcher *watcher, struct values *values)
{
	struct watch_news *news = &watcher->watch->news;

	pthread_mutex_lock(&watcher->watch->lock);
	values_free(&news->values);
	news->values = *values;
	news->fetched = true;
	pthread_mutex_unlock(&watcher->watch->lock);
	*values = (struct values){ NULL };
	ring(watcher);
}

/* Returns when something has changed, or nothing for so long. A revision that was not known before
 * is a change: the values may be older, from a cache. */
static coffer_err look(struct watcher *watcher, int wait_ms, bool *changed)
{
	struct fetch *fetch = &watcher->sources.fetch;
	coffer_err err = fetch_open(fetch, CALL_MS);

	*changed = false;
	if (err == COFFER_OK)
		err = coffer_wait(fetch->session, fetch->revision, wait_ms, &fetch->revision,
				  changed);
	return err;
}

/* A cache of values of which one is gone would be good for nothing. */
static void keep(struct watcher *watcher, const struct values *values)
{
	const struct value *value = values->first;
	const char *why;

	while (value && !value->why)
		value = value->hh.next;
	if (!value && (why = sources_keep(&watcher->sources, values)))
		tell(watcher, SOURCES_CANNOT_KEEP, watcher->sources.cache, why);
}

static void fail_to_fetch(struct watcher *watcher, bool again)
{
	if (!again || !watcher->away)
		tell(watcher, "the command keeps its values, which may have changed: %s",
		     fetch_message(&watcher->sources.fetch));
	watcher->away = again;
	watcher->stale = again;
}

static void refetch(struct watcher *watcher)
{
	struct values values = { NULL };
	bool again;

	if (fetch_attempt(&watcher->sources.fetch, CALL_MS, &values, &again) == COFFER_OK) {
		keep(watcher, &values);
		hand_over(watcher, &values);
		watcher->stale = watcher->away = false;
	} else {
		fail_to_fetch(watcher, again);
	}
	values_free(&values);
}

/* False if it will not pass. */
static bool fail_to_look(struct watcher *watcher, coffer_err err)
{
	const struct fetch *fetch = &watcher->sources.fetch;

	if (!retry_is_worth(err, !fetch->opened)) {
		tell(watcher, "changes are no longer watched for: %s", fetch_message(fetch));
		return false;
	}
	if (watcher->stale)
		fail_to_fetch(watcher, true);
	else if (!watcher->away)
		tell(watcher, "changes cannot be seen for now: %s", fetch_message(fetch));
	watcher->away = true;
	return true;
}

/* False at the end of it. */
static bool turn(struct watcher *watcher)
{
	bool changed;
	coffer_err err = look(watcher, watcher->stale ? QUIET_MS : WAIT_MS, &changed);

	if (err != COFFER_OK)
		return fail_to_look(watcher, err);
	if (changed) {
		watcher->stale = true;
		retry_begin(&watcher->retry, RETRY_FOREVER);
	} else if (watcher->stale) {
		refetch(watcher);
	} else {
		watcher->away = false;
	}
	return true;
}

static bool has_listener(const struct watcher *watcher)
{
	pthread_mutex_lock(&watcher->watch->lock);
	bool left = watcher->watch->left;
	pthread_mutex_unlock(&watcher->watch->lock);
	return !left;
}

static void destroy(struct watcher *watcher)
{
	fetch_close(&watcher->sources.fetch);
	environment_free(&watcher->environment);
	explicit_bzero(watcher, sizeof(*watcher));
	free(watcher);
}

static void *run(void *context)
{
	struct watcher *watcher = context;
	struct watch *watch = watcher->watch;

	retry_begin(&watcher->retry, RETRY_FOREVER);
	/* A pause also after an answer: a daemon that gives them too soon is not asked without end. */
	while (turn(watcher) && has_listener(watcher))
		(void)retry_pause(&watcher->retry);
	destroy(watcher);
	leave(watch, &watch->writers);
	return NULL;
}

/* --- its start ---------------------------------------------------------------------------------------- */

static struct watcher *make_watcher(const struct sources *sources, struct watch *watch)
{
	const struct fetch *fetch = &sources->fetch;
	struct watcher *watcher = calloc(1, sizeof(*watcher));

	if (!watcher)
		return NULL;
	watcher->watch = watch;
	watcher->sources.cache = sources->cache;
	watcher->sources.fetch.environment = &watcher->environment;
	watcher->sources.fetch.revision = fetch->revision;
	memcpy(watcher->sources.fetch.socket, fetch->socket, sizeof(fetch->socket));
	strncpy(watcher->token, fetch->token, COFFER_TOKEN_LEN);
	watcher->sources.fetch.token = watcher->token;
	if (environment_copy(&watcher->environment, fetch->environment))
		return watcher;
	destroy(watcher);
	return NULL;
}

/* Signals are for the thread that supervises the command. */
static int start(struct watcher *watcher)
{
	sigset_t all;
	sigset_t before;
	pthread_t thread;
	int error;

	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&thread, NULL, run, watcher);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error != 0 ? error : pthread_detach(thread);
}

cli_exit watch_start(const struct cli *cli, const struct sources *sources, struct watch **out)
{
	struct watch *watch = make_watch();
	struct watcher *watcher = watch ? make_watcher(sources, watch) : NULL;
	int error = watcher ? start(watcher) : errno;

	*out = NULL;
	if (error == 0) {
		*out = watch;
		return CLI_DONE;
	}
	if (watcher)
		destroy(watcher);
	if (watch)
		free_watch(watch);
	return cli_refuse(cli, "cannot watch for changes: %s", strerror(error));
}
