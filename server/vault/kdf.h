/* kdf.h - from a passphrase to a key-encrypting key: Argon2id (RFC 9106), by libsodium.
 * Layer: vault. */
#ifndef VAULT_KDF_H
#define VAULT_KDF_H

#include <coffer/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KDF_SALT_LEN 16
#define KDF_KEY_LEN  32

/* Bounds of what a store may ask for. A header outside them is refused before any work is done. */
#define KDF_MEMORY_KIB_MIN     (19u * 1024)
#define KDF_MEMORY_KIB_MAX     (256u * 1024)
#define KDF_PASSES_MIN         2u
#define KDF_PASSES_MAX         10u
#define KDF_MEMORY_KIB_DEFAULT (64u * 1024)
#define KDF_PASSES_DEFAULT     3u

struct kdf_params {
	uint32_t memory_kib;
	uint32_t passes;
	uint8_t salt[KDF_SALT_LEN];
};

/* Fills in the defaults and a random salt. */
void kdf_params_make(struct kdf_params *out);

/* COFFER_DATA_LOSS if the parameters are outside the bounds above. */
COFFER_MUST_USE coffer_err kdf_params_check(const struct kdf_params *params);

/* Derives key, which must be arena memory. The passphrase is any bytes. On error key is all
 * zero. COFFER_DATA_LOSS as above; COFFER_INVALID_ARGUMENT if the passphrase is empty;
 * COFFER_RESOURCE_EXHAUSTED if the memory cannot be had; COFFER_INTERNAL if libsodium cannot
 * start. */
COFFER_MUST_USE coffer_err kdf_derive(const struct kdf_params *params, const uint8_t *passphrase,
				      size_t len, uint8_t key[KDF_KEY_LEN]);

#endif
