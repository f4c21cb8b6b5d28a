/* path.h - a request's path, cut into segments. Layer: tools.
 *
 * Nothing is normalised: what another reader of the same path might take for another one is refused. */
#ifndef HTTP_PATH_H
#define HTTP_PATH_H

#include <coffer/error.h>
#include <stddef.h>

#define PATH_TEXT_MAX     1024
#define PATH_SEGMENTS_MAX 8

struct path {
	char text[PATH_TEXT_MAX + 1]; /* the segments, decoded, a NUL behind each */
	const char *segments[PATH_SEGMENTS_MAX];
	size_t len;
};

/* Takes the path as it came, without its query. COFFER_INVALID_ARGUMENT, and *why says what is wrong (a static
 * string): it does not begin with '/', or a segment is '.' or '..', is not UTF-8, or has a control character, an
 * encoded '/' or a '%' that encodes nothing. COFFER_RESOURCE_EXHAUSTED: it is too long. More segments than fit, or
 * an empty one, match no route: COFFER_NOT_FOUND. */
COFFER_MUST_USE coffer_err path_parse(struct path *out, const char *text, const char **why);

#endif
