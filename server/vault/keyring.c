#include "vault/keyring.h"

#include "vault/bytes.h"

#include <sodium.h>

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#define PURPOSES 5

/* Sub-keys come from the root key by libsodium's crypto_kdf, that is
 *
 *   BLAKE2b-256(key: root key, salt: epoch << 32 | purpose (8 bytes, little endian) | 0 x 8,
 *               personalisation: "cofferv1" | 0 x 8, no message)
 *
 * (libsodium's documentation, "Key derivation"; RFC 7693 with the parameter block of BLAKE2). */
#define SUBKEY_CONTEXT "cofferv1"

#define OBJECT_NAME_LABEL     "coffer/object-name/v1"
#define OBJECT_NAME_LABEL_LEN (sizeof(OBJECT_NAME_LABEL) - 1)

#define WRAP_LABEL     "coffer/wrap/v1"
#define WRAP_LABEL_LEN (sizeof(WRAP_LABEL) - 1)
#define WRAP_INPUT_LEN (WRAP_LABEL_LEN + KEYRING_STORE_UUID_LEN + 4 + KEYRING_NONCE_LEN)
#define SLOT_AAD_LEN   (KEYRING_STORE_UUID_LEN + 5 * 4 + KDF_SALT_LEN)

/* libsodium wipes its states but not what its functions left below them on the stack. */
#define STACK_RESIDUE 4096

_Static_assert(crypto_kdf_KEYBYTES == KEYRING_KEY_LEN, "root keys are crypto_kdf's");
_Static_assert(crypto_kdf_CONTEXTBYTES == sizeof(SUBKEY_CONTEXT) - 1,
	       "the context fills its field");
_Static_assert(crypto_aead_xchacha20poly1305_ietf_NPUBBYTES == KEYRING_NONCE_LEN,
	       "XChaCha20 nonce");
_Static_assert(KEYRING_KEY_LEN + crypto_aead_xchacha20poly1305_ietf_ABYTES == KEYRING_WRAPPED_LEN,
	       "a wrapped key is the key and a tag");

struct epoch {
	uint32_t number;
	uint8_t root[KEYRING_KEY_LEN];
	uint8_t keys[PURPOSES][KEYRING_KEY_LEN]; /* purpose 1 is at 0 */
};

struct keyring {
	struct arena *arena;
	uint8_t store_uuid[KEYRING_STORE_UUID_LEN];
	uint32_t current; /* 0 while there are no epochs */
	uint32_t count;
	struct epoch epochs[KEYRING_EPOCHS_MAX];
	bool lasts;                           /* the lasting keys are there */
	uint8_t lasting[KEYRING_LASTING_LEN]; /* for tokens, for the audit log */
	uint8_t object_name[KEYRING_KEY_LEN]; /* made of that for tokens, so it lasts too */
};

_Static_assert(sizeof(struct keyring) <= ARENA_PAGE, "the keyring is one page of the arena");

/* What exists only while a slot is made or opened. Arena memory. */
struct wrap {
	uint8_t key[KEYRING_KEY_LEN];
	uint8_t commitment[KEYRING_COMMITMENT_LEN];
	uint8_t root[KEYRING_KEY_LEN];
};

coffer_err keyring_create(struct keyring **out, struct arena *arena,
			  const uint8_t store_uuid[KEYRING_STORE_UUID_LEN])
{
	struct keyring *keyring;

	*out = NULL;
	if (sodium_init() < 0)
		return COFFER_INTERNAL;
	keyring = arena_take(arena, sizeof(*keyring));
	if (!keyring)
		return COFFER_RESOURCE_EXHAUSTED;
	keyring->arena = arena;
	memcpy(keyring->store_uuid, store_uuid, KEYRING_STORE_UUID_LEN);
	*out = keyring;
	return COFFER_OK;
}

void keyring_destroy(struct keyring *keyring)
{
	if (keyring)
		arena_give(keyring->arena, keyring, sizeof(*keyring), sizeof(*keyring));
}

static const struct epoch *epoch_find(const struct keyring *keyring, uint32_t number)
{
	for (uint32_t i = 0; i < keyring->count; i++) {
		if (keyring->epochs[i].number == number)
			return &keyring->epochs[i];
	}
	return NULL;
}

static void derive_object_name(struct keyring *keyring)
{
	/* Fails only for lengths that it does not support. A token is longer than the label. */
	(void)crypto_generichash(keyring->object_name, KEYRING_KEY_LEN,
				 (const uint8_t *)OBJECT_NAME_LABEL, OBJECT_NAME_LABEL_LEN,
				 keyring->lasting, KEYRING_KEY_LEN);
	sodium_stackzero(STACK_RESIDUE);
}

