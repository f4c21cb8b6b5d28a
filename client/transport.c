#include "transport.h"

#include "clock.h"
#include "frame.h"
#include "wipe.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

/* Holds all but large values. */
#define IN_CAP_FIRST 4096

coffer_err transport_fail(struct transport *t, coffer_err err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(t->message, sizeof(t->message), format, args);
	va_end(args);
	return err;
}

coffer_err transport_init(struct transport *t, int timeout_ms)
{
	*t = (struct transport){ .fd = -1,
				 .owner = getpid(),
				 .address.sun_family = AF_UNIX,
				 .timeout_ms =
				     timeout_ms > 0 ? timeout_ms : TRANSPORT_TIMEOUT_DEFAULT_MS,
				 .frame_max = COFFER_VALUE_MAX_DEFAULT + COFFER_FRAME_OVERHEAD };
	if (timeout_ms < 0)
		return transport_fail(t, COFFER_INVALID_ARGUMENT, "the timeout is negative");
	return COFFER_OK;
}

coffer_err transport_address(struct transport *t, const char *path)
{
	size_t len = path != NULL ? strlen(path) : 0;

	if (len == 0)
		return transport_fail(t, COFFER_INVALID_ARGUMENT, "no socket path was given");
	if (len >= sizeof(t->address.sun_path))
		return transport_fail(t, COFFER_INVALID_ARGUMENT,
				      "the socket path is longer than %zu bytes: %s",
				      sizeof(t->address.sun_path) - 1, path);
	memcpy(t->address.sun_path, path, len);
	return COFFER_OK;
}

void transport_drop(struct transport *t)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}

void transport_forget(struct transport *t)
{
	wipe(t->in.data, t->in.len);
	t->in.len = 0;
}

void transport_destroy(struct transport *t)
{
	transport_drop(t);
	transport_forget(t);
	free(t->in.data);
	t->in = (struct buf){ NULL, 0, 0 };
}

coffer_err transport_arm(struct transport *t)
{
	t->message[0] = '\0';
	t->received = 0;
	t->deadline_ms = clock_mono_ms() + t->timeout_ms;
	if (t->owner != getpid())
		return transport_fail(t, COFFER_FAILED_PRECONDITION,
				      "the connection belongs to the process before fork()");
	return COFFER_OK;
}

static coffer_err fail_late(struct transport *t)
{
	transport_drop(t);
	return transport_fail(t, COFFER_DEADLINE_EXCEEDED, "no answer from %s within %d ms%s%s",
			      t->address.sun_path, t->timeout_ms, t->waiting ? " to " : "",
			      t->waiting ? t->waiting : "");
}

/* reason is an errno, or 0 for the end of the stream. */
static coffer_err fail_lost(struct transport *t, int reason)
{
	transport_drop(t);
	t->lost = reason == 0 || reason == ECONNRESET;
	if (t->lost)
		return transport_fail(t, COFFER_UNAVAILABLE,
				      "%s: the daemon closed the connection before it answered%s%s",
				      t->address.sun_path, t->waiting ? " " : "",
				      t->waiting ? t->waiting : "");
	return transport_fail(t, COFFER_UNAVAILABLE, "%s: %s", t->address.sun_path,
			      strerror(reason));
}

static coffer_err fail_stream(struct transport *t, const char *what)
{
	transport_drop(t);
	return transport_fail(t, COFFER_INTERNAL, "%s: the daemon sent %s", t->address.sun_path,
			      what);
}

/* The owner of the folder that the socket is in: who owns it decides what listens there. */
static bool folder_owner(const char *path, uid_t *owner)
{
	char folder[sizeof(((struct sockaddr_un *)NULL)->sun_path)] = ".";
	const char *slash = strrchr(path, '/');
	struct stat about;

	if (slash != NULL) {
		size_t len = slash == path ? 1 : (size_t)(slash - path);
		memcpy(folder, path, len);
		folder[len] = '\0';
	}
	if (lstat(folder, &about) != 0)
		return false;
	*owner = about.st_uid;
	return true;
}

/* An impostor that listens at the path would get the token: nothing is sent before this has passed. */
static coffer_err check_peer(struct transport *t, int fd)
{
	const char *path = t->address.sun_path;
	struct ucred peer;
	socklen_t len = sizeof(peer);
	uid_t owner;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		return transport_fail(t, COFFER_PERMISSION_DENIED,
				      "cannot tell who answers at %s: %s", path, strerror(errno));
	if (t->check_uid && peer.uid == t->uid)
		return COFFER_OK;
	if (t->check_uid)
		return transport_fail(t, COFFER_PERMISSION_DENIED,
				      "%s is served by uid %u and not by uid %u", path,
				      (unsigned)peer.uid, (unsigned)t->uid);
	if (peer.uid == 0 || peer.uid == geteuid() ||
	    (folder_owner(path, &owner) && peer.uid == owner))
		return COFFER_OK;
	return transport_fail(t, COFFER_PERMISSION_DENIED,
			      "%s is served by uid %u, which is neither the superuser, nor the "
			      "caller, nor the owner of its folder",
			      path, (unsigned)peer.uid);
}

/* A non-blocking connect to a listener whose queue is full fails at once and cannot be polled for; a
 * blocking one waits, and as long as the send time-out. */
