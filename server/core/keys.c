#include "core/keys.h"

#include <errno.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/secret.h"
#include "core/slots.h"

struct slice keys_trim(struct slice passphrase)
{
	while (passphrase.len > 0 && (passphrase.data[passphrase.len - 1] == '\n' ||
				      passphrase.data[passphrase.len - 1] == '\r'))
		passphrase.len--;
	return passphrase;
}

/* --- key-encrypting keys -------------------------------------------------------------------------------- */

static coffer_err read_file(const char *path, struct arena *arena, struct secret *kek)
{
	coffer_err err;
	int fd;

	err = file_open_private(path, &fd);
	if (err == COFFER_NOT_FOUND)
		log_error("there is no key file %s", path);
	if (err != COFFER_OK)
		return err;
	err = secret_read(kek, arena, fd, KEYRING_KEY_LEN);
	close(fd);
	if (err == COFFER_OK && kek->len == KEYRING_KEY_LEN)
		return COFFER_OK;
	log_error("%s does not hold a key of %d bytes", path, KEYRING_KEY_LEN);
	secret_free(kek);
	return err == COFFER_OK || err == COFFER_INVALID_ARGUMENT ? COFFER_DATA_LOSS : err;
}

/* A key file that is there already is left alone: the operator's own, a credential, or what was made before
 * something was cut off. */
static coffer_err make_file(const char *path, struct arena *arena)
{
	struct secret key = SECRET_EMPTY;
	coffer_err err;

	if ((err = secret_reserve(&key, arena, KEYRING_KEY_LEN)) != COFFER_OK)
		return err;
	key.len = KEYRING_KEY_LEN;
	if (getrandom(key.data, key.len, 0) != (ssize_t)key.len) {
		log_error("no random numbers: %s", strerror(errno));
		err = COFFER_UNAVAILABLE;
	} else if ((err = file_write_new(path, key.data, key.len)) == COFFER_ALREADY_EXISTS) {
		err = COFFER_OK;
	}
	secret_free(&key);
	return err;
}

static coffer_err derive(const struct kdf_params *kdf, struct slice passphrase, struct arena *arena,
			 struct secret *kek)
{
	coffer_err err;

	if ((err = secret_reserve(kek, arena, KDF_KEY_LEN)) != COFFER_OK)
		return err;
	kek->len = KDF_KEY_LEN;
	if ((err = kdf_derive(kdf, passphrase.data, passphrase.len, kek->data)) == COFFER_OK)
		return COFFER_OK;
	if (err == COFFER_DATA_LOSS)
		log_error("the key slot asks for %u KiB and %u passes, which is out of bounds",
			  kdf->memory_kib, kdf->passes);
	else
		log_error("the passphrase needs %u KiB of memory, which cannot be had",
			  kdf->memory_kib);
	secret_free(kek);
	return err;
}

static coffer_err find_kek(const struct slot *slot, struct arena *arena, const struct keys_way *way,
			   struct secret *kek)
{
	return slot->kind == SLOT_KEY_FILE ? read_file(way->file, arena, kek)
					   : derive(&slot->kdf, way->passphrase, arena, kek);
}

/* The KEK of a new slot, as a start would find it; fills in the slot's kind and parameters. */
static coffer_err make_kek(struct slot *slot, struct arena *arena, const struct keys_way *way,
			   struct secret *kek)
{
	coffer_err err = COFFER_OK;

	slot->kind = way->passphrase.len > 0 ? SLOT_PASSPHRASE : SLOT_KEY_FILE;
	if (slot->kind == SLOT_PASSPHRASE)
		kdf_params_make(&slot->kdf);
	else
		err = make_file(way->file, arena);
	return err == COFFER_OK ? find_kek(slot, arena, way, kek) : err;
}

/* --- slots ---------------------------------------------------------------------------------------------- */

coffer_err keys_open(struct keyring *keyring, const struct slot *slot, struct arena *arena,
		     const struct keys_way *way)
{
	struct secret kek = SECRET_EMPTY;
	coffer_err err;

	if ((err = find_kek(slot, arena, way, &kek)) == COFFER_OK)
		err = keyring_unwrap(keyring, slot, kek.data);
	if (err == COFFER_PERMISSION_DENIED)
		log_error(slot->kind == SLOT_KEY_FILE
			      ? "the key file is not this store's"
			      : "the passphrase is wrong: give the one that was set last");
	if (err == COFFER_DATA_LOSS)
		log_error("key slot %u is damaged", slot->id);
	secret_free(&kek);
	return err;
}

/* Wraps and stores, and opens what is then stored. */
static coffer_err put(struct keyring *keyring, struct store *store, struct slot *slot,
		      const struct secret *kek)
{
	struct slot stored;
	coffer_err err;

	if ((err = keyring_wrap(keyring, kek->data, slot)) != COFFER_OK ||
	    (err = slots_put(store, slot)) != COFFER_OK ||
	    (err = slots_next(store, slot->id - 1, &stored)) != COFFER_OK)
		return err;
	/* Its root key is compared with the one that is open. */
	if ((err = keyring_unwrap(keyring, &stored, kek->data)) != COFFER_OK)
		log_error("the new key slot does not open");
	return err;
}

