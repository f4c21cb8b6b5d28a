#include "vault/kdf.h"

#include <sodium.h>

_Static_assert(KDF_SALT_LEN == crypto_pwhash_argon2id_SALTBYTES, "the salt is Argon2id's");

void kdf_params_make(struct kdf_params *out)
{
	out->memory_kib = KDF_MEMORY_KIB_DEFAULT;
	out->passes = KDF_PASSES_DEFAULT;
	randombytes_buf(out->salt, sizeof(out->salt));
}

coffer_err kdf_params_check(const struct kdf_params *params)
{
	if (params->memory_kib < KDF_MEMORY_KIB_MIN || params->memory_kib > KDF_MEMORY_KIB_MAX ||
	    params->passes < KDF_PASSES_MIN || params->passes > KDF_PASSES_MAX)
		return COFFER_DATA_LOSS;
	return COFFER_OK;
}

/* One lane, version 1.3, no secret and no associated data: libsodium's form of Argon2id. */
coffer_err kdf_derive(const struct kdf_params *params, const uint8_t *passphrase, size_t len,
		      uint8_t key[KDF_KEY_LEN])
{
	coffer_err err;

	err = kdf_params_check(params);
	if (err == COFFER_OK && len == 0)
		err = COFFER_INVALID_ARGUMENT;
	if (err == COFFER_OK && sodium_init() < 0)
		err = COFFER_INTERNAL;
	if (err == COFFER_OK &&
	    crypto_pwhash_argon2id(key, KDF_KEY_LEN, (const char *)passphrase, len, params->salt,
				   params->passes, (size_t)params->memory_kib * 1024,
				   crypto_pwhash_argon2id_ALG_ARGON2ID13) != 0)
		err = COFFER_RESOURCE_EXHAUSTED; /* its only failure within these bounds */
	if (err != COFFER_OK)
		sodium_memzero(key, KDF_KEY_LEN);
	return err;
}
