/* coffer-fetch - what coffer starts to ask a server over https, so that nobody else loads libcurl; not for people. It
 * reads what to get from standard input and writes the answers to standard output, both as frame.h says. */
#include "ask.h"
#include "coffer/file.h"
#include "coffer/wiped.h"
#include "frame.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* Nothing that holds a token is dumped, traced or outlives who asked; no descriptor of others is held. */
static bool harden(void)
{
	const struct rlimit none = { 0, 0 };

#ifndef COFFER_SANITIZE
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
	(void)close_range(STDERR_FILENO + 1, ~0U, 0);
	return setrlimit(RLIMIT_CORE, &none) == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0;
}

/* All of standard input, with a NUL behind it. NULL: not to be had, or too much. */
static char *read_request(size_t *len)
{
	char *request = wiped_malloc(FRAME_REQUEST_MAX + 1);
	ssize_t n = 1;

	*len = 0;
	while (request && n != 0 && *len < FRAME_REQUEST_MAX) {
		n = read(STDIN_FILENO, request + *len, FRAME_REQUEST_MAX - *len);
		if (n < 0 && errno != EINTR)
			break;
		*len += n > 0 ? (size_t)n : 0;
	}
	if (n == 0) {
		request[*len] = '\0';
		return request;
	}
	wiped_free(request);
	return NULL;
}

/* Takes the first texts off; returns what follows them, or NULL if there are not so many. */
static const char *split(const char *request, const char *end, const char **texts)
{
	for (size_t i = 0; i < FRAME_TEXTS; i++) {
		if (request >= end)
			return NULL;
		texts[i] = request;
		request += strlen(request) + 1;
	}
	return request;
}

static bool answer(uint32_t status, const char *data, size_t len)
{
	const struct frame_head head = { status, (uint32_t)len };

	return file_write(STDOUT_FILENO, &head, sizeof(head)) &&
	       file_write(STDOUT_FILENO, data, len);
}

/* Until the end, or the first that fails. False: nobody listens. */
static bool serve(struct ask *ask, const struct ask_plan *plan, const char *path, const char *end)
{
	coffer_err err = ask_open(ask, plan);
	long status = 0;

	while (err == COFFER_OK && path < end) {
		if ((err = ask_path(ask, path, &status)) == COFFER_OK &&
		    !answer((uint32_t)status, ask->body, ask->len))
			return false;
		path += strlen(path) + 1;
	}
	return err == COFFER_OK || answer((uint32_t)err, ask->message, strlen(ask->message));
}

static bool run(const char *request, size_t len)
{
	const char *texts[FRAME_TEXTS];
	const char *paths = split(request, request + len, texts);
	struct ask ask = { .curl = NULL };
	bool done;

	if (!paths)
		return false;
	const struct ask_plan plan = {
		.url = texts[FRAME_URL],
		.token = texts[FRAME_TOKEN],
		.ca = texts[FRAME_CA],
		.cert = texts[FRAME_CERT],
		.key = texts[FRAME_KEY],
		.timeout_ms = strtol(texts[FRAME_TIMEOUT], NULL, 10),
	};
	done = serve(&ask, &plan, paths, request + len);
	ask_close(&ask);
	return done;
}

int main(void)
{
	bool done = false;
	char *request;
	size_t len;

	if (!harden() ||
	    curl_global_init_mem(CURL_GLOBAL_DEFAULT, wiped_malloc, wiped_free, wiped_realloc,
				 wiped_strdup, wiped_calloc) != CURLE_OK)
		return EXIT_FAILURE;
	if ((request = read_request(&len)))
		done = run(request, len);
	wiped_free(request);
	curl_global_cleanup();
	return done ? EXIT_SUCCESS : EXIT_FAILURE;
}
