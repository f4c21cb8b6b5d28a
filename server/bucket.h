/* bucket.h - coffer-s3 from the outside: it is started here, and told what the bucket is. Layer: main. */
#ifndef BUCKET_H
#define BUCKET_H

#include <coffer/error.h>

#include "base/arena.h"
#include "config.h"
#include "slice.h"

/* Starts coffer-s3, which asks at the admin socket for what it is to do, and ends with this process. Nothing where no
 * bucket is set. Before the sandbox. Failures are logged. */
COFFER_MUST_USE coffer_err bucket_serve(const struct config *config, const char *admin_socket,
					struct arena *arena);

/* One object, waiting for it. get appends it to out. COFFER_NOT_FOUND (get) and COFFER_ALREADY_EXISTS (put), not
 * logged; COFFER_UNAVAILABLE, of which coffer-s3 has told why. */
COFFER_MUST_USE coffer_err bucket_get(const struct config *config, struct arena *arena,
				      const char *key, struct buf *out);
COFFER_MUST_USE coffer_err bucket_put(const struct config *config, struct arena *arena,
				      const char *key, struct slice body);

#endif
