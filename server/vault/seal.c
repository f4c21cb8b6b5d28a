#include "vault/seal.h"

#include "vault/bytes.h"
#include "wipe.h"

#include <coffer/limits.h>

#include <sodium.h>

#include <assert.h>

#define FORMAT_VERSION 1
#define HEAD_LEN       6 /* version, algorithm, epoch */
#define TAG_LEN        16
#define NONCE_LEN      24 /* of XChaCha20 */
#define SALT_LEN       16 /* for AES-256-GCM */

#define GCM_LABEL       "coffer/gcm/v1"
#define GCM_LABEL_LEN   (sizeof(GCM_LABEL) - 1)
#define GCM_DERIVED_LEN 64 /* key (32), nonce (12), unused (20) */

/* Associated data: head | store uuid | u16 length, scope | u16 length, name | u32 version | u32
 * flags | u64 expires_ms, unless it is 0 */
#define AAD_MAX \
	(HEAD_LEN + KEYRING_STORE_UUID_LEN + 2 + COFFER_SCOPE_MAX + 2 + COFFER_NAME_MAX + 4 + 4 + 8)

_Static_assert(crypto_aead_xchacha20poly1305_ietf_NPUBBYTES == NONCE_LEN, "XChaCha20 nonce");
_Static_assert(crypto_aead_xchacha20poly1305_ietf_ABYTES == TAG_LEN, "one tag length");
_Static_assert(crypto_aead_aes256gcm_ABYTES == TAG_LEN, "one tag length");
_Static_assert(HEAD_LEN + NONCE_LEN + TAG_LEN == SEAL_OVERHEAD_MAX,
	       "the header tells the overhead");
_Static_assert(crypto_aead_aes256gcm_KEYBYTES + crypto_aead_aes256gcm_NPUBBYTES <= GCM_DERIVED_LEN,
	       "one hash gives key and nonce");

/* Bytes of nonce or salt; 0 for a number that is no algorithm. */
static size_t prefix_len(unsigned algorithm)
{
	switch (algorithm) {
	case SEAL_XCHACHA20_POLY1305:
		return NONCE_LEN;
	case SEAL_AES_256_GCM:
		return SALT_LEN;
	default:
		return 0;
	}
}

/* The keyring has initialised libsodium, which the answer depends on. */
static bool runs_here(unsigned algorithm)
{
	return algorithm != SEAL_AES_256_GCM || crypto_aead_aes256gcm_is_available() != 0;
}

bool seal_available(seal_algorithm algorithm)
{
	return prefix_len(algorithm) != 0 && sodium_init() >= 0 && runs_here(algorithm);
}

const char *seal_library(void)
{
	return sodium_version_string();
}

size_t seal_sealed_len(seal_algorithm algorithm, size_t len)
{
	assert(prefix_len(algorithm) != 0);
	return HEAD_LEN + prefix_len(algorithm) + len + TAG_LEN;
}

static bool context_fits(const struct seal_context *context)
{
	return context->scope.len <= COFFER_SCOPE_MAX && context->name.len <= COFFER_NAME_MAX;
}

/* Lengths stand before what varies, so no two contexts give the same bytes. */
static size_t aad_build(uint8_t aad[AAD_MAX], const uint8_t head[HEAD_LEN],
			const struct keyring *keyring, const struct seal_context *context)
{
	uint8_t *p = aad;

	p = bytes_put(p, head, HEAD_LEN);
	p = bytes_put(p, keyring_store_uuid(keyring), KEYRING_STORE_UUID_LEN);
	p = bytes_put_u16(p, (uint16_t)context->scope.len);
	p = bytes_put(p, context->scope.data, context->scope.len);
	p = bytes_put_u16(p, (uint16_t)context->name.len);
	p = bytes_put(p, context->name.data, context->name.len);
	p = bytes_put_u32(p, context->version);
	p = bytes_put_u32(p, context->flags);
	if (context->expires_ms != 0) {
		p = bytes_put_u32(p, (uint32_t)((uint64_t)context->expires_ms >> 32));
		p = bytes_put_u32(p, (uint32_t)context->expires_ms);
	}
	return (size_t)(p - aad);
}

/* Key and nonce of one AES-256-GCM record: BLAKE2b-512(key: record key, "coffer/gcm/v1" | salt).
 * The caller wipes derived. */
static void gcm_derive(uint8_t derived[GCM_DERIVED_LEN], const uint8_t *key,
		       const uint8_t salt[SALT_LEN])
{
	uint8_t input[GCM_LABEL_LEN + SALT_LEN];
	uint8_t *p = input;

	p = bytes_put(p, (const uint8_t *)GCM_LABEL, GCM_LABEL_LEN);
	(void)bytes_put(p, salt, SALT_LEN);
	/* Fails only for lengths that it does not support. */
	(void)crypto_generichash(derived, GCM_DERIVED_LEN, input, sizeof(input), key,
				 KEYRING_KEY_LEN);
}

/* One record, taken apart: what both directions need. */
struct record {
	unsigned algorithm;
	const uint8_t *key; /* the epoch's record key */
	const uint8_t *aad;
	size_t aad_len;
	const uint8_t *prefix; /* nonce or salt */
};

