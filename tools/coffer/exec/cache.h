/* cache.h - the values of the last fetch in a file, for when the daemon is away. Layer: tools.
 *
 * The file is sealed under the token and good for nobody without it: a magic line, a random salt, what the key
 * commits to, a nonce, and the values, encrypted with XChaCha20-Poly1305. Key and commitment are the halves of a
 * BLAKE2b-512 of a context and the salt, keyed with the token, which is random enough to need no stretching.
 * All before the values is authenticated with them. */
#ifndef EXEC_CACHE_H
#define EXEC_CACHE_H

#include "cli.h"
#include "exec/values.h"

/* Of the fetch. Times are in milliseconds since 1970. */
struct cache_about {
	int64_t fetched_at_ms;
	int64_t expires_at_ms; /* of the token */
	bool all;              /* every visible secret is there */
};

/* Writes a new file in the place of a file or link at path, mode 0600; it is on disk on return. Returns NULL, or what
 * went wrong, for a message; what was there then stays. A value's note of why it is lacking is not written. */
const char *cache_write(const char *path, const char *token, const struct cache_about *about,
			const struct values *values);

/* Reads it into *values, which the caller frees. Returns NULL, or why it is of no use: it cannot be read, is
 * somebody else's or open to others, was made with another token or changed by anybody, or the token has
 * expired by now_ms. *values then is empty. */
const char *cache_read(const char *path, const char *token, int64_t now_ms,
		       struct cache_about *about, struct values *values);

#endif