coffer_err keys_add(struct keyring *keyring, struct store *store, struct arena *arena,
		    const struct keys_way *way, uint32_t id)
{
	struct slot slot = { .id = id, .epoch = keyring_epoch(keyring) };
	struct secret kek = SECRET_EMPTY;
	coffer_err err;

	if ((err = make_kek(&slot, arena, way, &kek)) == COFFER_OK)
		err = put(keyring, store, &slot, &kek);
	secret_free(&kek);
	return err;
}

static coffer_err last_slot(struct store *store, uint32_t *id)
{
	struct store_slot row;
	coffer_err err;

	*id = 0;
	while ((err = store_slot_next(store, *id, &row)) == COFFER_OK)
		*id = row.id;
	return err == COFFER_NOT_FOUND ? COFFER_OK : err;
}

static coffer_err delete_slots_below(struct store *store, uint32_t id)
{
	struct store_slot row;
	coffer_err err;

	while ((err = store_slot_next(store, 0, &row)) == COFFER_OK && row.id < id)
		if ((err = store_slot_delete(store, row.id)) != COFFER_OK)
			return err;
	return err;
}

/* What is wrong is the file, and not the store or the caller. */
static coffer_err of_file(coffer_err err)
{
	return err == COFFER_NOT_FOUND || err == COFFER_PERMISSION_DENIED || err == COFFER_DATA_LOSS
		   ? COFFER_FAILED_PRECONDITION
		   : err;
}

coffer_err keys_change(struct core *core, struct slice passphrase, uint32_t *slot)
{
	const struct keys_way way = { .passphrase = passphrase, .file = core->key_file };
	struct slot made = { .epoch = keyring_epoch(core->keyring) };
	struct secret kek = SECRET_EMPTY;
	uint32_t last;
	coffer_err err;

	*slot = 0;
	if (core->key_file == NULL)
		return COFFER_FAILED_PRECONDITION;
	if ((err = last_slot(core->store, &last)) != COFFER_OK)
		return err;
	if (last == UINT32_MAX)
		return COFFER_RESOURCE_EXHAUSTED;
	made.id = last + 1;
	err = make_kek(&made, core->arena, &way, &kek);
	if (err == COFFER_NOT_FOUND || err == COFFER_PERMISSION_DENIED || err == COFFER_DATA_LOSS)
		err =
		    COFFER_FAILED_PRECONDITION; /* of the file, and not of the store or the caller */
	if (err == COFFER_OK && (err = put(core->keyring, core->store, &made, &kek)) == COFFER_OK)
		err = delete_slots_below(core->store, made.id);
	secret_free(&kek);
	if (err == COFFER_OK)
		*slot = made.id;
	return err;
}

coffer_err keys_new_epoch(struct core *core, struct slice passphrase)
{
	const struct keys_way way = { .passphrase = passphrase, .file = core->key_file };
	struct secret kek = SECRET_EMPTY;
	struct slot slot;
	uint32_t last, epoch = keyring_epoch(core->keyring) + 1;
	coffer_err err;

	if (core->key_file == NULL)
		return COFFER_FAILED_PRECONDITION;
	if ((err = last_slot(core->store, &last)) != COFFER_OK ||
	    (err = slots_next(core->store, 0, &slot)) != COFFER_OK)
		return err;
	if ((slot.kind == SLOT_PASSPHRASE) != (passphrase.len > 0))
		return COFFER_INVALID_ARGUMENT;
	if (last == UINT32_MAX)
		return COFFER_RESOURCE_EXHAUSTED;
	/* With the salt of the old slot: so Argon2id runs once, and the nonce makes another wrap key. */
	if ((err = of_file(find_kek(&slot, core->arena, &way, &kek))) != COFFER_OK ||
	    (err = keyring_unwrap(core->keyring, &slot, kek.data)) != COFFER_OK ||
	    (err = keyring_new_epoch(core->keyring, epoch)) != COFFER_OK)
		goto out;
	core->new_epoch = slot.epoch = epoch;
	slot.id = last + 1;
	err = put(core->keyring, core->store, &slot, &kek);
out:
	secret_free(&kek);
	return err;
}

coffer_err keys_end_epoch(struct core *core, uint32_t epoch)
{
	struct store_slot row = { .id = 0 };
	coffer_err err;

	core->old_epoch = epoch;
	while ((err = store_slot_next(core->store, row.id, &row)) == COFFER_OK)
		if (row.epoch == epoch &&
		    (err = store_slot_delete(core->store, row.id)) != COFFER_OK)
			return err;
	return err == COFFER_NOT_FOUND ? COFFER_OK : err;
}
