/* source.h - values that are files of the host, read anew at each reveal. Layer: core.
 *
 * A source is the text "file:/absolute/path". Links are followed, as service managers and orchestrators mount
 * secrets by them; what is read must be a regular file that keeps its size meanwhile, which those of /proc and
 * /sys do not. Its bytes are the value, a newline at the end too. A file system that hangs holds up the daemon.
 * Where folders are given (':' between them), the path must be below one of them; where links lead to from
 * there is the sandbox's matter. Failures are COFFER_FAILED_PRECONDITION, *why a text for people. */
#ifndef CORE_SOURCE_H
#define CORE_SOURCE_H

#include <coffer/error.h>
#include <coffer/limits.h>
#include <stddef.h>
#include <stdint.h>

#include "slice.h"

/* An open source. */
struct source {
	int fd; /* -1: none */
	size_t len;
	const char *why;                /* after a failure; as strerror's result */
	char path[COFFER_TEXT_MAX + 1]; /* also after one, "" if the text is no source */
};

/* Whether text is a source that may be read; folders may be NULL. COFFER_INVALID_ARGUMENT: it is not. */
COFFER_MUST_USE coffer_err source_check(struct slice text, const char *folders, const char **why);

/* Opens the file, of max bytes at most, and tells its length. source_close must follow in either case. */
COFFER_MUST_USE coffer_err source_open(struct source *out, struct slice text, const char *folders,
				       size_t max);
/* Reads it to out, which has room for len bytes and is arena memory. On failure they are zero. */
COFFER_MUST_USE coffer_err source_read(struct source *source, uint8_t *out);
void source_close(struct source *source);

#endif
