#include "pingpong.h"

#include <errno.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "frames.h"

#define BACKLOG 1024

struct server {
	ev_io listener;
	size_t request_len;
	struct buf reply;
	uint8_t room[512];
};

struct conn {
	ev_io io;
	const struct server *server;
	size_t have; /* bytes of the request under way */
};

static void on_request(struct ev_loop *loop, ev_io *io, int events)
{
	struct conn *conn = (struct conn *)io->data;
	const struct server *server = conn->server;
	uint8_t in[4096];
	ssize_t n = recv(io->fd, in, sizeof(in), 0);
	bool ok = n > 0;

	(void)events;
	if (ok)
		conn->have += (size_t)n;
	for (; ok && conn->have >= server->request_len; conn->have -= server->request_len)
		ok = send(io->fd, server->reply.data, server->reply.len, MSG_NOSIGNAL) ==
		     (ssize_t)server->reply.len;
	if (ok)
		return;
	ev_io_stop(loop, io);
	(void)close(io->fd);
	free(conn);
}

static void on_connection(struct ev_loop *loop, ev_io *io, int events)
{
	int fd = accept4(io->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct conn *conn;

	(void)events;
	if (fd < 0)
		return;
	conn = calloc(1, sizeof(*conn));
	if (conn == NULL) {
		(void)close(fd);
		return;
	}
	conn->server = (const struct server *)io->data;
	ev_io_init(&conn->io, on_request, fd, EV_READ);
	conn->io.data = conn;
	ev_io_start(loop, &conn->io);
}

static bool server_prepare(struct server *server)
{
	struct buf request = { server->room, 0, sizeof(server->room) };

	if (!frames_get(&request, 0))
		return false;
	server->request_len = request.len;
	server->reply = (struct buf){ server->room, 0, sizeof(server->room) };
	return frames_get_reply(&server->reply);
}

static int server_listen(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
	    listen(fd, BACKLOG) == 0)
		return fd;
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

bool pingpong_serve(const char *path)
{
	struct ev_loop *loop = ev_loop_new(EVFLAG_NOENV);
	struct server server;
	int fd = server_listen(path);

	if (loop == NULL || fd < 0) {
		(void)fprintf(stderr, "coffer-bench: %s: %s\n", path, strerror(errno));
		return false;
	}
	if (!server_prepare(&server))
		return false;
	ev_io_init(&server.listener, on_connection, fd, EV_READ);
	server.listener.data = &server;
	ev_io_start(loop, &server.listener);
	(void)ev_run(loop, 0);
	return false;
}
