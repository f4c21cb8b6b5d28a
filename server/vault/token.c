#include "vault/token.h"

#include <sodium.h>

/* BLAKE2b leaves its message, which is the token, this deep below its caller. */
#define STACK_RESIDUE 4096

void token_hash(const struct keyring *keyring, struct slice token, uint8_t hash[TOKEN_HASH_LEN])
{
	const uint8_t *key = keyring_lasting_key(keyring, KEY_TOKEN);

	crypto_generichash(hash, TOKEN_HASH_LEN, token.data, token.len, key, KEYRING_KEY_LEN);
	sodium_stackzero(STACK_RESIDUE);
}

bool token_hash_equal(const uint8_t a[TOKEN_HASH_LEN], const uint8_t b[TOKEN_HASH_LEN])
{
	return sodium_memcmp(a, b, TOKEN_HASH_LEN) == 0;
}
