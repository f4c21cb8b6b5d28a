#include "watch.h"

#include "exec/retry.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The most that the daemon waits. */
#define WAIT_MS 600000

#define CALL_MS 10000

/* The thread's own; the process may be on its way out of main while it is used. */
struct watcher {
	struct cli cli;
	struct fetch fetch; /* its token points to the copy */
	char token[COFFER_TOKEN_LEN + 1];
	struct coffer_session *session;
	bool opened;
	int changes; /* the pipe's end for writing */
};

static void drop(struct watcher *watcher)
{
	coffer_close(watcher->session);
	watcher->session = NULL;
}

static void destroy(struct watcher *watcher)
{
	drop(watcher);
	if (watcher->changes >= 0)
		close(watcher->changes);
	explicit_bzero(watcher, sizeof(*watcher));
	free(watcher);
}

/* Returns when something has changed, or nothing for long. A revision that was not known before is
 * a change: the values may be older, from a cache. */
static coffer_err look(struct watcher *watcher, bool *changed)
{
	struct coffer_options options = fetch_options(&watcher->fetch, CALL_MS);
	coffer_err err = COFFER_OK;

	*changed = false;
	if (!watcher->opened) {
		drop(watcher);
		err = coffer_open(&watcher->session, &options);
		watcher->opened = err == COFFER_OK;
	}
	if (err == COFFER_OK)
		err = coffer_wait(watcher->session, watcher->fetch.revision, WAIT_MS,
				  &watcher->fetch.revision, changed);
	return err;
}

/* False if nobody listens any more. */
static bool tell(const struct watcher *watcher)
{
	return write(watcher->changes, "", 1) == 1 || errno == EAGAIN;
}

static void *run(void *context)
{
	struct watcher *watcher = context;
	struct retry retry;
	bool away = false;

	retry_begin(&retry, RETRY_FOREVER);
	for (;;) {
		bool changed;
		coffer_err err = look(watcher, &changed);

		if (err != COFFER_OK && !retry_is_worth(err, !watcher->opened)) {
			cli_warn(&watcher->cli, "changes are no longer watched for: %s",
				 coffer_message(watcher->session));
			break;
		}
		if (err != COFFER_OK && !away)
			cli_warn(&watcher->cli, "changes cannot be seen for now: %s",
				 coffer_message(watcher->session));
		away = err != COFFER_OK;
		if (changed && !tell(watcher))
			break;
		/* Also after an answer: a daemon that gives them too soon is not asked without end. */
		if (changed)
			retry_begin(&retry, RETRY_FOREVER);
		(void)retry_pause(&retry);
	}
	destroy(watcher);
	return NULL;
}

static struct watcher *make(const struct cli *cli, const struct fetch *fetch, int changes)
{
	struct watcher *watcher = calloc(1, sizeof(*watcher));

	if (!watcher)
		return NULL;
	watcher->cli = *cli;
	watcher->fetch.revision = fetch->revision;
	memcpy(watcher->fetch.socket, fetch->socket, sizeof(watcher->fetch.socket));
	strncpy(watcher->token, fetch->token, COFFER_TOKEN_LEN);
	watcher->fetch.token = watcher->token;
	/* A descriptor of its own: the pipe may be closed here, and its number be another file's. */
	watcher->changes = fcntl(changes, F_DUPFD_CLOEXEC, 0);
	return watcher;
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

cli_exit watch_start(const struct cli *cli, const struct fetch *fetch, struct watch *out)
{
	struct watcher *watcher = NULL;
	int ends[2] = { -1, -1 };
	int error = ENOMEM;

	*out = WATCH_NONE;
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
		error = errno;
	} else if ((watcher = make(cli, fetch, ends[1]))) {
		error = watcher->changes < 0 ? EMFILE : start(watcher);
	}
	*out = (struct watch){ ends[0], ends[1] };
	if (error == 0)
		return CLI_DONE;
	if (watcher)
		destroy(watcher);
	watch_stop(out);
	return cli_refuse(cli, "cannot watch for changes: %s", strerror(error));
}

void watch_repeat(const struct watch *watch)
{
	(void)!write(watch->again, "", 1);
}

void watch_stop(struct watch *watch)
{
	if (watch->changes >= 0)
		close(watch->changes);
	if (watch->again >= 0)
		close(watch->again);
	*watch = WATCH_NONE;
}
