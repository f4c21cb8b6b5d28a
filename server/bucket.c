#include "bucket.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "s3_settings.h"

extern char **environ;

#define PATH_ROOM 4096

/* How coffer-s3 tells what an object is: see coffer-s3(8). */
enum { EXIT_NONE = 3, EXIT_EXISTS = 4 };

/* Its descriptor of an object's body. */
#define BODY_FD   3
#define BODY_PATH "/dev/fd/3"

/* --- its program ---------------------------------------------------------------------------------------- */

/* Beside this one, as they are installed or built. */
static coffer_err find_helper(const struct config *config, char path[PATH_ROOM])
{
	static const char *const places[] = { "coffer-s3", "s3/coffer-s3",
					      "../libexec/coffer/coffer-s3" };
	ssize_t len = readlink("/proc/self/exe", path, PATH_ROOM - 64);
	char *slash = len > 0 ? memrchr(path, '/', (size_t)len) : NULL;

	if (config->s3.helper != NULL) {
		if (snprintf(path, PATH_ROOM, "%s", config->s3.helper) < PATH_ROOM &&
		    access(path, X_OK) == 0)
			return COFFER_OK;
		log_error("cannot start %s: %s", config->s3.helper, strerror(errno));
		return COFFER_FAILED_PRECONDITION;
	}
	for (size_t i = 0; slash != NULL && i < sizeof(places) / sizeof(places[0]); i++) {
		memcpy(slash + 1, places[i], strlen(places[i]) + 1);
		if (access(path, X_OK) == 0)
			return COFFER_OK;
	}
	log_error("a bucket needs coffer-s3, which is not installed (or use --s3-helper)");
	return COFFER_FAILED_PRECONDITION;
}

/* It may need what is set for proxies and certificates, and none of ours but one: by the number of its parent, which is
 * borrowed, it knows whether that has ended. NULL without memory. */
static char **its_environment(char *parent)
{
	static const char *const ours[] = { "COFFER_", "CI_SECRETS_",
					    "CREDENTIALS_DIRECTORY=", "NOTIFY_SOCKET=", "LISTEN_" };
	size_t count = 0, kept = 0;
	char **out;

	while (environ[count] != NULL)
		count++;
	if ((out = calloc(count + 2, sizeof(*out))) == NULL)
		return NULL;
	out[kept++] = parent;
	for (size_t i = 0; i < count; i++) {
		bool is_ours = false;
		for (size_t k = 0; k < sizeof(ours) / sizeof(ours[0]); k++)
			is_ours |= strncmp(environ[i], ours[k], strlen(ours[k])) == 0;
		if (!is_ours)
			out[kept++] = environ[i];
	}
	return out;
}

/* --- its process ---------------------------------------------------------------------------------------- */

/* Descriptors of the child's; -1: none. */
struct stdio {
	int in, out, body;
};

/* In the child. Nothing that is not its own comes along. */
static void become(const char *path, char *const argv[], char **environment, pid_t parent,
		   const struct stdio *io)
{
	int out = io->out >= 0 ? io->out : open("/dev/null", O_WRONLY | O_CLOEXEC);

	(void)signal(SIGCHLD, SIG_DFL);
	(void)signal(SIGPIPE, SIG_DFL);
	/* The parent may have ended before it was asked to tell. */
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid() == parent &&
	    dup2(io->in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 &&
	    (io->body < 0 || dup2(io->body, BODY_FD) >= 0) &&
	    close_range(io->body < 0 ? BODY_FD : BODY_FD + 1, UINT_MAX, 0) == 0)
		(void)execve(path, argv, environment);
	_exit(127);
}

/* A pipe that holds the text, to be read from *fd. What is as short as settings, fits. */
static coffer_err fill_pipe(struct slice text, int *fd)
{
	int ends[2];
	bool written;

	*fd = -1;
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
		log_error("cannot make a pipe: %s", strerror(errno));
		return COFFER_UNAVAILABLE;
	}
	written = write(ends[1], text.data, text.len) == (ssize_t)text.len;
	close(ends[1]);
	if (written && fcntl(ends[0], F_SETFL, 0) == 0) {
		*fd = ends[0];
		return COFFER_OK;
	}
	close(ends[0]);
	log_error("cannot write to a pipe: %s", strerror(errno));
	return COFFER_UNAVAILABLE;
}