static coffer_err connect_within(struct transport *t, int fd)
{
	do {
		int64_t left = t->deadline_ms - clock_mono_ms();
		struct timeval wait = { left / 1000, (left % 1000) * 1000 };

		if (left <= 0)
			return fail_late(t);
		if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) != 0)
			return transport_fail(t, COFFER_INTERNAL, "cannot set a time-out: %s",
					      strerror(errno));
		if (connect(fd, (const struct sockaddr *)&t->address, sizeof(t->address)) == 0)
			return COFFER_OK;
	} while (errno == EINTR);
	if (errno == EAGAIN)
		return fail_late(t);
	return transport_fail(t, COFFER_UNAVAILABLE, "cannot connect to %s: %s",
			      t->address.sun_path, strerror(errno));
}

coffer_err transport_connect(struct transport *t)
{
	coffer_err err;
	int fd;

	transport_drop(t);
	t->lost = false;
	t->waiting = NULL;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return transport_fail(t, COFFER_RESOURCE_EXHAUSTED, "cannot make a socket: %s",
				      strerror(errno));
	if ((err = connect_within(t, fd)) != COFFER_OK || (err = check_peer(t, fd)) != COFFER_OK) {
		close(fd);
		return err;
	}
	t->fd = fd;
	return COFFER_OK;
}

bool transport_is_live(const struct transport *t)
{
	uint8_t byte;

	return t->fd >= 0 && recv(t->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
	       (errno == EAGAIN || errno == EINTR);
}

/* Waits until events, or a failure of the socket that the next operation on it will tell. */
static coffer_err wait_for(struct transport *t, short events)
{
	struct pollfd poller = { .fd = t->fd, .events = events };
	int64_t left = t->deadline_ms - clock_mono_ms();

	if (left <= 0)
		return fail_late(t);
	if (poll(&poller, 1, left < INT_MAX ? (int)left : INT_MAX) < 0 && errno != EINTR)
		return fail_lost(t, errno);
	return COFFER_OK;
}

coffer_err transport_send(struct transport *t, struct slice frame)
{
	coffer_err err = COFFER_OK;

	while (err == COFFER_OK && frame.len > 0) {
		ssize_t n = send(t->fd, frame.data, frame.len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n >= 0)
			frame = (struct slice){ frame.data + n, frame.len - (size_t)n };
		else if (errno == EAGAIN)
			err = wait_for(t, POLLOUT);
		else if (errno == EPIPE || errno == ECONNRESET)
			break; /* its last words, if any, are still there to be received */
		else if (errno != EINTR)
			err = fail_lost(t, errno);
	}
	return err;
}

bool transport_grow(struct buf *buf, size_t cap)
{
	uint8_t *data;

	if (cap <= buf->cap)
		return true;
	data = malloc(cap);
	if (data == NULL)
		return false;
	if (buf->len > 0)
		memcpy(data, buf->data, buf->len);
	wipe(buf->data, buf->cap);
	free(buf->data);
	buf->data = data;
	buf->cap = cap;
	return true;
}

/* Receives what has arrived, up to size bytes in the buffer. */
static coffer_err receive_some(struct transport *t, size_t size)
{
	coffer_err err;
	ssize_t n;

	if (!transport_grow(&t->in, size)) {
		transport_drop(t);
		return transport_fail(t, COFFER_RESOURCE_EXHAUSTED,
				      "no memory for a reply of %zu bytes", size);
	}
	if ((err = wait_for(t, POLLIN)) != COFFER_OK)
		return err;
	n = recv(t->fd, t->in.data + t->in.len, size - t->in.len, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return COFFER_OK;
	if (n <= 0)
		return fail_lost(t, n < 0 ? errno : 0);
	t->in.len += (size_t)n;
	t->received += (size_t)n;
	return COFFER_OK;
}

coffer_err transport_receive(struct transport *t, struct slice *body)
{
	size_t header = 0, len = 0, size = t->in.cap > 0 ? t->in.cap : IN_CAP_FIRST;
	coffer_err err = COFFER_OK, parsed = COFFER_UNAVAILABLE;

	*body = SLICE_EMPTY;
	t->lost = false;
	transport_forget(t);
	while (parsed != COFFER_OK || t->in.len < header + len) {
		if ((err = receive_some(t, size)) != COFFER_OK)
			return err;
		if (parsed == COFFER_OK)
			continue;
		parsed = frame_parse((struct slice){ t->in.data, t->in.len }, t->frame_max, &header,
				     &len);
		if (parsed == COFFER_INVALID_ARGUMENT)
			return fail_stream(t, "no frame, or one that is too large");
		if (parsed == COFFER_OK && header + len > size)
			size = header + len;
	}
	if (t->in.len > header + len)
		return fail_stream(t, "more than was asked for");
	if (t->received > TRANSPORT_RECEIVE_MAX) {
		transport_drop(t);
		return transport_fail(t, COFFER_RESOURCE_EXHAUSTED,
				      "the daemon's answer is larger than %zu MiB",
				      TRANSPORT_RECEIVE_MAX >> 20);
	}
	*body = (struct slice){ t->in.data + header, len };
	return COFFER_OK;
}
