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

/* Tries one slot after the other, of which one is enough. */
static coffer_err open_any(struct keyring *keyring, struct store *store, struct arena *arena,
			   const struct config *config, const char *file)
{
	struct secret passphrase = SECRET_EMPTY;
	coffer_err err, last = COFFER_NOT_FOUND;
	struct slot slot = { .id = 0 };

	while ((err = slots_next(store, slot.id, &slot)) == COFFER_OK) {
		struct keys_way way = { .file = file };
		if (slot.kind == SLOT_PASSPHRASE && passphrase.data == NULL &&
		    (last = passphrase_get(config, arena, true, &passphrase)) != COFFER_OK) {
			log_error("the store needs a passphrase: use --passphrase-file");
			continue;
		}
		way.passphrase = (struct slice){ passphrase.data, passphrase.len };
		last = keys_open(keyring, &slot, arena, &way);
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

coffer_err unlock_open(struct keyring *keyring, struct store *store, struct arena *arena,
		       const struct config *config, const struct paths *paths)
{
	char *file;
	coffer_err err;

	if ((err = unlock_key_file(config, paths, &file)) != COFFER_OK)
		return err;
	err = open_any(keyring, store, arena, config, file);
	free(file);
	return err;
}
