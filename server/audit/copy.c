#include "audit/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/folder.h"

coffer_err copy_open(struct copy *copy, const char *folder)
{
	*copy = (struct copy){ .folder = folder_open(folder), .fd = -1 };
	return copy->folder >= 0 ? COFFER_OK : COFFER_UNAVAILABLE;
}

static void close_file(struct copy *copy)
{
	if (copy->fd >= 0)
		(void)close(copy->fd);
	copy->fd = -1;
}

void copy_close(struct copy *copy)
{
	close_file(copy);
	if (copy->folder >= 0)
		(void)close(copy->folder);
	copy->folder = -1;
}

static coffer_err open_file(struct copy *copy)
{
	char name[FOLDER_NAME_LEN + 1];
	struct stat st;

	folder_name(copy->first, name);
	copy->fd = openat(copy->folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (copy->fd < 0 && errno == ENOENT)
		return COFFER_ABORTED;
	if (copy->fd < 0 || fstat(copy->fd, &st) != 0)
		return COFFER_UNAVAILABLE;
	copy->size = (uint64_t)st.st_size;
	return COFFER_OK;
}

coffer_err copy_next(struct copy *copy)
{
	uint64_t oldest;
	coffer_err err;

	close_file(copy);
	if ((err = folder_oldest(copy->folder, 1, &oldest)) != COFFER_OK)
		return err;
	if (copy->first != 0 && oldest > copy->first)
		return COFFER_ABORTED;
	if (copy->first == UINT64_MAX)
		return COFFER_NOT_FOUND;
	if ((err = folder_oldest(copy->folder, copy->first + 1, &copy->first)) != COFFER_OK)
		return err;
	return open_file(copy);
}

coffer_err copy_create(int folder, uint64_t first, int *fd)
{
	char name[FOLDER_NAME_LEN + 1];

	folder_name(first, name);
	*fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return *fd >= 0 ? COFFER_OK : COFFER_UNAVAILABLE;
}
