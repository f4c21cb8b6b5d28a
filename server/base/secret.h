/* secret.h - bytes that must not outlive their use, outside the request path. Layer: base.
 *
 * A secret owns pages of the arena and never grows: use it for a passphrase, a key file's content,
 * a run's bootstrap payload. Five verbs; struct copies move ownership and must empty the source. */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <coffer/error.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

struct secret {
	struct arena *arena; /* NULL iff data is NULL */
	uint8_t *data;
	size_t len; /* bytes in use; at most cap */
	size_t cap;
};

#define SECRET_EMPTY ((struct secret){ NULL, NULL, 0, 0 })

/* An empty secret with room for cap bytes (cap > 0).
 * COFFER_RESOURCE_EXHAUSTED if the arena has no room; then *out is empty. */
COFFER_MUST_USE coffer_err secret_reserve(struct secret *out, struct arena *arena, size_t cap);

/* Copies len bytes. The caller still owns, and must wipe, src. Errors as secret_reserve. */
COFFER_MUST_USE coffer_err secret_copy(struct secret *out, struct arena *arena, const uint8_t *src,
				       size_t len);

/* Reads fd to its end. COFFER_INVALID_ARGUMENT if there are more than max bytes, COFFER_UNAVAILABLE
 * on a read error (errno is kept). fd stays open. */
COFFER_MUST_USE coffer_err secret_read(struct secret *out, struct arena *arena, int fd, size_t max);

/* Wipes and gives back; *s becomes empty. An empty secret is fine. */
void secret_free(struct secret *s);

#endif
