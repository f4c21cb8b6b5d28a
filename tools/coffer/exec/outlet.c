#include "exec/outlet.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

int outlet_reopen(int fd, int flags)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, flags | O_CLOEXEC | O_NOCTTY);
}

static outlet_kind kind_of(int fd)
{
	struct stat file;

	if (fstat(fd, &file) != 0)
		return OUTLET_SHARED;
	if (S_ISSOCK(file.st_mode))
		return OUTLET_SOCKET;
	return S_ISFIFO(file.st_mode) || isatty(fd) ? OUTLET_SHARED : OUTLET_PLAIN;
}

void outlet_open(struct outlet *out, int fd)
{
	*out = (struct outlet){ .fd = fd, .kind = kind_of(fd), .standard = fd };
	if (out->kind != OUTLET_SHARED)
		return;
	int own = outlet_reopen(fd, O_WRONLY | O_NONBLOCK);
	if (own < 0)
		return;
	out->fd = own;
	out->kind = OUTLET_OWN;
	out->owned = true;
}

void outlet_borrow(struct outlet *out, int fd)
{
	*out = (struct outlet){ .fd = fd, .kind = OUTLET_OWN, .standard = -1 };
}

static bool is_ready(int fd)
{
	struct pollfd out = { .fd = fd, .events = POLLOUT };

	return poll(&out, 1, 0) == 1;
}

/* One write of what was kept, and of data behind it. -1 with EAGAIN if it would have to wait. */
static ssize_t put(const struct outlet *out, const char *data, size_t len)
{
	size_t kept = out->pending.len - out->done;
	struct iovec parts[] = { { kept > 0 ? out->pending.data + out->done : NULL, kept },
				 { (char *)data, len } };

	if (out->kind == OUTLET_SOCKET) {
		struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };

		return sendmsg(out->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
	if (out->kind != OUTLET_SHARED)
		return writev(out->fd, parts, 2);
	if (!is_ready(out->fd)) {
		errno = EAGAIN;
		return -1;
	}
	/* A pipe that is ready has room for this much. */
	const struct iovec *part = &parts[kept > 0 ? 0 : 1];
	return write(out->fd, part->iov_base, part->iov_len < PIPE_BUF ? part->iov_len : PIPE_BUF);
}

/* Returns how much of data was taken, behind all that was kept; closes the outlet if it fails. */
static size_t put_all(struct outlet *out, const char *data, size_t len)
{
	size_t done = 0;

	while (outlet_waits(out) || (out->fd >= 0 && done < len)) {
		size_t kept = out->pending.len - out->done;
		ssize_t taken = put(out, data + done, len - done);

		if (taken < 0 && errno == EINTR)
			continue;
		if (taken < 0 && errno != EAGAIN) {
			out->error = errno;
			outlet_close(out);
		}
		if (taken < 0)
			break;
		if ((size_t)taken < kept) {
			out->done += (size_t)taken;
		} else {
			out->done = out->pending.len = 0;
			done += (size_t)taken - kept;
		}
	}
	return done;
}

bool outlet_write(struct outlet *out, const uint8_t *data, size_t len, bool gather)
{
	const char *text = (const char *)data;
	size_t done = gather ? 0 : put_all(out, text, len);

	if (out->fd < 0)
		return false;
	bytes_append(&out->pending, text + done, len - done);
	if (out->pending.failed) {
		out->error = ENOMEM;
		outlet_close(out);
	}
	return out->fd >= 0;
}

bool outlet_flush(struct outlet *out)
{
	(void)put_all(out, "", 0);
	return out->fd >= 0;
}

bool outlet_waits(const struct outlet *out)
{
	return out->fd >= 0 && out->pending.len > 0;
}

/* Its reader sees the end, and what is opened next does not become standard output. */
static void let_go(int fd)
{
	int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (nothing < 0)
		return;
	(void)dup2(nothing, fd);
	close(nothing);
}

void outlet_close(struct outlet *out)
{
	if (out->fd < 0)
		return;
	bytes_free(&out->pending);
	out->done = 0;
	if (out->owned)
		close(out->fd);
	out->fd = -1;
	/* A file is closed by main, which looks whether that succeeds. */
	if (out->standard == STDOUT_FILENO && out->kind != OUTLET_PLAIN)
		let_go(out->standard);
}
