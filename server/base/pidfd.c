#include "base/pidfd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BOOT_ID "/proc/sys/kernel/random/boot_id"

/* In /proc/PID/stat, counted from the state, which is the first behind the name. */
#define FIELD_START_TIME 19

static void write_be(uint8_t *out, uint64_t number, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(number >> 8 * (len - 1 - i));
}

static uint64_t read_be(const uint8_t *in, size_t len)
{
	uint64_t number = 0;

	for (size_t i = 0; i < len; i++)
		number = number << 8 | in[i];
	return number;
}

void pidfd_mark_write(const struct pidfd_mark *mark, uint8_t out[PIDFD_MARK_LEN])
{
	write_be(out, (uint32_t)mark->pid, 4);
	write_be(out + 4, mark->start_ticks, 8);
	memcpy(out + 12, mark->boot_id, sizeof(mark->boot_id));
}

bool pidfd_mark_read(struct slice bytes, struct pidfd_mark *mark)
{
	*mark = (struct pidfd_mark){ .pid = 0 };
	if (bytes.len != PIDFD_MARK_LEN || bytes.data[0] > INT8_MAX)
		return false;
	mark->pid = (int32_t)read_be(bytes.data, 4);
	mark->start_ticks = read_be(bytes.data + 4, 8);
	memcpy(mark->boot_id, bytes.data + 12, sizeof(mark->boot_id));
	return mark->pid > 0;
}

bool pidfd_mark_equal(const struct pidfd_mark *a, const struct pidfd_mark *b)
{
	return a->pid == b->pid && a->start_ticks == b->start_ticks &&
	       memcmp(a->boot_id, b->boot_id, sizeof(a->boot_id)) == 0;
}

/* Reads a short file of /proc as text. */
static coffer_err read_text(const char *path, char *out, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	out[0] = '\0';
	if (fd < 0)
		return errno == ENOENT                      ? COFFER_NOT_FOUND
		       : errno == EMFILE || errno == ENFILE ? COFFER_RESOURCE_EXHAUSTED
							    : COFFER_UNAVAILABLE;
	n = read(fd, out, size - 1);
	close(fd);
	out[n > 0 ? n : 0] = '\0';
	/* A process that has just gone has a file that cannot be read any more. */
	return n > 0 ? COFFER_OK : COFFER_NOT_FOUND;
}

/* A UUID as bytes: its hexadecimal digits, without what stands between them. */
static coffer_err read_boot_id(uint8_t out[16])
{
	char text[64], digits[3] = "";
	const char *at = text;

	if (read_text(BOOT_ID, text, sizeof(text)) != COFFER_OK)
		return COFFER_UNAVAILABLE;
	for (size_t i = 0; i < 16; i++) {
		char *end;
		at += *at == '-';
		memcpy(digits, at, 2);
		out[i] = (uint8_t)strtoul(digits, &end, 16);
		if (end != digits + 2)
			return COFFER_UNAVAILABLE;
		at += 2;
	}
	return COFFER_OK;
}

/* The name in it is the process's own choice and may hold anything, parentheses too: the last one ends it. */
static coffer_err read_start(int32_t pid, uint64_t *ticks)
{
	char path[32], text[1024];
	const char *at;
	coffer_err err;

	*ticks = 0;
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if ((err = read_text(path, text, sizeof(text))) != COFFER_OK)
		return err;
	at = strrchr(text, ')');
	for (int i = 0; at != NULL && i <= FIELD_START_TIME; i++)
		at = strchr(at + 1, ' ');
	if (at == NULL)
		return COFFER_UNAVAILABLE;
	*ticks = strtoull(at, NULL, 10);
	return COFFER_OK;
}

static coffer_err open_pidfd(int32_t pid, int *fd)
{
	*fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (*fd >= 0)
		return COFFER_OK;
	switch (errno) {
	case ENOSYS:
	case EPERM:
		return COFFER_UNIMPLEMENTED;
	case EMFILE:
	case ENFILE:
	case ENOMEM:
		return COFFER_RESOURCE_EXHAUSTED;
	case ESRCH:
	case EINVAL: /* a thread's number, or one that none can have */
		return COFFER_NOT_FOUND;
	}
	return COFFER_UNAVAILABLE;
}

/* What was read is of the process that fd holds only if that one lives on behind it: so it comes last. */
static coffer_err check_alive(int fd)
{
	struct pollfd poller = { .fd = fd, .events = POLLIN };
	int n;

	do
		n = poll(&poller, 1, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return COFFER_UNAVAILABLE;
	return n == 0 ? COFFER_OK : COFFER_NOT_FOUND;
}

coffer_err pidfd_hold(int32_t pid, struct pidfd_mark *mark, int *fd)
{
	coffer_err err;

	*fd = -1;
	*mark = (struct pidfd_mark){ .pid = pid };
	if (pid <= 0)
		return COFFER_NOT_FOUND;
	if ((err = open_pidfd(pid, fd)) == COFFER_OK &&
	    (err = read_boot_id(mark->boot_id)) == COFFER_OK &&
	    (err = read_start(pid, &mark->start_ticks)) == COFFER_OK &&
	    (err = check_alive(*fd)) == COFFER_OK)
		return COFFER_OK;
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	return err;
}

coffer_err pidfd_hold_marked(const struct pidfd_mark *mark, int *fd)
{
	struct pidfd_mark now;
	coffer_err err;

	if ((err = pidfd_hold(mark->pid, &now, fd)) != COFFER_OK || pidfd_mark_equal(mark, &now))
		return err;
	close(*fd);
	*fd = -1;
	return COFFER_NOT_FOUND;
}
