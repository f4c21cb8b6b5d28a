#include "base/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

#define VARIABLE "NOTIFY_SOCKET"

/* The address's length, or 0 if text is none. */
static socklen_t parse(const char *text, struct sockaddr_un *address)
{
	size_t len = strlen(text);

	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if ((text[0] != '/' && text[0] != '@') || len < 2 || len >= sizeof(address->sun_path))
		return 0;
	memcpy(address->sun_path, text, len);
	if (text[0] == '/')
		return sizeof(*address);
	address->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

coffer_err notify_open(struct notify *out)
{
	const char *text = getenv(VARIABLE);
	struct sockaddr_un address;
	coffer_err err = COFFER_OK;
	socklen_t len;

	out->fd = -1;
	if (text == NULL)
		return COFFER_OK;
	if ((len = parse(text, &address)) == 0) {
		log_error(VARIABLE " is neither a path nor an abstract name: %s", text);
		err = COFFER_INVALID_ARGUMENT;
	} else {
		out->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (out->fd < 0 || connect(out->fd, (struct sockaddr *)&address, len) != 0) {
			log_warn("cannot reach the service manager at %s: %s", text,
				 strerror(errno));
			notify_close(out);
		}
	}
	unsetenv(VARIABLE);
	return err;
}

void notify_close(struct notify *notify)
{
	if (notify->fd >= 0)
		close(notify->fd);
	notify->fd = -1;
}

/* Does not wait: a manager that reads nothing must not hold up the loop. */
static void tell(const struct notify *notify, const char *state)
{
	if (notify->fd >= 0 &&
	    send(notify->fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		log_warn("cannot tell the service manager: %s", strerror(errno));
}

void notify_ready(const struct notify *notify)
{
	tell(notify, "READY=1\nSTATUS=Serving");
}

void notify_reloading(const struct notify *notify)
{
	char state[96];
	struct timespec now;

	/* In microseconds, by which the manager tells the answer to its signal from an older one's. */
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(state, sizeof(state),
		 "RELOADING=1\nMONOTONIC_USEC=%" PRId64 "\nSTATUS=Reading the settings",
		 (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	tell(notify, state);
}

void notify_stopping(const struct notify *notify)
{
	tell(notify, "STOPPING=1\nSTATUS=Answering the last requests");
}
