#include "vault/object_name.h"

#include <assert.h>
#include <coffer/limits.h>
#include <sodium.h>

#include "vault/bytes.h"

/* The scope's length stands before it, so no two pairs give the same bytes. */
void object_name(const struct keyring *keyring, struct slice scope, struct slice name,
		 uint8_t out[OBJECT_NAME_LEN])
{
	const uint8_t *key = keyring_lasting_key(keyring, KEY_OBJECT_NAME);
	uint8_t input[2 + COFFER_SCOPE_MAX + COFFER_NAME_MAX], *at = input;

	assert(scope.len <= COFFER_SCOPE_MAX && name.len <= COFFER_NAME_MAX);
	at = bytes_put_u16(at, (uint16_t)scope.len);
	at = bytes_put(at, scope.data, scope.len);
	at = bytes_put(at, name.data, name.len);
	/* Fails only for lengths that it does not support. */
	(void)crypto_generichash(out, OBJECT_NAME_LEN, input, (size_t)(at - input), key,
				 KEYRING_KEY_LEN);
}
