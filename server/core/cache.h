/* cache.h - the newest versions that were looked up last, still sealed, and names that were looked for in
 * vain. Layer: core.
 *
 * A look-up in SQLite costs some thousand instructions, and most names are searched in scopes that do not
 * have them. Bounded: CACHE_SLOTS entries of at most CACHE_SEALED_MAX bytes of ciphertext; whatever shares a
 * slot replaces what was there. Emptied whenever a transaction ends. Never holds plaintext. */
#ifndef CORE_CACHE_H
#define CORE_CACHE_H

#include <stdbool.h>

#include "store/store.h"

#define CACHE_SLOTS      256
#define CACHE_SEALED_MAX 512

struct cache_entry;

struct cache {
	struct cache_entry *slots[CACHE_SLOTS];
	bool empty;
};

void cache_init(struct cache *cache);

/* True if the answer is known: *err is COFFER_OK with *row set (borrowed until the next call of the cache), or
 * COFFER_NOT_FOUND. */
bool cache_find(const struct cache *cache, struct slice scope, struct slice name,
		struct store_secret *row, coffer_err *err);

/* Remembers what a look-up came to: the row, or with row NULL that there is none. Does nothing without
 * memory, or for a row that is too large. */
void cache_keep(struct cache *cache, struct slice scope, struct slice name,
		const struct store_secret *row);

void cache_clear(struct cache *cache);

#endif
