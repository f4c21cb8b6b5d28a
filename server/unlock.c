#include "unlock.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/secret.h"
#include "core/keys.h"
#include "core/slots.h"
#include "passphrase.h"

coffer_err unlock_key_file(const struct config *config, const struct paths *paths, char **out)
{
	coffer_err err = COFFER_NOT_FOUND;

	if (config->key_file == NULL)
		err = paths_credential("coffer.key", out);
	if (err != COFFER_NOT_FOUND)
		return err;
	*out = strdup(config->key_file != NULL ? config->key_file : paths->key);
	return *out != NULL ? COFFER_OK : COFFER_RESOURCE_EXHAUSTED;
}

coffer_err unlock_make(struct keyring *keyring, struct store *store, struct arena *arena,
		       const struct config *config, const struct paths *paths)
{
	struct secret passphrase = SECRET_EMPTY;
	struct keys_way way = { .file = NULL };
	char *file = NULL;
	coffer_err err;

	if ((err = keyring_new_epoch(keyring, 1)) != COFFER_OK)
		return err;
	err = passphrase_get(config, arena, false, &passphrase);
	if (err == COFFER_NOT_FOUND && config->passphrase_file == NULL)
		err = unlock_key_file(config, paths, &file);
	way.file = file;
	way.passphrase = (struct slice){ passphrase.data, passphrase.len };
	if (err == COFFER_OK)
		err = keys_add(keyring, store, arena, &way, 1);
	secret_free(&passphrase);
	free(file);
	return err;
}

static bool is_open(const struct keyring *keyring, const struct slot *slot)
{
	return keyring_key(keyring, KEY_RECORD, slot->epoch) != NULL;
}

/* COFFER_NOT_FOUND if there is no slot at all. */
static coffer_err check_open(const struct keyring *keyring, struct store *store, coffer_err failed)
{
	struct slot slot = { .id = 0 };

	while (slots_next(store, slot.id, &slot) == COFFER_OK)
		if (!is_open(keyring, &slot))
			return failed;
	return slot.id == 0 && keyring_epoch(keyring) == 0 ? COFFER_NOT_FOUND : COFFER_OK;
}

/* Tries one slot after the other, of which one is enough for each epoch. */
static coffer_err open_all(struct keyring *keyring, struct store *store, struct arena *arena,
			   const struct config *config, const char *file)
{
	struct secret passphrase = SECRET_EMPTY;
	coffer_err err, last = COFFER_NOT_FOUND;
	struct slot slot = { .id = 0 };

	while ((err = slots_next(store, slot.id, &slot)) == COFFER_OK) {
		struct keys_way way = { .file = file };
		if (is_open(keyring, &slot))
			continue;
		if (slot.kind == SLOT_PASSPHRASE && passphrase.data == NULL &&
		    (last = passphrase_get(config, arena, true, &passphrase)) != COFFER_OK) {
			log_error("the store needs a passphrase: use --passphrase-file");
			continue;
		}
		way.passphrase = (struct slice){ passphrase.data, passphrase.len };
		if ((err = keys_open(keyring, &slot, arena, &way)) != COFFER_OK)
			last = err;
	}
	secret_free(&passphrase);
	if (err == COFFER_DATA_LOSS)
		log_error("a key slot is damaged");
	if (err != COFFER_OK && err != COFFER_NOT_FOUND)
		return err;
	if ((last = check_open(keyring, store, last)) == COFFER_NOT_FOUND)
		log_error("no key opens the store");
	return last;
}

coffer_err unlock_open(struct keyring *keyring, struct store *store, struct arena *arena,
		       const struct config *config, const struct paths *paths)
{
	char *file;
	coffer_err err;

	if ((err = unlock_key_file(config, paths, &file)) != COFFER_OK)
		return err;
	err = open_all(keyring, store, arena, config, file);
	free(file);
	return err;
}
