/* object_name.h - what a secret is called in a bucket: a keyed BLAKE2b-256 of its scope and name. Layer: vault.
 *
 * Without the key nobody can tell, or try, which secret an object is of. */
#ifndef VAULT_OBJECT_NAME_H
#define VAULT_OBJECT_NAME_H

#include <stdint.h>

#include "slice.h"
#include "vault/keyring.h"

#define OBJECT_NAME_LEN 32

/* Under the lasting key of the keyring, which must not be empty. scope has COFFER_SCOPE_MAX bytes at most, and
 * name COFFER_NAME_MAX. */
void object_name(const struct keyring *keyring, struct slice scope, struct slice name,
		 uint8_t out[OBJECT_NAME_LEN]);

#endif