/* Writes ciphertext and tag behind the prefix. libsodium's encryption cannot fail. */
static void record_encrypt(const struct record *r, struct slice plain, uint8_t *out)
{
	uint8_t derived[GCM_DERIVED_LEN];

	if (r->algorithm == SEAL_XCHACHA20_POLY1305) {
		(void)crypto_aead_xchacha20poly1305_ietf_encrypt(
		    out, NULL, plain.data, plain.len, r->aad, r->aad_len, NULL, r->prefix, r->key);
		return;
	}
	gcm_derive(derived, r->key, r->prefix);
	(void)crypto_aead_aes256gcm_encrypt(out, NULL, plain.data, plain.len, r->aad, r->aad_len,
					    NULL, derived + crypto_aead_aes256gcm_KEYBYTES,
					    derived);
	sodium_memzero(derived, sizeof(derived));
}

/* False if it does not authenticate. */
static bool record_decrypt(const struct record *r, struct slice sealed, uint8_t *out)
{
	uint8_t derived[GCM_DERIVED_LEN];
	bool good;

	if (r->algorithm == SEAL_XCHACHA20_POLY1305)
		return crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, sealed.data,
								  sealed.len, r->aad, r->aad_len,
								  r->prefix, r->key) == 0;
	gcm_derive(derived, r->key, r->prefix);
	good = crypto_aead_aes256gcm_decrypt(out, NULL, NULL, sealed.data, sealed.len, r->aad,
					     r->aad_len, derived + crypto_aead_aes256gcm_KEYBYTES,
					     derived) == 0;
	sodium_memzero(derived, sizeof(derived));
	return good;
}

coffer_err seal_record(const struct keyring *keyring, seal_algorithm algorithm,
		       const struct seal_context *context, struct slice plain, struct buf *out)
{
	const uint32_t epoch = keyring_epoch(keyring);
	const size_t prefix = prefix_len(algorithm);
	uint8_t *at = out->data + out->len;
	uint8_t aad[AAD_MAX];
	struct record r;

	if (prefix == 0 || !runs_here(algorithm) || epoch == 0)
		return COFFER_FAILED_PRECONDITION;
	if (!context_fits(context))
		return COFFER_INVALID_ARGUMENT;
	if (out->cap - out->len < seal_sealed_len(algorithm, plain.len))
		return COFFER_RESOURCE_EXHAUSTED;
	at[0] = FORMAT_VERSION;
	at[1] = (uint8_t)algorithm;
	(void)bytes_put_u32(at + 2, epoch);
	randombytes_buf(at + HEAD_LEN, prefix);
	r = (struct record){ .algorithm = algorithm,
			     .key = keyring_key(keyring, KEY_RECORD, epoch),
			     .aad = aad,
			     .aad_len = aad_build(aad, at, keyring, context),
			     .prefix = at + HEAD_LEN };
	record_encrypt(&r, plain, at + HEAD_LEN + prefix);
	out->len += seal_sealed_len(algorithm, plain.len);
	return COFFER_OK;
}

uint32_t seal_epoch(struct slice sealed)
{
	return sealed.len < HEAD_LEN ? 0 : bytes_get_u32(sealed.data + 2);
}

coffer_err seal_plain_len(struct slice sealed, size_t *len)
{
	size_t prefix;

	*len = 0;
	if (sealed.len < HEAD_LEN || sealed.data[0] != FORMAT_VERSION)
		return COFFER_DATA_LOSS;
	prefix = prefix_len(sealed.data[1]);
	if (prefix == 0 || sealed.len < HEAD_LEN + prefix + TAG_LEN)
		return COFFER_DATA_LOSS;
	*len = sealed.len - HEAD_LEN - prefix - TAG_LEN;
	return COFFER_OK;
}

coffer_err seal_open(const struct keyring *keyring, const struct seal_context *context,
		     struct slice sealed, uint8_t *out)
{
	uint8_t aad[AAD_MAX];
	struct slice body;
	struct record r;
	size_t len, prefix;
	coffer_err err;

	err = seal_plain_len(sealed, &len);
	if (err != COFFER_OK)
		return err;
	prefix = prefix_len(sealed.data[1]);
	body = (struct slice){ sealed.data + HEAD_LEN + prefix, len + TAG_LEN };
	r = (struct record){ .algorithm = sealed.data[1],
			     .key =
				 keyring_key(keyring, KEY_RECORD, bytes_get_u32(sealed.data + 2)),
			     .aad = aad,
			     .prefix = sealed.data + HEAD_LEN };
	if (!runs_here(r.algorithm)) {
		err = COFFER_FAILED_PRECONDITION;
	} else if (!r.key || !context_fits(context)) {
		err = COFFER_DATA_LOSS;
	} else {
		r.aad_len = aad_build(aad, sealed.data, keyring, context);
		err = record_decrypt(&r, body, out) ? COFFER_OK : COFFER_DATA_LOSS;
	}
	if (err != COFFER_OK)
		wipe(out, len);
	return err;
}
