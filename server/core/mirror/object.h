/* object.h - the objects of a bucket: their keys, and the record that is sealed in one. Layer: core.
 *
 *   v1/<64 hex digits: the keyed hash of scope and name>/<20 digits: version>   a record, sealed
 *   v1/batch/<32 hex digits: its id>                                            that batch is whole
 *   v1/root/00000000000000000001                                                see root.h
 *
 * A record, with fields in big endian:
 *
 *   1 (1 byte) | flags (4) | created_ms (8) | expires_ms (8) | batch (16) | u16 length, scope |
 *   u16 length, name | u16 length, note | value, or with STORE_SOURCE the source's text
 *
 * It is sealed as a record of the scope "__coffer_object", which no secret can have, with the hash in the place of
 * a name, and the version: so it opens at its own key alone. */
#ifndef CORE_MIRROR_OBJECT_H
#define CORE_MIRROR_OBJECT_H

#include <coffer/error.h>

#include "base/secret.h"
#include "core/core.h"
#include "vault/object_name.h"

#define MIRROR_KEY_MAX 88
#define MIRROR_ROOT    "v1/root/00000000000000000001"

/* Of a record, beside those of store.h: the secret was purged, this and all before it. */
#define MIRROR_PURGED 8u

typedef enum mirror_key_kind {
	MIRROR_KEY_FOREIGN, /* none of ours */
	MIRROR_KEY_ROOT,
	MIRROR_KEY_BATCH,
	MIRROR_KEY_RECORD,
} mirror_key_kind;

struct mirror_key {
	mirror_key_kind kind;
	uint8_t name[OBJECT_NAME_LEN]; /* of a record */
	uint32_t version;
	uint8_t batch[STORE_BATCH_LEN]; /* of a batch */
};

/* What the key is of, in the one form that each has. */
struct mirror_key mirror_key_parse(struct slice key);

/* The key, with a NUL behind it, of a record or a batch. */
void mirror_key_record(char out[MIRROR_KEY_MAX + 1], const uint8_t name[OBJECT_NAME_LEN],
		       uint32_t version);
void mirror_key_batch(char out[MIRROR_KEY_MAX + 1], const uint8_t batch[STORE_BATCH_LEN]);

/* What a record says. The slices are borrowed. */
struct mirror_record {
	uint32_t flags; /* STORE_DELETED, STORE_SOURCE, MIRROR_PURGED */
	int64_t created_ms;
	int64_t expires_ms;
	uint8_t batch[STORE_BATCH_LEN]; /* zeros: of none */
	struct slice scope;
	struct slice name;
	struct slice note;
	struct slice value;
};

/* The record as the object's body. Its memory is the heap's, and holds ciphertext. COFFER_RESOURCE_EXHAUSTED
 * without memory; *out is then empty. */
COFFER_MUST_USE coffer_err mirror_object_seal(const struct core *core,
					      const uint8_t name[OBJECT_NAME_LEN], uint32_t version,
					      const struct mirror_record *record, struct buf *out);

/* The same for a version that the store has. COFFER_DATA_LOSS if it does not open. */
COFFER_MUST_USE coffer_err mirror_object_of_row(struct core *core, const struct store_secret *row,
						const uint8_t batch[STORE_BATCH_LEN],
						struct buf *out);

/* Opens the object into *plain, which the record's slices are of and the caller frees. COFFER_DATA_LOSS: it is
 * not of this key, not of this store, or its record is none. COFFER_RESOURCE_EXHAUSTED without memory. */
COFFER_MUST_USE coffer_err mirror_object_open(const struct core *core, const struct mirror_key *key,
					      struct slice body, struct secret *plain,
					      struct mirror_record *record);

/* A record from its bytes. COFFER_DATA_LOSS unless it has exactly its form. */
COFFER_MUST_USE coffer_err mirror_record_parse(struct slice in, struct mirror_record *record);

#endif
