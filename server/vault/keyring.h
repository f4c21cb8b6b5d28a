/* keyring.h - slots and epochs: how a store's root keys are wrapped, and the sub-keys made from
 * them. Layer: vault. Knows no storage: it makes and opens rows that core keeps.
 *
 *   key file or passphrase -> KEK
 *   BLAKE2b-512(key: KEK, "coffer/wrap/v1" | store uuid | slot id | nonce) = wrap key | commitment
 *   XChaCha20-Poly1305(wrap key, nonce, root key; associated data: every field of the slot)
 *   crypto_kdf(root key, epoch and purpose) = sub-key
 *
 * Sub-keys for tokens and for the audit log last: they stay those of the store's first epoch, so that tokens
 * which were handed out and records which were written stay good when the root key is changed. So does the key
 * that a bucket's objects are named by, BLAKE2b-256(key: the lasting key for tokens, "coffer/object-name/v1").
 *
 * The commitment makes a slot open under one KEK only; the associated data makes an edited slot
 * fail. Every key lives in one page of the arena. */
#ifndef VAULT_KEYRING_H
#define VAULT_KEYRING_H

#include <coffer/error.h>
#include <stdint.h>

#include "base/arena.h"
#include "vault/kdf.h"

#define KEYRING_KEY_LEN        32
#define KEYRING_STORE_UUID_LEN 16
#define KEYRING_NONCE_LEN      24
#define KEYRING_WRAPPED_LEN    (KEYRING_KEY_LEN + 16)
#define KEYRING_COMMITMENT_LEN 32
#define KEYRING_EPOCHS_MAX     4

/* How the KEK of a slot is had. The numbers are stored. */
typedef enum slot_kind { SLOT_KEY_FILE = 1, SLOT_PASSPHRASE = 2 } slot_kind;

/* One way to open one epoch's root key. Stored as it is, field by field. */
struct slot {
	uint32_t id;
	uint32_t epoch;
	slot_kind kind;
	struct kdf_params kdf; /* all zero for SLOT_KEY_FILE */
	uint8_t nonce[KEYRING_NONCE_LEN];
	uint8_t commitment[KEYRING_COMMITMENT_LEN];
	uint8_t wrapped[KEYRING_WRAPPED_LEN];
};

/* What a sub-key is for. The numbers enter the derivation. */
typedef enum key_purpose {
	KEY_RECORD = 1,
	KEY_TOKEN = 2,
	KEY_AUDIT = 3,
	KEY_OBJECT_NAME = 4,
	KEY_BACKUP = 5,
} key_purpose;

struct keyring;

/* An empty keyring for the store of that uuid. COFFER_RESOURCE_EXHAUSTED if the arena has no page;
 * COFFER_INTERNAL if libsodium cannot start. On error *out is NULL. */
COFFER_MUST_USE coffer_err keyring_create(struct keyring **out, struct arena *arena,
					  const uint8_t store_uuid[KEYRING_STORE_UUID_LEN]);

/* Wipes every key. keyring may be NULL. */
void keyring_destroy(struct keyring *keyring);

/* Makes a new random root key and the given epoch, above every other one, current for writes.
 * COFFER_RESOURCE_EXHAUSTED if there are KEYRING_EPOCHS_MAX already, or the arena has no page. */
COFFER_MUST_USE coffer_err keyring_new_epoch(struct keyring *keyring, uint32_t epoch);

/* Wraps the epoch's root key under kek: reads id, epoch, kind and kdf of *slot, fills in the rest.
 * COFFER_NOT_FOUND if the keyring has no such epoch; COFFER_RESOURCE_EXHAUSTED if the arena has no
 * page. */
COFFER_MUST_USE coffer_err keyring_wrap(const struct keyring *keyring,
					const uint8_t kek[KEYRING_KEY_LEN], struct slot *slot);

/* Opens the slot's root key into the keyring; the highest epoch is current. kek is for this slot's
 * kind. A second slot of an epoch must hold the same root key. COFFER_PERMISSION_DENIED: kek is the
 * wrong key. COFFER_DATA_LOSS: the slot was altered. COFFER_RESOURCE_EXHAUSTED as above. The
 * commitment is checked first, so what goes into it cannot be told from a wrong key: an altered id,
 * nonce or commitment, another store's uuid, and (as they change the KEK that a passphrase gives)
 * an altered salt, memory or number of passes are COFFER_PERMISSION_DENIED too. */
COFFER_MUST_USE coffer_err keyring_unwrap(struct keyring *keyring, const struct slot *slot,
					  const uint8_t kek[KEYRING_KEY_LEN]);

/* The epoch that writes use; 0 for an empty keyring. */
uint32_t keyring_epoch(const struct keyring *keyring);

/* The sub-key of that purpose and epoch, or NULL if the keyring has no such epoch. The keyring owns
 * it. */
const uint8_t *keyring_key(const struct keyring *keyring, key_purpose purpose, uint32_t epoch);

/* The lasting keys, one behind the other: those of the epoch that came into the keyring first, until they are
 * set. NULL for an empty keyring. */
#define KEYRING_LASTING_LEN (2 * KEYRING_KEY_LEN)
const uint8_t *keyring_lasting(const struct keyring *keyring);
void keyring_set_lasting(struct keyring *keyring, const uint8_t keys[KEYRING_LASTING_LEN]);

/* The lasting key of that purpose, KEY_TOKEN, KEY_AUDIT or KEY_OBJECT_NAME. */
const uint8_t *keyring_lasting_key(const struct keyring *keyring, key_purpose purpose);

/* Wipes an epoch's keys; the highest that is left is current. One that is not there is fine. */
void keyring_drop(struct keyring *keyring, uint32_t epoch);

const uint8_t *keyring_store_uuid(const struct keyring *keyring);

#endif
