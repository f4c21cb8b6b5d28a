/* copy.h - the audit log's files as they stand, one after the other: for a backup. Layer: audit. Only reads.
 *
 * Each function returns COFFER_UNAVAILABLE, with errno kept, if the system refuses. */
#ifndef AUDIT_COPY_H
#define AUDIT_COPY_H

#include <coffer/error.h>
#include <stdint.h>

struct copy {
	int folder;     /* -1: none */
	int fd;         /* of the file; -1: none */
	uint64_t first; /* its number; 0 before the first file */
	uint64_t size;  /* bytes when it was opened: the newest file grows by whole lines */
};

COFFER_MUST_USE coffer_err copy_open(struct copy *copy, const char *folder);
void copy_close(struct copy *copy);

/* Closes the file and opens the next one. COFFER_NOT_FOUND behind the newest. COFFER_ABORTED if files that are no
 * longer kept were removed meanwhile, so that the next one may be missing. */
COFFER_MUST_USE coffer_err copy_next(struct copy *copy);

/* Makes a new file of that number and mode 0600 in an audit folder; the caller closes *fd. */
COFFER_MUST_USE coffer_err copy_create(int folder, uint64_t first, int *fd);

#endif
