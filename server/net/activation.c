#include "net/activation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

/* A decimal number of 1 to max, or 0. */
static long parse_number(const char *text, long max)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	return errno == 0 && *end == '\0' && text[0] >= '0' && text[0] <= '9' && n <= max ? n : 0;
}

static void read_names(struct activation *out, const char *names)
{
	for (int i = 0; i < out->count && names != NULL; i++) {
		size_t len = strcspn(names, ":");
		size_t max = sizeof(out->sockets[i].name) - 1;
		memcpy(out->sockets[i].name, names, len < max ? len : max);
		names = names[len] == ':' ? names + len + 1 : NULL;
	}
}

/* At once: a number that is free would be the database's next, and be taken for a socket. */
static coffer_err check_open(struct activation *out)
{
	for (int i = 0; i < out->count; i++) {
		if (fcntl(ACTIVATION_FIRST + i, F_SETFD, FD_CLOEXEC) == 0)
			continue;
		log_error("LISTEN_FDS is %d, but descriptor %d is not open", out->count,
			  ACTIVATION_FIRST + i);
		return COFFER_INVALID_ARGUMENT;
	}
	return COFFER_OK;
}

coffer_err activation_read(struct activation *out)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
	coffer_err err = COFFER_OK;

	*out = (struct activation){ .count = 0 };
	/* Inherited from a parent that did not remove them, they are not for this process. */
	if (pid != NULL && count != NULL && parse_number(pid, INT32_MAX) == getpid()) {
		out->count = (int)parse_number(count, ACTIVATION_MAX);
		read_names(out, getenv("LISTEN_FDNAMES"));
		if (out->count == 0) {
			log_error("LISTEN_FDS is not a number from 1 to %d", ACTIVATION_MAX);
			err = COFFER_INVALID_ARGUMENT;
		} else {
			err = check_open(out);
		}
	}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return err;
}

static bool is_bound_to(int fd, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNSPEC };
	socklen_t len = sizeof(address);

	return getsockname(fd, (struct sockaddr *)&address, &len) == 0 &&
	       address.sun_family == AF_UNIX && len <= sizeof(address) &&
	       strncmp(address.sun_path, path, sizeof(address.sun_path)) == 0;
}

static bool option_is(int fd, int option, int want)
{
	int value;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, option, &value, &len) == 0 && value == want;
}

/* The flag is the file's, so the manager and the next daemon have it too, and want it. */
static bool stop_blocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags != -1 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

/* A name was given on purpose; the path tells only what has none that means anything here. */
static bool has_own_name(const struct activation_socket *socket)
{
	return strcmp(socket->name, "runner") == 0 || strcmp(socket->name, "admin") == 0;
}

static int find(const struct activation *activation, const char *name, const char *path)
{
	for (int i = 0; i < activation->count; i++) {
		const struct activation_socket *socket = &activation->sockets[i];
		if (socket->taken)
			continue;
		if (has_own_name(socket) ? strcmp(socket->name, name) == 0
					 : is_bound_to(ACTIVATION_FIRST + i, path))
			return i;
	}
	return -1;
}

coffer_err activation_take(struct activation *activation, const char *name, const char *path,
			   int *fd)
{
	int i = find(activation, name, path), passed = ACTIVATION_FIRST + i;

	*fd = -1;
	if (i < 0)
		return COFFER_NOT_FOUND;
	if (!option_is(passed, SO_DOMAIN, AF_UNIX) || !option_is(passed, SO_TYPE, SOCK_STREAM) ||
	    !option_is(passed, SO_ACCEPTCONN, 1)) {
		log_error("the %s socket that was passed on is not a listening Unix stream socket",
			  name);
		return COFFER_INVALID_ARGUMENT;
	}
	if (!stop_blocking(passed)) {
		log_error("cannot use the %s socket: %s", name, strerror(errno));
		return COFFER_UNAVAILABLE;
	}
	activation->sockets[i].taken = true;
	*fd = passed;
	return COFFER_OK;
}

coffer_err activation_finish(const struct activation *activation)
{
	for (int i = 0; i < activation->count; i++) {
		if (activation->sockets[i].taken)
			continue;
		log_error("descriptor %d was passed on and is neither the runner nor the admin "
			  "socket",
			  ACTIVATION_FIRST + i);
		return COFFER_INVALID_ARGUMENT;
	}
	return COFFER_OK;
}
