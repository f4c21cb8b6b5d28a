#include "probe.h"

#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define LASTS_MS   1000
#define TIMEOUT_MS 1000 /* health that has to be waited for is none */

void probe_init(struct probe *probe, const char *socket, int timeout_ms)
{
	*probe = (struct probe){ .mutex = PTHREAD_MUTEX_INITIALIZER,
				 .socket = socket,
				 .timeout_ms = timeout_ms < TIMEOUT_MS ? timeout_ms : TIMEOUT_MS };
}

void probe_destroy(struct probe *probe)
{
	(void)pthread_mutex_destroy(&probe->mutex);
}

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
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
	bool ask_now, answered;

	pthread_mutex_lock(&probe->mutex);
	/* While one thread waits for a daemon that hangs, the others must not. */
	ask_now =
	    !probe->asking && (probe->asked_ms == 0 || now_ms() - probe->asked_ms >= LASTS_MS);
	probe->asking = probe->asking || ask_now;
	answered = probe->answered;
	pthread_mutex_unlock(&probe->mutex);
	if (!ask_now)
		return answered;
	answered = ask(probe->socket, probe->timeout_ms);
	pthread_mutex_lock(&probe->mutex);
	probe->answered = answered;
	probe->asked_ms = now_ms();
	probe->asking = false;
	pthread_mutex_unlock(&probe->mutex);
	return answered;
}
