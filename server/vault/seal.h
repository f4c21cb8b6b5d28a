/* seal.h - authenticated encryption of one record. Layer: vault; the only user of the ciphers.
 *
 *   version (1) | algorithm (1) | epoch (4, big endian) | nonce or salt | ciphertext | tag (16)
 *
 * XChaCha20-Poly1305: a random 24-byte nonce under the epoch's record key. AES-256-GCM: a random
 * 16-byte salt, from which key and nonce of this one record are derived by keyed BLAKE2b, so no two
 * records share a key and the short GCM nonce sets no limit. The first six bytes, the store's uuid
 * and the record's context are associated data: a record that was moved, renamed, re-versioned or
 * re-flagged, or whose expiry was changed, does not open. */
#ifndef VAULT_SEAL_H
#define VAULT_SEAL_H

#include <coffer/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "slice.h"
#include "vault/keyring.h"

/* The numbers are stored. */
typedef enum seal_algorithm { SEAL_XCHACHA20_POLY1305 = 1, SEAL_AES_256_GCM = 2 } seal_algorithm;

/* Where a record stands. The slices are borrowed for the call. */
struct seal_context {
	struct slice scope;
	struct slice name;
	uint32_t version;
	uint32_t flags;
	int64_t expires_ms; /* 0: never, as for what older versions sealed */
};

/* The largest growth of any algorithm. */
#define SEAL_OVERHEAD_MAX 46

/* False if this machine has no hardware AES and algorithm needs it. */
bool seal_available(seal_algorithm algorithm);

/* The version of the library that does it; static. */
const char *seal_library(void);

/* Bytes that a plaintext of len bytes becomes. */
size_t seal_sealed_len(seal_algorithm algorithm, size_t len);

/* Seals plain under the keyring's current epoch, appending seal_sealed_len bytes to out.
 * COFFER_RESOURCE_EXHAUSTED if they do not fit; COFFER_FAILED_PRECONDITION if the algorithm is not
 * available here or the keyring is empty; COFFER_INVALID_ARGUMENT if the context's scope is longer
 * than COFFER_SCOPE_MAX or its name than COFFER_NAME_MAX. On error out is as it was. */
COFFER_MUST_USE coffer_err seal_record(const struct keyring *keyring, seal_algorithm algorithm,
				       const struct seal_context *context, struct slice plain,
				       struct buf *out);

/* The epoch whose key it was sealed under; 0 if it is no record. */
uint32_t seal_epoch(struct slice sealed);

/* The plaintext's length, for making room before seal_open. COFFER_DATA_LOSS if sealed is no
 * record. */
COFFER_MUST_USE coffer_err seal_plain_len(struct slice sealed, size_t *len);

/* Opens sealed into out, which has room for exactly seal_plain_len bytes (or is NULL for none) and
 * is arena memory. On any error those bytes are zero. COFFER_DATA_LOSS if it does not authenticate
 * or its epoch is unknown; COFFER_FAILED_PRECONDITION if its algorithm is not available here. */
COFFER_MUST_USE coffer_err seal_open(const struct keyring *keyring,
				     const struct seal_context *context, struct slice sealed,
				     uint8_t *out);

#endif
