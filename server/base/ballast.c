#include "base/ballast.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/log.h"

/* Enough for SQLite to write a deletion's pages to its log, many times over. */
#define BALLAST_BYTES (1024 * 1024)

struct ballast {
	int fd; /* -1: none */
	bool held;
};

coffer_err ballast_open(struct ballast **out, const char *path)
{
	struct ballast *ballast = malloc(sizeof(*ballast));

	*out = NULL;
	if (ballast == NULL)
		return COFFER_RESOURCE_EXHAUSTED;
	*ballast = (struct ballast){ .fd = -1 };
	if (path != NULL) {
		ballast->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (ballast->fd < 0) {
			log_error("cannot open %s: %s", path, strerror(errno));
			free(ballast);
			return COFFER_UNAVAILABLE;
		}
		ballast_restore(ballast);
	}
	*out = ballast;
	return COFFER_OK;
}

void ballast_close(struct ballast *ballast)
{
	if (ballast == NULL)
		return;
	if (ballast->fd >= 0)
		close(ballast->fd);
	free(ballast);
}

bool ballast_release(struct ballast *ballast)
{
	if (!ballast->held || ftruncate(ballast->fd, 0) != 0)
		return false;
	ballast->held = false;
	log_warn("the disk is full: the reserve was given up to make room");
	return true;
}

void ballast_restore(struct ballast *ballast)
{
	struct statvfs fs;

	if (ballast->fd < 0 || ballast->held || fstatvfs(ballast->fd, &fs) != 0)
		return;
	if (fs.f_bavail * fs.f_frsize < 2 * BALLAST_BYTES)
		return;
	ballast->held = posix_fallocate(ballast->fd, 0, BALLAST_BYTES) == 0;
	if (!ballast->held && ftruncate(ballast->fd, 0) != 0)
		log_warn("cannot give back the reserve: %s", strerror(errno));
}