static coffer_err epoch_add(struct keyring *keyring, uint32_t number,
			    const uint8_t root[KEYRING_KEY_LEN])
{
	struct epoch *epoch;

	if (keyring->count == KEYRING_EPOCHS_MAX)
		return COFFER_RESOURCE_EXHAUSTED;
	epoch = &keyring->epochs[keyring->count++];
	epoch->number = number;
	memcpy(epoch->root, root, KEYRING_KEY_LEN);
	for (uint64_t purpose = 1; purpose <= PURPOSES; purpose++) {
		/* Fails only for lengths that it does not support. */
		(void)crypto_kdf_derive_from_key(epoch->keys[purpose - 1], KEYRING_KEY_LEN,
						 (uint64_t)number << 32 | purpose, SUBKEY_CONTEXT,
						 epoch->root);
	}
	sodium_stackzero(STACK_RESIDUE);
	if (number > keyring->current)
		keyring->current = number;
	if (!keyring->lasts) {
		memcpy(keyring->lasting, epoch->keys[KEY_TOKEN - 1], KEYRING_KEY_LEN);
		memcpy(keyring->lasting + KEYRING_KEY_LEN, epoch->keys[KEY_AUDIT - 1],
		       KEYRING_KEY_LEN);
		derive_object_name(keyring);
		keyring->lasts = true;
	}
	return COFFER_OK;
}

coffer_err keyring_new_epoch(struct keyring *keyring, uint32_t epoch)
{
	struct wrap *wrap;
	coffer_err err;

	assert(epoch > keyring->current);
	wrap = arena_take(keyring->arena, sizeof(*wrap));
	if (!wrap)
		return COFFER_RESOURCE_EXHAUSTED;
	randombytes_buf(wrap->root, sizeof(wrap->root));
	err = epoch_add(keyring, epoch, wrap->root);
	arena_give(keyring->arena, wrap, sizeof(*wrap), sizeof(*wrap));
	return err;
}

/* Fills in wrap->key and wrap->commitment. */
static void wrap_derive(struct wrap *wrap, const struct keyring *keyring, const struct slot *slot,
			const uint8_t kek[KEYRING_KEY_LEN])
{
	uint8_t both[KEYRING_KEY_LEN + KEYRING_COMMITMENT_LEN];
	uint8_t input[WRAP_INPUT_LEN];
	uint8_t *p = input;

	p = bytes_put(p, (const uint8_t *)WRAP_LABEL, WRAP_LABEL_LEN);
	p = bytes_put(p, keyring->store_uuid, KEYRING_STORE_UUID_LEN);
	p = bytes_put_u32(p, slot->id);
	p = bytes_put(p, slot->nonce, KEYRING_NONCE_LEN);
	assert(p == input + sizeof(input));
	/* Fails only for lengths that it does not support. */
	(void)crypto_generichash(both, sizeof(both), input, sizeof(input), kek, KEYRING_KEY_LEN);
	memcpy(wrap->key, both, KEYRING_KEY_LEN);
	memcpy(wrap->commitment, both + KEYRING_KEY_LEN, KEYRING_COMMITMENT_LEN);
	sodium_memzero(both, sizeof(both));
	sodium_stackzero(STACK_RESIDUE);
}

/* Every field that neither the nonce nor the commitment nor the tag is. */
static void slot_aad(const struct keyring *keyring, const struct slot *slot,
		     uint8_t aad[SLOT_AAD_LEN])
{
	uint8_t *p = aad;

	p = bytes_put(p, keyring->store_uuid, KEYRING_STORE_UUID_LEN);
	p = bytes_put_u32(p, slot->id);
	p = bytes_put_u32(p, slot->epoch);
	p = bytes_put_u32(p, (uint32_t)slot->kind);
	p = bytes_put_u32(p, slot->kdf.memory_kib);
	p = bytes_put_u32(p, slot->kdf.passes);
	p = bytes_put(p, slot->kdf.salt, KDF_SALT_LEN);
	assert(p == aad + SLOT_AAD_LEN);
}

static bool slot_is_sound(const struct slot *slot)
{
	if (slot->epoch == 0)
		return false;
	if (slot->kind == SLOT_PASSPHRASE)
		return kdf_params_check(&slot->kdf) == COFFER_OK;
	return slot->kind == SLOT_KEY_FILE && slot->kdf.memory_kib == 0 && slot->kdf.passes == 0 &&
	       sodium_is_zero(slot->kdf.salt, KDF_SALT_LEN);
}

coffer_err keyring_wrap(const struct keyring *keyring, const uint8_t kek[KEYRING_KEY_LEN],
			struct slot *slot)
{
	const struct epoch *epoch = epoch_find(keyring, slot->epoch);
	uint8_t aad[SLOT_AAD_LEN];
	struct wrap *wrap;

