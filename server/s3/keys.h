/* keys.h - the keys of the objects in the bucket, as the last listing found them. Layer: s3.
 *
 * Compact, as there is one for every version of every secret: 42 bytes each, in order. A key that is none of coffer's
 * is not kept. */
#ifndef S3_KEYS_H
#define S3_KEYS_H

#include <coffer/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "slice.h"

/* Keys at most: a bucket that lists more is not coffer's alone. */
#define KEYS_MAX (1u << 22)

/* "v1/<64 hex>/<20 digits>" or "v1/batch/<32 hex>", and a NUL. */
#define KEYS_TEXT_MAX (3 + 64 + 1 + 20)

typedef enum keys_kind {
	KEYS_BATCH,
	KEYS_RECORD
} keys_kind; /* in the order in which they are offered */

struct keys_entry {
	uint8_t kind;
	uint8_t
	    bytes[40]; /* a record's hash and version, the last byte the lowest; or a batch's id */
	uint8_t known; /* the daemon needs it no more */
};

struct keys {
	struct keys_entry *list; /* heap */
	size_t len, cap;
};

/* Takes a key without the prefix. True if it is one of that kind's; false, too, if *err is set: no memory, or more
 * than KEYS_MAX. */
bool keys_add(struct keys *keys, keys_kind kind, struct slice key, coffer_err *err);

/* Puts them in order, each once. */
void keys_sort(struct keys *keys);

/* Marks those as known that before has as known. Both are in order. */
void keys_mark_known(struct keys *keys, const struct keys *before);

/* Of the daemon that was asked nothing is known any more. */
void keys_forget(struct keys *keys);

/* The key as text, with a NUL. */
void keys_format(const struct keys_entry *entry, char out[KEYS_TEXT_MAX + 1]);

/* Frees the list; *keys becomes empty. */
void keys_free(struct keys *keys);

#endif
