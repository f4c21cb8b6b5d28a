#include "leftovers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"

#define MARK "restoring"

static coffer_err fail(const char *what, const char *folder)
{
	log_error("cannot %s %s: %s", what, folder, strerror(errno));
	return COFFER_UNAVAILABLE;
}

coffer_err leftovers_mark(const char *folder, int *mark)
{
	coffer_err err = COFFER_OK;
	int at = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	*mark = -1;
	if (at < 0)
		return fail("open", folder);
	*mark = openat(at, MARK, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (*mark < 0 || flock(*mark, LOCK_EX | LOCK_NB) != 0)
		err = fail("mark", folder);
	(void)close(at);
	if (err != COFFER_OK && *mark >= 0) {
		(void)close(*mark);
		*mark = -1;
	}
	return err;
}

coffer_err leftovers_unmark(const char *folder)
{
	char *mark;
	bool gone;

	if (asprintf(&mark, "%s/%s", folder, MARK) < 0)
		return COFFER_RESOURCE_EXHAUSTED;
	gone = unlink(mark) == 0;
	free(mark);
	return gone ? COFFER_OK : fail("finish", folder);
}

/* Whether it has a mark that nobody holds. It is held from now on: *mark is to be closed. */
static bool is_given_up(int folder, int *mark)
{
	*mark = openat(folder, MARK, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	return *mark >= 0 && flock(*mark, LOCK_EX | LOCK_NB) == 0;
}

static bool is_own_folder(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid();
}

static void remove_one(const char *path)
{
	int folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), mark = -1;
	bool own = folder >= 0 && is_own_folder(folder);

	if (own && is_given_up(folder, &mark)) {
		if (file_remove_tree(path) == COFFER_OK)
			log_info("removed %s, of a restore that did not end", path);
	} else if (!own || (mark < 0 && rmdir(path) != 0)) {
		/* An empty one was made, and no more; one that is held is another restore's. */
		log_warn("%s is left as it is: it may be the home before a restore", path);
	}
	if (mark >= 0)
		(void)close(mark);
	if (folder >= 0)
		(void)close(folder);
}

/* Whether it is what mkdtemp makes of the home's name and the suffix. */
static bool is_leftover(const char *name, const char *home_name)
{
	size_t len = strlen(home_name), fixed = strcspn(LEFTOVERS_SUFFIX, "X");

	return strlen(name) == len + strlen(LEFTOVERS_SUFFIX) &&
	       strncmp(name, home_name, len) == 0 &&
	       strncmp(name + len, LEFTOVERS_SUFFIX, fixed) == 0;
}

void leftovers_remove(const char *home)
{
	const char *slash = strrchr(home, '/');
	char *parent = slash != NULL ? strndup(home, (size_t)(slash - home) + 1) : strdup("./");
	DIR *folder = parent != NULL ? opendir(parent) : NULL;
	struct dirent *entry;
	char *path;

	while (folder != NULL && (entry = readdir(folder)) != NULL) {
		if (!is_leftover(entry->d_name, slash != NULL ? slash + 1 : home) ||
		    asprintf(&path, "%s%s", parent, entry->d_name) < 0)
			continue;
		remove_one(path);
		free(path);
	}
	if (folder != NULL)
		(void)closedir(folder);
	free(parent);
}