	if (!epoch)
		return COFFER_NOT_FOUND;
	assert(slot_is_sound(slot));
	wrap = arena_take(keyring->arena, sizeof(*wrap));
	if (!wrap)
		return COFFER_RESOURCE_EXHAUSTED;
	randombytes_buf(slot->nonce, sizeof(slot->nonce));
	wrap_derive(wrap, keyring, slot, kek);
	memcpy(slot->commitment, wrap->commitment, sizeof(slot->commitment));
	slot_aad(keyring, slot, aad);
	/* Cannot fail. */
	(void)crypto_aead_xchacha20poly1305_ietf_encrypt(slot->wrapped, NULL, epoch->root,
							 KEYRING_KEY_LEN, aad, sizeof(aad), NULL,
							 slot->nonce, wrap->key);
	sodium_stackzero(STACK_RESIDUE);
	arena_give(keyring->arena, wrap, sizeof(*wrap), sizeof(*wrap));
	return COFFER_OK;
}

/* Takes up a root key that a slot held. Several slots may hold the same one; two that hold
 * different ones for one epoch are not of one store. */
static coffer_err epoch_accept(struct keyring *keyring, uint32_t number,
			       const uint8_t root[KEYRING_KEY_LEN])
{
	const struct epoch *known = epoch_find(keyring, number);

	if (!known)
		return epoch_add(keyring, number, root);
	return sodium_memcmp(known->root, root, KEYRING_KEY_LEN) == 0 ? COFFER_OK
								      : COFFER_DATA_LOSS;
}

coffer_err keyring_unwrap(struct keyring *keyring, const struct slot *slot,
			  const uint8_t kek[KEYRING_KEY_LEN])
{
	uint8_t aad[SLOT_AAD_LEN];
	struct wrap *wrap;
	coffer_err err;

	if (!slot_is_sound(slot))
		return COFFER_DATA_LOSS;
	wrap = arena_take(keyring->arena, sizeof(*wrap));
	if (!wrap)
		return COFFER_RESOURCE_EXHAUSTED;
	/* The commitment first: without it, one wrapped key could be made to open under two
	 * KEKs. */
	wrap_derive(wrap, keyring, slot, kek);
	if (sodium_memcmp(wrap->commitment, slot->commitment, KEYRING_COMMITMENT_LEN) != 0) {
		err = COFFER_PERMISSION_DENIED;
		goto out;
	}
	slot_aad(keyring, slot, aad);
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(wrap->root, NULL, NULL, slot->wrapped,
						       KEYRING_WRAPPED_LEN, aad, sizeof(aad),
						       slot->nonce, wrap->key) != 0) {
		err = COFFER_DATA_LOSS;
		goto out;
	}
	err = epoch_accept(keyring, slot->epoch, wrap->root);
out:
	sodium_stackzero(STACK_RESIDUE);
	arena_give(keyring->arena, wrap, sizeof(*wrap), sizeof(*wrap));
	return err;
}

uint32_t keyring_epoch(const struct keyring *keyring)
{
	return keyring->current;
}

const uint8_t *keyring_key(const struct keyring *keyring, key_purpose purpose, uint32_t epoch)
{
	const struct epoch *found = epoch_find(keyring, epoch);

	assert(purpose >= KEY_RECORD && purpose <= KEY_BACKUP);
	return found ? found->keys[purpose - 1] : NULL;
}

const uint8_t *keyring_lasting(const struct keyring *keyring)
{
	return keyring->lasts ? keyring->lasting : NULL;
}

void keyring_set_lasting(struct keyring *keyring, const uint8_t keys[KEYRING_LASTING_LEN])
{
	memcpy(keyring->lasting, keys, KEYRING_LASTING_LEN);
	derive_object_name(keyring);
	keyring->lasts = true;
}

const uint8_t *keyring_lasting_key(const struct keyring *keyring, key_purpose purpose)
{
	assert(keyring->lasts &&
	       (purpose == KEY_TOKEN || purpose == KEY_AUDIT || purpose == KEY_OBJECT_NAME));
	if (purpose == KEY_OBJECT_NAME)
		return keyring->object_name;
	return keyring->lasting + (purpose == KEY_TOKEN ? 0 : KEYRING_KEY_LEN);
}

void keyring_drop(struct keyring *keyring, uint32_t epoch)
{
	uint32_t kept = 0;

	keyring->current = 0;
	for (uint32_t i = 0; i < keyring->count; i++) {
		uint32_t number = keyring->epochs[i].number;
		if (number == epoch)
			continue;
		if (kept != i)
			keyring->epochs[kept] = keyring->epochs[i];
		if (number > keyring->current)
			keyring->current = number;
		kept++;
	}
	if (kept < keyring->count)
		sodium_memzero(&keyring->epochs[kept],
			       (keyring->count - kept) * sizeof(keyring->epochs[0]));
	keyring->count = kept;
}

const uint8_t *keyring_store_uuid(const struct keyring *keyring)
{
	return keyring->store_uuid;
}
