/* file.h - the few files and folders that the daemon makes or trusts by itself. Layer: base.
 *
 * Common errors: COFFER_NOT_FOUND if there is no such file, or no folder to make it in;
 * COFFER_PERMISSION_DENIED if it may not be used, by the kernel or by the rules below;
 * COFFER_UNAVAILABLE for any other failure (disk full, I/O). The cause of the last two is logged
 * with the path; errno means nothing after a call. Symbolic links are not followed at a path's last
 * part. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <coffer/error.h>
#include <stddef.h>
#include <stdint.h>

/* Makes the folder with mode 0700 unless it exists (its parent must), and checks it: a folder,
 * owned by the effective uid or the superuser, writable by neither group nor others. */
COFFER_MUST_USE coffer_err file_make_folder(const char *path);

/* Writes a new file of mode 0600 and waits until it and its name are on disk. It has another name until it is
 * whole ("PATH.unfinished", which the next one replaces), so that a crash leaves all of it or nothing. On any
 * failure there is no file. COFFER_ALREADY_EXISTS (not logged) if there is something of that name, which stays as
 * it is. */
COFFER_MUST_USE coffer_err file_write_new(const char *path, const uint8_t *bytes, size_t len);

/* Checks that the open file is fit to hold a key: a regular file, owned by the effective uid or the
 * superuser, and open to neither group nor others. One exception, a file of root:root with mode
 * 0440: so systemd's credentials look, whose access list shows as the group's bits. path is for the
 * log. */
COFFER_MUST_USE coffer_err file_check_private(int fd, const char *path);

/* Opens such a file for reading. On COFFER_OK the caller closes *fd; on failure it is -1. */
COFFER_MUST_USE coffer_err file_open_private(const char *path, int *fd);

/* Removes the folder and all that is in it, without following links or leaving its file system. */
COFFER_MUST_USE coffer_err file_remove_tree(const char *path);

#endif
