#include "courier.h"

#include "fetch/frame.h"
#include "file.h"
#include "home.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM   "coffer-fetch"
#define INSTALLED COFFER_LIBEXEC "/" PROGRAM

/* So much is read at once. */
#define READ_STEP 65536

static const char not_there[] =
    "https needs coffer-fetch, and it is not installed: this coffer was "
    "built, or installed, without https";

/* Of the environment it gets what libcurl knows of proxies, and nothing that would change what is checked or show what
 * is sent. */
static bool is_passed_on(const char *variable)
{
	static const char *const names[] = { "https_proxy", "HTTPS_PROXY", "all_proxy",
					     "ALL_PROXY",   "no_proxy",    "NO_PROXY" };
	size_t len = strcspn(variable, "=");

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i]) == len && memcmp(names[i], variable, len) == 0)
			return true;
	return false;
}

/* Into places for max and a NULL. */
static void pick_environment(char **out, size_t max)
{
	size_t len = 0;

	for (char **variable = environ; *variable && len < max; variable++)
		if (is_passed_on(*variable))
			out[len++] = *variable;
	out[len] = NULL;
}

/* Returns an errno. */
static int spawn(const char *path, int in, int out, pid_t *pid)
{
	char program[] = PROGRAM;
	char *argv[] = { program, NULL };
	char *envp[16];
	posix_spawn_file_actions_t actions;
	int error = posix_spawn_file_actions_init(&actions);

	if (error != 0)
		return error;
	pick_environment(envp, sizeof(envp) / sizeof(envp[0]) - 1);
	if ((error = posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO)) == 0 &&
	    (error = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO)) == 0)
		error = posix_spawn(pid, path, &actions, NULL, argv, envp);
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

/* NULL, or why not. */
static const char *find_and_spawn(int in, int out, pid_t *pid)
{
	static const char *const places[] = { PROGRAM, INSTALLED };
	char path[HOME_PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - sizeof(INSTALLED));
	char *slash = len > 0 ? memrchr(path, '/', (size_t)len) : NULL;
	int error = ENOENT;

	for (size_t i = 0; slash && error == ENOENT && i < sizeof(places) / sizeof(places[0]);
	     i++) {
		memcpy(slash + 1, places[i], strlen(places[i]) + 1);
		error = spawn(path, in, out, pid);
	}
	if (error == ENOENT)
		return not_there;
	return error == 0 ? NULL : strerror(error);
}

static const char *read_all(int fd, struct bytes *out)
{
	ssize_t n = 1;

	while (n != 0) {
		if (!bytes_reserve(out, READ_STEP))
			return "there is no memory for the answer";
		n = read(fd, out->data + out->len, out->cap - out->len);
		if (n < 0 && errno != EINTR)
			return strerror(errno);
		out->len += n > 0 ? (size_t)n : 0;
	}
	return NULL;
}

static void drop(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

const char *courier_run(const struct bytes *request, struct bytes *out)
{
	int to[2] = { -1, -1 };
	int from[2] = { -1, -1 };
	const char *why;
	pid_t pid = 0;

	if (request->failed)
		return "there is no memory for the request";
	if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0)
		why = strerror(errno);
	else
		why = find_and_spawn(to[0], from[1], &pid);
	drop(&to[0]);
	drop(&from[1]);
	/* What it does not take it does not answer, which shows. */
	if (!why)
		(void)file_write(to[1], request->data, request->len);
	drop(&to[1]);
	if (!why)
		why = read_all(from[0], out);
	drop(&from[0]);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return why;
}

bool courier_next(const struct bytes *answers, size_t *at, struct courier_answer *out)
{
	size_t left = answers->len - *at;
	struct frame_head head;

	if (left < sizeof(head))
		return false;
	memcpy(&head, answers->data + *at, sizeof(head));
	if (head.len > left - sizeof(head))
		return false;
	*out = (struct courier_answer){ head.status, answers->data + *at + sizeof(head), head.len };
	*at += sizeof(head) + head.len;
	return true;
}
