/* handed.h - a file in which something was handed over to this process alone. Layer: client.
 *
 * It must be a regular file of the caller's own uid, under one name, that nobody else may open; what is
 * anything else is refused and left as it is. It is removed before a byte of it is read, so that no second
 * process gets the same, and its content is overwritten when it has been read, for whoever holds it open
 * still. */
#ifndef CLIENT_HANDED_H
#define CLIENT_HANDED_H

#include "transport.h"

/* Takes the file at path into pages of its own (see pages.h): *pages of *pages_len bytes, the first *len of
 * which it held. The caller frees them with pages_free; on failure there are none. Failures are written to
 * t's message. COFFER_NOT_FOUND: there is no such file. COFFER_PERMISSION_DENIED: it is not of that kind,
 * or cannot be removed. COFFER_RESOURCE_EXHAUSTED: it is larger than COFFER_BOOTSTRAP_FILE_MAX, or no
 * memory. COFFER_UNAVAILABLE: it cannot be read. */
COFFER_MUST_USE coffer_err handed_take(const char *path, uint8_t **pages, size_t *pages_len,
				       size_t *len, struct transport *t);

#endif
