/* root.h - the one object that a host needs to join: who the store is, and how its root key is opened. Layer:
 * core.
 *
 *   "cofr" | 1 (1 byte) | store uuid (16) | algorithm (4) | u16 length, lasting keys |
 *   u16 count, of slots: id (4) | epoch (4) | kind (4) | params, nonce, commitment, wrapped: each with its u16 length
 *
 * in big endian. The root keys in it are wrapped by the key file or the passphrase, and the lasting keys sealed under
 * them (core/rotation.h; empty while they are those of the first epoch). */
#ifndef CORE_MIRROR_ROOT_H
#define CORE_MIRROR_ROOT_H

#include <coffer/error.h>

#include "core/core.h"

#define MIRROR_ROOT_MAX 16384

struct mirror_root {
	uint8_t uuid[STORE_UUID_LEN];
	uint32_t algorithm;
	struct slice lasting;
	size_t count;       /* of slots */
	struct slice slots; /* encoded */
};

/* What the store's is, in its open transaction or outside of one, appended to out. COFFER_RESOURCE_EXHAUSTED if it does
 * not fit into MIRROR_ROOT_MAX bytes. */
COFFER_MUST_USE coffer_err mirror_root_make(struct store *store, struct buf *out);

/* COFFER_DATA_LOSS unless it has exactly its form. The slices are of in. */
COFFER_MUST_USE coffer_err mirror_root_parse(struct slice in, struct mirror_root *root);

/* Makes a new store of it, in the store's open transaction: identity, slots, lasting keys, and the mark that it is in a
 * bucket. */
COFFER_MUST_USE coffer_err mirror_root_install(struct store *store, const struct mirror_root *root,
					       int64_t now_ms);

/* Whether the bucket's is of this store: sets core->mirror->root_seen and root_same. */
void mirror_root_look(struct core *core, struct slice body);

#endif
