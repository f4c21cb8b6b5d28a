#include "probe.h"

#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define TIMEOUT_MS 1000 /* health that has to be waited for is none */

void probe_init(struct probe *probe, const char *socket, int timeout_ms)
{
	*probe = (struct probe){ .socket = socket,
				 .timeout_ms = timeout_ms < TIMEOUT_MS ? timeout_ms : TIMEOUT_MS };
	lately_init(&probe->lately);
}

void probe_destroy(struct probe *probe)
{
	lately_destroy(&probe->lately);
}

static bool reach(int fd, const char *path)
{
	/* The frame of a Request { id: 1, method: "Ping" }, and there is no such method. */
	static const char frame[] = "\x08\x08\x01\x12\x04Ping";
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (fd < 0 || strlen(path) >= sizeof(address.sun_path))
		return false;
	memcpy(address.sun_path, path, strlen(path));
	return connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	       send(fd, frame, sizeof(frame) - 1, MSG_NOSIGNAL) == (ssize_t)sizeof(frame) - 1;
}

static bool ask(const char *path, int timeout_ms)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	char byte;
	bool answered =
	    reach(fd, path) && poll(&wait, 1, timeout_ms) == 1 && recv(fd, &byte, 1, 0) == 1;

	if (fd >= 0)
		close(fd);
	return answered;
}

bool probe_answers(struct probe *probe)
{
	bool is_due = lately_is_due(&probe->lately);
	bool answered = is_due && ask(probe->socket, probe->timeout_ms);

	lately_lock(&probe->lately);
	if (is_due) {
		probe->answered = answered;
		lately_asked(&probe->lately);
	}
	answered = probe->answered;
	lately_unlock(&probe->lately);
	return answered;
}
