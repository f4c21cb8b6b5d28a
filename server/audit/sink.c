#include "audit/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/folder.h"
#include "audit/record.h"

#define STEP (1024u * 1024)

coffer_err sink_open(struct sink *sink, int folder, uint64_t first, bool create, uint64_t end)
{
	char name[FOLDER_NAME_LEN + 1];
	struct stat st = { 0 };
	int saved;

	folder_name(first, name);
	*sink = (struct sink){
		.first = first, .end = end, .dirty = end, .reserved = end, .allocates = true
	};
	sink->fd =
	    openat(folder, name,
		   O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (create ? O_CREAT | O_EXCL : 0),
		   0600);
	if (sink->fd < 0)
		return COFFER_UNAVAILABLE;
	saved = fstat(sink->fd, &st) != 0 ? errno : S_ISREG(st.st_mode) ? 0 : EINVAL;
	/* A new name lasts only when the folder is on disk too. */
	if (saved == 0 && create && fsync(folder) != 0)
		saved = errno;
	if (saved != 0) {
		close(sink->fd);
		sink->fd = -1;
		errno = saved;
		return COFFER_UNAVAILABLE;
	}
	return COFFER_OK;
}

/* A file's size, links and number, and not its times: after a look at those Linux sets them anew with the next write,
 * which makes each record dearer by the change of an inode. */
static bool look(int fd, const char *name, struct statx *st)
{
	int flags = AT_SYMLINK_NOFOLLOW | (name[0] == '\0' ? AT_EMPTY_PATH : 0);

	return statx(fd, name, flags, STATX_SIZE | STATX_NLINK | STATX_INO, st) == 0;
}

static const char *damage_of(const struct sink *sink, const struct statx *st)
{
	if (st->stx_nlink == 0)
		return "was removed";
	return st->stx_size < sink->end ? "was cut" : NULL;
}

const char *sink_damage(const struct sink *sink)
{
	struct statx st;

	return look(sink->fd, "", &st) ? damage_of(sink, &st) : NULL;
}

const char *sink_displaced(const struct sink *sink, int folder)
{
	char name[FOLDER_NAME_LEN + 1];
	struct statx ours, found;
	bool open = look(sink->fd, "", &ours);
	const char *damage = open ? damage_of(sink, &ours) : NULL;

	if (damage != NULL)
		return damage;
	folder_name(sink->first, name);
	if (!look(folder, name, &found))
		return errno == ENOENT ? "was moved" : NULL;
	if (open && (ours.stx_ino != found.stx_ino || ours.stx_dev_major != found.stx_dev_major ||
		     ours.stx_dev_minor != found.stx_dev_minor))
		return "was replaced";
	return NULL;
}

/* Cuts the file at size: what a failed write left behind it, and the room. */
static coffer_err cut(struct sink *sink, uint64_t size)
{
	if (ftruncate(sink->fd, (off_t)size) != 0)
		return COFFER_UNAVAILABLE;
	sink->dirty = sink->reserved = size;
	sink->unsynced = true;
	return COFFER_OK;
}

void sink_close(struct sink *sink)
{
	if (sink->fd < 0)
		return;
	/* Should this fail, the next start finds an unfinished line and cuts it off. */
	(void)!cut(sink, sink->end);
	close(sink->fd);
	sink->fd = -1;
}

void sink_abandon(struct sink *sink)
{
	close(sink->fd);
	sink->fd = -1;
}

coffer_err sink_make_room(struct sink *sink, uint64_t len)
{
	uint64_t step = STEP;

	if (sink->reserved < sink->end)
		sink->reserved = sink->end;
	while (!sink_has_room(sink, len)) {
		if (fallocate(sink->fd, FALLOC_FL_KEEP_SIZE, (off_t)sink->reserved, (off_t)step) ==
		    0) {
			sink->reserved += step;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno == EOPNOTSUPP || errno == ENOSYS)
			sink->allocates = false;
		else if (step <= RECORD_LINE_MAX)
			return COFFER_UNAVAILABLE;
		step /= 2;
	}
	return COFFER_OK;
}

coffer_err sink_write(struct sink *sink, struct slice lines, size_t *sent)
{
	while (*sent < lines.len) {
		ssize_t n = pwrite(sink->fd, lines.data + *sent, lines.len - *sent,
				   (off_t)(sink->end + *sent));
		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			errno = ENOSPC;
		if (n <= 0)
			return COFFER_UNAVAILABLE;
		*sent += (size_t)n;
		sink->unsynced = true;
		if (sink->dirty < sink->end + *sent)
			sink->dirty = sink->end + *sent;
	}
	/* What stands behind them is of a record that could be written only in part and was taken back. */
	if (sink->dirty > sink->end + lines.len)
		return cut(sink, sink->end + lines.len);
	return COFFER_OK;
}

void sink_advance(struct sink *sink, size_t len)
{
	sink->end += len;
}

coffer_err sink_sync(struct sink *sink)
{
	if (!sink->unsynced)
		return COFFER_OK;
	if (fdatasync(sink->fd) != 0)
		return COFFER_UNAVAILABLE;
	sink->unsynced = false;
	return COFFER_OK;
}

/* Fills the new file, and gives it its name. */
static coffer_err fill(struct sink *sink, int folder, struct slice line, uint64_t len)
{
	char name[FOLDER_NAME_LEN + 1];
	size_t sent = 0;
	coffer_err err;
	int saved;

	if ((err = sink_write(sink, line, &sent)) != COFFER_OK)
		return err;
	sink_advance(sink, line.len);
	if ((err = sink_make_room(sink, len)) != COFFER_OK || (err = sink_sync(sink)) != COFFER_OK)
		return err;
	folder_name(sink->first, name);
	if (renameat(folder, FOLDER_UNFINISHED, folder, name) != 0)
		return COFFER_UNAVAILABLE;
	if (fsync(folder) == 0)
		return COFFER_OK;
	saved = errno;
	(void)unlinkat(folder, name, 0);
	errno = saved;
	return COFFER_UNAVAILABLE;
}

coffer_err sink_begin(struct sink *sink, int folder, uint64_t first, struct slice line,
		      uint64_t len)
{
	coffer_err err;
	int saved;

	*sink = (struct sink){ .fd = -1, .first = first, .allocates = true };
	/* What a crash has left of an attempt before this one. */
	if (unlinkat(folder, FOLDER_UNFINISHED, 0) != 0 && errno != ENOENT)
		return COFFER_UNAVAILABLE;
	sink->fd = openat(folder, FOLDER_UNFINISHED, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (sink->fd < 0)
		return COFFER_UNAVAILABLE;
	if ((err = fill(sink, folder, line, len)) == COFFER_OK)
		return COFFER_OK;
	saved = errno;
	(void)unlinkat(folder, FOLDER_UNFINISHED, 0);
	sink_abandon(sink);
	errno = saved;
	return err;
}
