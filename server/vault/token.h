/* token.h - how a token is remembered: by a keyed BLAKE2b-256 of it. Layer: vault.
 *
 * Without the key the stored hashes neither verify a guess nor show that two stores share a token. */
#ifndef VAULT_TOKEN_H
#define VAULT_TOKEN_H

#include <coffer/error.h>
#include <stdbool.h>
#include <stdint.h>

#include "slice.h"
#include "vault/keyring.h"

#define TOKEN_HASH_LEN 32

/* The hash under the lasting key of the keyring, which must not be empty. */
void token_hash(const struct keyring *keyring, struct slice token, uint8_t hash[TOKEN_HASH_LEN]);

/* In constant time. */
bool token_hash_equal(const uint8_t a[TOKEN_HASH_LEN], const uint8_t b[TOKEN_HASH_LEN]);

#endif