static coffer_err start(const char *path, char *const argv[], const struct stdio *io, pid_t *pid)
{
	char number[48];
	char **environment = its_environment(number);
	pid_t parent = getpid();

	snprintf(number, sizeof(number), "COFFER_S3_PARENT=%d", (int)parent);
	*pid = environment != NULL ? fork() : -1;
	if (*pid == 0)
		become(path, argv, environment, parent, io);
	free(environment);
	if (*pid > 0)
		return COFFER_OK;
	log_error("cannot start %s: %s", path, strerror(errno));
	return COFFER_UNAVAILABLE;
}

/* Starts it with its settings on stdin, which is set here. */
static coffer_err run(const struct config *config, const char *admin_socket, struct arena *arena,
		      char *const argv[], struct stdio *io, pid_t *pid)
{
	struct secret text = SECRET_EMPTY;
	char path[PATH_ROOM];
	coffer_err err;

	if ((err = find_helper(config, path)) != COFFER_OK ||
	    (err = s3_settings_text(config, admin_socket, arena, &text)) != COFFER_OK)
		return err;
	if ((err = fill_pipe((struct slice){ text.data, text.len }, &io->in)) == COFFER_OK) {
		err = start(path, argv, io, pid);
		close(io->in);
	}
	secret_free(&text);
	return err;
}

coffer_err bucket_serve(const struct config *config, const char *admin_socket, struct arena *arena)
{
	char program[] = "coffer-s3", verb[] = "serve";
	char *const argv[] = { program, verb, NULL };
	struct stdio io = { -1, -1, -1 };
	pid_t pid;

	if (config->s3.bucket == NULL)
		return COFFER_OK;
	/* It looks after itself; should it end all the same, nobody has to clear it away. */
	(void)signal(SIGCHLD, SIG_IGN);
	return run(config, admin_socket, arena, argv, &io, &pid);
}

/* --- one object ----------------------------------------------------------------------------------------- */

static coffer_err outcome(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return COFFER_UNAVAILABLE;
	if (!WIFEXITED(status))
		return COFFER_UNAVAILABLE;
	switch (WEXITSTATUS(status)) {
	case 0:
		return COFFER_OK;
	case EXIT_NONE:
		return COFFER_NOT_FOUND;
	case EXIT_EXISTS:
		return COFFER_ALREADY_EXISTS;
	default:
		return COFFER_UNAVAILABLE;
	}
}

/* To its end, as far as there is room; false if there is more, or it cannot be read. */
static bool read_all(int fd, struct buf *out)
{
	ssize_t n;

	do {
		n = read(fd, out->data + out->len, out->cap - out->len);
		if (n > 0)
			out->len += (size_t)n;
	} while ((n > 0 && out->len < out->cap) || (n < 0 && errno == EINTR));
	return n == 0;
}

coffer_err bucket_get(const struct config *config, struct arena *arena, const char *key,
		      struct buf *out)
{
	char program[] = "coffer-s3", verb[] = "get", *name = strdup(key);
	char *const argv[] = { program, verb, name, NULL };
	struct stdio io = { -1, -1, -1 };
	int ends[2];
	bool whole = false;
	pid_t pid;
	coffer_err err = COFFER_RESOURCE_EXHAUSTED;

	if (name == NULL || pipe2(ends, O_CLOEXEC) != 0)
		goto out;
	io.out = ends[1];
	err = run(config, NULL, arena, argv, &io, &pid);
	close(ends[1]);
	if (err == COFFER_OK)
		whole = read_all(ends[0], out);
	close(ends[0]);
	if (err == COFFER_OK)
		err = outcome(pid);
	if (err == COFFER_OK && !whole)
		err = COFFER_UNAVAILABLE;
out:
	free(name);
	return err;
}

coffer_err bucket_put(const struct config *config, struct arena *arena, const char *key,
		      struct slice body)
{
	char program[] = "coffer-s3", verb[] = "put", path[] = BODY_PATH, *name = strdup(key);
	char *const argv[] = { program, verb, name, path, NULL };
	struct stdio io = { -1, -1, -1 };
	pid_t pid;
	coffer_err err = COFFER_RESOURCE_EXHAUSTED;

	if (name != NULL && (err = fill_pipe(body, &io.body)) == COFFER_OK) {
		err = run(config, NULL, arena, argv, &io, &pid);
		close(io.body);
		if (err == COFFER_OK)
			err = outcome(pid);
	}
	free(name);
	return err;
}
