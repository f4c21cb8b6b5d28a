#include "handed.h"

#include "file.h"
#include "pages.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static coffer_err fail_taken(const char *path, struct transport *t)
{
	return transport_fail(t, COFFER_NOT_FOUND,
			      "%s: there is no such file; it is gone once a session has taken it",
			      path);
}

static coffer_err fail_open(const char *path, struct transport *t)
{
	switch (errno) {
	case ENOENT:
		return fail_taken(path, t);
	case ELOOP:
		return transport_fail(t, COFFER_PERMISSION_DENIED, "%s: it is a symbolic link",
				      path);
	default:
		return transport_fail(t,
				      errno == EACCES || errno == EISDIR ? COFFER_PERMISSION_DENIED
									 : COFFER_UNAVAILABLE,
				      "%s: it cannot be opened: %s", path, strerror(errno));
	}
}

/* With O_NONBLOCK no FIFO holds us up. To overwrite it takes write access, but one may do without. */
static int open_file(const char *path)
{
	int flags = O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	int fd = open(path, O_RDWR | flags);

	return fd < 0 && errno == EACCES ? open(path, O_RDONLY | flags) : fd;
}

static coffer_err check_file(const char *path, const struct stat *about, struct transport *t)
{
	const char *why = NULL;

	if (!S_ISREG(about->st_mode))
		why = "it is not a regular file";
	else if (about->st_uid != geteuid())
		why = "it belongs to another user";
	else if ((about->st_mode & (S_IRWXG | S_IRWXO)) != 0)
		why = "others than its owner may open it";
	else if (about->st_nlink > 1)
		why = "it has more than one name";
	if (why != NULL)
		return transport_fail(t, COFFER_PERMISSION_DENIED, "%s: %s", path, why);
	if (about->st_nlink == 0)
		return fail_taken(path, t);
	if ((uintmax_t)about->st_size > COFFER_BOOTSTRAP_FILE_MAX)
		return transport_fail(t, COFFER_RESOURCE_EXHAUSTED, "%s: it is larger than %d MiB",
				      path, COFFER_BOOTSTRAP_FILE_MAX >> 20);
	return COFFER_OK;
}

/* The name may have come to mean another file since it was opened, or this file have got another name. The link
 * count afterwards tells both, and so leaves no race between a check and the removal. */
static coffer_err remove_file(const char *path, int fd, struct transport *t)
{
	struct stat about;

	if (unlink(path) != 0)
		return errno == ENOENT
			   ? fail_taken(path, t)
			   : transport_fail(t, COFFER_PERMISSION_DENIED,
					    "%s: it cannot be removed: %s", path, strerror(errno));
	if (fstat(fd, &about) != 0 || about.st_nlink != 0)
		return transport_fail(t, COFFER_PERMISSION_DENIED,
				      "%s: it was moved or linked while it was opened", path);
	return COFFER_OK;
}

/* On tmpfs this is the memory that held it. Elsewhere the device may keep a copy, which nobody here can
 * help. */
static void overwrite(int fd, size_t len)
{
	static const uint8_t zeros[512];
	size_t done = 0;

	while (done < len) {
		size_t left = len - done;
		ssize_t n =
		    pwrite(fd, zeros, left < sizeof(zeros) ? left : sizeof(zeros), (off_t)done);
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	(void)!ftruncate(fd, 0);
}

/* One byte more than it has, to tell one that grows. */
static coffer_err take_content(const char *path, int fd, size_t size, uint8_t *pages,
			       struct transport *t)
{
	ssize_t n = file_read(fd, pages, size + 1);
	coffer_err err = COFFER_OK;

	if (n < 0)
		err = transport_fail(t, COFFER_UNAVAILABLE, "%s: it cannot be read: %s", path,
				     strerror(errno));
	else if ((size_t)n != size)
		err =
		    transport_fail(t, COFFER_UNAVAILABLE, "%s: it changed while it was read", path);
	overwrite(fd, size);
	return err;
}

coffer_err handed_take(const char *path, uint8_t **pages, size_t *pages_len, size_t *len,
		       struct transport *t)
{
	int fd = open_file(path);
	struct stat about;
	coffer_err err;

	*pages = NULL;
	*pages_len = *len = 0;
	if (fd < 0)
		return fail_open(path, t);
	if (fstat(fd, &about) != 0)
		err = transport_fail(t, COFFER_UNAVAILABLE, "%s: %s", path, strerror(errno));
	else
		err = check_file(path, &about, t);
	if (err != COFFER_OK)
		goto out;
	*len = (size_t)about.st_size;
	*pages_len = *len + 1;
	if ((*pages = pages_map(*pages_len)) == NULL)
		err = transport_fail(t, COFFER_RESOURCE_EXHAUSTED, "no memory for %s", path);
	else if ((err = remove_file(path, fd, t)) == COFFER_OK)
		err = take_content(path, fd, *len, *pages, t);
	if (err != COFFER_OK) {
		pages_free(*pages, *pages_len);
		*pages = NULL;
	}
out:
	close(fd);
	return err;
}
