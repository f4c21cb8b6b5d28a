#include "unlock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/secret.h"
#include "core/slots.h"
#include "passphrase.h"

/* --- key-encrypting keys -------------------------------------------------------------------------------- */

static coffer_err read_key_file(const char *path, struct arena *arena, struct secret *kek)
{
	coffer_err err;
	int fd;

	if ((err = file_open_private(path, &fd)) != COFFER_OK)
		return err;
	err = secret_read(kek, arena, fd, KEYRING_KEY_LEN);
	close(fd);
	if (err == COFFER_OK && kek->len == KEYRING_KEY_LEN)
		return COFFER_OK;
	log_error("%s does not hold a key of %d bytes", path, KEYRING_KEY_LEN);
	secret_free(kek);
	return err == COFFER_OK || err == COFFER_INVALID_ARGUMENT ? COFFER_DATA_LOSS : err;
}

/* The configured file, else the service manager's credential, else the home's. */
static coffer_err find_key_file(const struct config *config, const struct paths *paths,
				struct arena *arena, struct secret *kek)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	const char *path = config->key_file != NULL ? config->key_file : paths->key;
	char *credential = NULL;
	coffer_err err;

	*kek = SECRET_EMPTY;
	if (config->key_file == NULL && folder != NULL) {
		if (asprintf(&credential, "%s/coffer.key", folder) < 0)
			return COFFER_RESOURCE_EXHAUSTED;
		path = access(credential, F_OK) == 0 ? credential : path;
	}
	if ((err = read_key_file(path, arena, kek)) == COFFER_NOT_FOUND)
		log_error("there is no key file %s", path);
	free(credential);
	return err;
}

static coffer_err derive(const struct kdf_params *kdf, const struct secret *passphrase,
			 struct arena *arena, struct secret *kek)
{
	coffer_err err;

	if ((err = secret_reserve(kek, arena, KDF_KEY_LEN)) != COFFER_OK)
		return err;
	kek->len = KDF_KEY_LEN;
	if ((err = kdf_derive(kdf, passphrase->data, passphrase->len, kek->data)) == COFFER_OK)
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

/* --- a new store ---------------------------------------------------------------------------------------- */

/* A key file that is there already is used: the operator's own, or what an init that was cut off left. */
static coffer_err make_key_file(const char *path, struct arena *arena, struct secret *kek)
{
	coffer_err err;

	if ((err = secret_reserve(kek, arena, KEYRING_KEY_LEN)) != COFFER_OK)
		return err;
	kek->len = KEYRING_KEY_LEN;
	if (getrandom(kek->data, kek->len, 0) != (ssize_t)kek->len) {
		log_error("no random numbers: %s", strerror(errno));
		return COFFER_UNAVAILABLE;
	}
	if ((err = file_write_new(path, kek->data, kek->len)) != COFFER_ALREADY_EXISTS)
		return err;
	secret_free(kek);
	return read_key_file(path, arena, kek);
}

coffer_err unlock_make(struct keyring *keyring, struct store *store, struct arena *arena,
		       const struct config *config, const struct paths *paths)
{
	struct slot slot = { .id = 1, .epoch = 1, .kind = SLOT_KEY_FILE };
	struct secret kek = SECRET_EMPTY, passphrase = SECRET_EMPTY;
	coffer_err err;

	if ((err = keyring_new_epoch(keyring, slot.epoch)) != COFFER_OK)
		return err;
	err = passphrase_get(config, arena, false, &passphrase);
	if (err == COFFER_OK) {
		slot.kind = SLOT_PASSPHRASE;
		kdf_params_make(&slot.kdf);
		err = derive(&slot.kdf, &passphrase, arena, &kek);
	} else if (err == COFFER_NOT_FOUND && config->passphrase_file == NULL) {
		err = make_key_file(config->key_file ? config->key_file : paths->key, arena, &kek);
	}
	if (err != COFFER_OK || (err = keyring_wrap(keyring, kek.data, &slot)) != COFFER_OK)
		goto out;
	err = slots_put(store, &slot);
out:
	secret_free(&kek);
	secret_free(&passphrase);
	return err;
}

/* --- an existing one ------------------------------------------------------------------------------------ */

static coffer_err open_slot(struct keyring *keyring, const struct slot *slot, struct arena *arena,
			    const struct config *config, const struct paths *paths,
			    const struct secret *passphrase)
{
	struct secret kek = SECRET_EMPTY;
	coffer_err err;

	err = slot->kind == SLOT_KEY_FILE ? find_key_file(config, paths, arena, &kek)
					  : derive(&slot->kdf, passphrase, arena, &kek);
	if (err == COFFER_OK)
		err = keyring_unwrap(keyring, slot, kek.data);
	if (err == COFFER_PERMISSION_DENIED)
		log_error(slot->kind == SLOT_KEY_FILE ? "the key file is not this store's"
						      : "the passphrase is wrong");
	if (err == COFFER_DATA_LOSS)
		log_error("key slot %u is damaged", slot->id);
	secret_free(&kek);
	return err;
}

coffer_err unlock_open(struct keyring *keyring, struct store *store, struct arena *arena,
		       const struct config *config, const struct paths *paths)
{
	struct secret passphrase = SECRET_EMPTY;
	coffer_err err, last = COFFER_NOT_FOUND;
	struct slot slot = { .id = 0 };

	while ((err = slots_next(store, slot.id, &slot)) == COFFER_OK) {
		if (slot.kind == SLOT_PASSPHRASE && passphrase.data == NULL &&
		    (last = passphrase_get(config, arena, true, &passphrase)) != COFFER_OK) {
			log_error("the store needs a passphrase: use --passphrase-file");
			continue;
		}
		last = open_slot(keyring, &slot, arena, config, paths, &passphrase);
		if (last == COFFER_OK)
			break;
	}
	secret_free(&passphrase);
	if (err == COFFER_DATA_LOSS)
		log_error("a key slot is damaged");
	if (err != COFFER_OK && err != COFFER_NOT_FOUND)
		return err;
	if (last == COFFER_NOT_FOUND)
		log_error("no key opens the store");
	return last;
}
