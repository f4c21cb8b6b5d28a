#include "notify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "log.h"

#define FIRST 3 /* by sd_listen_fds(3) */

static bool option_is(int option, int want)
{
	int value;
	socklen_t len = sizeof(value);

	return getsockopt(FIRST, SOL_SOCKET, option, &value, &len) == 0 && value == want;
}

static coffer_err take(int *fd)
{
	if ((!option_is(SO_DOMAIN, AF_INET) && !option_is(SO_DOMAIN, AF_INET6)) ||
	    !option_is(SO_TYPE, SOCK_STREAM) || !option_is(SO_ACCEPTCONN, 1)) {
		log_error("the socket that was passed on is not a listening TCP socket");
		return COFFER_INVALID_ARGUMENT;
	}
	if (fcntl(FIRST, F_SETFD, FD_CLOEXEC) != 0 || fcntl(FIRST, F_SETFL, O_NONBLOCK) != 0) {
		log_error("cannot use the socket that was passed on: %s", strerror(errno));
		return COFFER_INTERNAL;
	}
	*fd = FIRST;
	return COFFER_OK;
}

coffer_err notify_socket(int *fd)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
	coffer_err err = COFFER_OK;

	*fd = -1;
	/* Inherited from a parent that did not remove them, they are not for this process. */
	if (pid != NULL && count != NULL && strtol(pid, NULL, 10) == getpid()) {
		if (strcmp(count, "1") == 0) {
			err = take(fd);
		} else {
			log_error("LISTEN_FDS is not 1");
			err = COFFER_INVALID_ARGUMENT;
		}
	}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return err;
}

void notify_tell(const char *state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path != NULL ? strlen(path) : 0;
	int fd;

	if (len < 2 || len >= sizeof(address.sun_path))
		return;
	memcpy(address.sun_path, path, len);
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	if ((fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) < 0 ||
	    sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT,
		   (struct sockaddr *)&address,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
		log_warn("cannot tell the service manager: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
}
