#include "base/file.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Converts errno, and logs what the caller cannot tell from the code alone. */
static coffer_err fail(const char *what, const char *path)
{
	const int cause = errno;

	if (cause == ENOENT)
		return COFFER_NOT_FOUND;
	if (cause == EEXIST)
		return COFFER_ALREADY_EXISTS;
	log_error("cannot %s %s: %s", what, path, strerror(cause));
	return cause == EACCES || cause == EPERM || cause == EROFS || cause == ELOOP ||
		       cause == ENOTDIR
		   ? COFFER_PERMISSION_DENIED
		   : COFFER_UNAVAILABLE;
}

static coffer_err refuse(const char *path, const char *why)
{
	log_error("%s is not safe to use: %s", path, why);
	return COFFER_PERMISSION_DENIED;
}

static bool owner_is_trusted(const struct stat *st)
{
	return st->st_uid == geteuid() || st->st_uid == 0;
}

/* Syncs the folder that path is in, which makes path's name durable. */
static coffer_err parent_sync(const char *path)
{
	const char *slash = strrchr(path, '/');
	/* The slash stays, so that "/x" gives "/". */
	const size_t len = slash ? (size_t)(slash - path) + 1 : 1;
	coffer_err err = COFFER_OK;
	char parent[PATH_MAX];
	int fd;

	if (len >= sizeof(parent)) {
		errno = ENAMETOOLONG;
		return fail("open the folder of", path);
	}
	memcpy(parent, slash ? path : ".", len);
	parent[len] = '\0';
	fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail("open folder", parent);
	if (fsync(fd) != 0)
		err = fail("sync folder", parent);
	(void)close(fd); /* nothing was written through it */
	return err;
}

static coffer_err folder_check(const char *path)
{
	coffer_err err = COFFER_OK;
	struct stat st;
	int fd;

	fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
		return refuse(path, "it is not a folder");
	if (fd < 0)
		return fail("open folder", path);
	if (fstat(fd, &st) != 0)
		err = fail("examine folder", path);
	else if (!owner_is_trusted(&st))
		err = refuse(path, "another user owns it");
	else if (st.st_mode & (S_IWGRP | S_IWOTH))
		err = refuse(path, "its group or others may write to it");
	(void)close(fd);
	return err;
}

coffer_err file_make_folder(const char *path)
{
	coffer_err err;

	if (mkdir(path, 0700) == 0) {
		err = parent_sync(path);
		if (err != COFFER_OK)
			return err;
	} else if (errno != EEXIST) {
		return fail("make folder", path);
	}
	return folder_check(path);
}

/* Writes and syncs. False with errno set if that fails. */
static bool content_write(int fd, const uint8_t *bytes, size_t len)
{
	while (len > 0) {
		const ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return fsync(fd) == 0;
}

static void drop(const char *path)
{
	if (unlink(path) != 0)
		log_error("cannot remove the unfinished %s: %s", path, strerror(errno));
}

static coffer_err content_make(const char *path, const uint8_t *bytes, size_t len)
{
	coffer_err err = COFFER_OK;
	int fd;

	/* One that a crash has left. */
	if (unlink(path) != 0 && errno != ENOENT)
		return fail("remove", path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail("make", path);
	if (!content_write(fd, bytes, len))
		err = fail("write", path);
	if (close(fd) != 0 && err == COFFER_OK)
		err = fail("close", path);
	if (err != COFFER_OK)
		drop(path);
	return err;
}

/* Some file systems cannot promise not to replace a file: there it was looked for before. */
static coffer_err name_take(const char *unfinished, const char *path)
{
	coffer_err err;

	if (renameat2(AT_FDCWD, unfinished, AT_FDCWD, path, RENAME_NOREPLACE) != 0 &&
	    ((errno != EINVAL && errno != ENOSYS) || rename(unfinished, path) != 0)) {
		err = fail("make", path);
		drop(unfinished);
	} else if ((err = parent_sync(path)) != COFFER_OK) {
		drop(path);
	}
	return err;
}

coffer_err file_write_new(const char *path, const uint8_t *bytes, size_t len)
{
	char *unfinished;
	struct stat st;
	coffer_err err;

	if (lstat(path, &st) == 0)
		return COFFER_ALREADY_EXISTS;
	if (asprintf(&unfinished, "%s.unfinished", path) < 0) {
		errno = ENOMEM;
		return fail("make", path);
	}
	if ((err = content_make(unfinished, bytes, len)) == COFFER_OK)
		err = name_take(unfinished, path);
	free(unfinished);
	return err;
}

coffer_err file_check_private(int fd, const char *path)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return fail("examine", path);
	if (!S_ISREG(st.st_mode))
		return refuse(path, "it is not a regular file");
	if (!owner_is_trusted(&st))
		return refuse(path, "another user owns it");
	if (st.st_uid == 0 && st.st_gid == 0 && (st.st_mode & 07777) == 0440)
		return COFFER_OK;
	if (st.st_mode & (S_IRWXG | S_IRWXO))
		return refuse(path, "its group or others have access to it (chmod 600)");
	return COFFER_OK;
}

coffer_err file_open_private(const char *path, int *fd)
{
	coffer_err err;

	*fd = -1;
	/* O_NONBLOCK: a FIFO of that name must not hold up the start until it is found out. */
	int opened = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (opened < 0 && errno == ELOOP)
		return refuse(path, "it is a symbolic link");
	if (opened < 0)
		return fail("open", path);
	err = file_check_private(opened, path);
	if (err != COFFER_OK) {
		(void)close(opened);
		return err;
	}
	*fd = opened;
	return COFFER_OK;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *place)
{
	(void)st;
	(void)kind;
	(void)place;
	return remove(path);
}

coffer_err file_remove_tree(const char *path)
{
	enum { DESCRIPTORS = 8 };

	if (nftw(path, remove_one, DESCRIPTORS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) != 0)
		return fail("remove", path);
	return COFFER_OK;
}
