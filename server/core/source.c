#include "core/source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "names.h"
#include "wipe.h"

static const char scheme[] = "file:";
#define SCHEME_LEN (sizeof(scheme) - 1)

static coffer_err fail(struct source *source, const char *why)
{
	source->why = why;
	return COFFER_FAILED_PRECONDITION;
}

/* Whether a part of the path is "..": what it leads to could not be told from the text. */
static bool goes_up(const char *path)
{
	for (const char *at = path; (at = strstr(at, "/..")) != NULL; at += 3)
		if (at[3] == '/' || at[3] == '\0')
			return true;
	return false;
}

static bool is_below(const char *path, const char *folders)
{
	for (const char *at = folders; at != NULL;) {
		size_t len = strcspn(at, ":"), bare = len;
		while (bare > 0 && at[bare - 1] == '/')
			bare--;
		if (strncmp(path, at, bare) == 0 && path[bare] == '/')
			return true;
		at = at[len] == ':' ? at + len + 1 : NULL;
	}
	return false;
}

/* Copies the path out of the text, if the text is a source. */
static coffer_err read_text(struct slice text, char path[COFFER_TEXT_MAX + 1], const char **why)
{
	coffer_err err;

	path[0] = '\0';
	if ((err = names_check_text(text, COFFER_TEXT_MAX, why)) != COFFER_OK)
		return err;
	*why = "is not file: and an absolute path";
	if (text.len <= SCHEME_LEN + 1 || memcmp(text.data, scheme, SCHEME_LEN) != 0 ||
	    text.data[SCHEME_LEN] != '/')
		return COFFER_INVALID_ARGUMENT;
	memcpy(path, text.data + SCHEME_LEN, text.len - SCHEME_LEN);
	path[text.len - SCHEME_LEN] = '\0';
	return COFFER_OK;
}

static coffer_err check_path(const char *path, const char *folders, const char **why)
{
	*why = "has '..' in its path";
	if (goes_up(path))
		return COFFER_INVALID_ARGUMENT;
	*why = "is in none of the folders of source_dirs";
	return folders == NULL || is_below(path, folders) ? COFFER_OK : COFFER_INVALID_ARGUMENT;
}

coffer_err source_check(struct slice text, const char *folders, const char **why)
{
	char path[COFFER_TEXT_MAX + 1];
	coffer_err err = read_text(text, path, why);

	return err == COFFER_OK ? check_path(path, folders, why) : err;
}

/* To open a device can do something: so it is looked at before. If it is replaced in between, opening does not
 * wait, and what was opened is looked at again. */
static coffer_err open_file(struct source *source, size_t max)
{
	struct stat about;

	if (stat(source->path, &about) != 0)
		return fail(source, strerror(errno));
	if (!S_ISREG(about.st_mode))
		return fail(source, "it is not a regular file");
	source->fd = open(source->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (source->fd < 0 || fstat(source->fd, &about) != 0)
		return fail(source, strerror(errno));
	if (!S_ISREG(about.st_mode))
		return fail(source, "it is not a regular file");
	if ((uint64_t)about.st_size > max)
		return fail(source, "it is larger than a value may be");
	source->len = (size_t)about.st_size;
	return COFFER_OK;
}

coffer_err source_open(struct source *out, struct slice text, const char *folders, size_t max)
{
	*out = (struct source){ .fd = -1 };
	/* The settings may have become narrower since it was set. */
	if (read_text(text, out->path, &out->why) != COFFER_OK ||
	    check_path(out->path, folders, &out->why) != COFFER_OK)
		return COFFER_FAILED_PRECONDITION;
	return open_file(out, max);
}

/* Reads up to len bytes, less at the end of the file; -1 with errno. */
static ssize_t read_up_to(int fd, uint8_t *out, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = read(fd, out + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

coffer_err source_read(struct source *source, uint8_t *out)
{
	uint8_t behind;
	ssize_t got = read_up_to(source->fd, out, source->len);
	coffer_err err = COFFER_OK;

	if (got < 0)
		err = fail(source, strerror(errno));
	else if ((size_t)got != source->len || read_up_to(source->fd, &behind, 1) != 0)
		err = fail(source, "it has not the size that it tells, or changes now");
	if (err != COFFER_OK)
		wipe(out, source->len);
	wipe(&behind, sizeof(behind));
	return err;
}

void source_close(struct source *source)
{
	if (source->fd >= 0)
		close(source->fd);
	source->fd = -1;
}
