/* keys.h - what opens a store: a key file or a passphrase, and the slot that each fits. Layer: core.
 *
 * A slot is put, read back and opened in one transaction, with the key as the next start will have it: what is
 * committed opens. Failures are logged, but for those of the store that store.h names. */
#ifndef CORE_KEYS_H
#define CORE_KEYS_H

#include <coffer/error.h>
#include <stdint.h>

#include "core/core.h"

#define KEYS_PASSPHRASE_MAX 4096

/* One way to open a store; all of it borrowed. */
struct keys_way {
	struct slice passphrase; /* empty: the key file */
	const char *file;
};

/* The passphrase without the end of its line, which is no part of it, wherever it comes from. */
struct slice keys_trim(struct slice passphrase);

/* Opens the slot's root key into the keyring by what its kind asks of the way. COFFER_PERMISSION_DENIED for a
 * wrong key, or a file that may not be used; COFFER_NOT_FOUND if there is no key file; COFFER_DATA_LOSS if the
 * slot or the file is damaged. */
COFFER_MUST_USE coffer_err keys_open(struct keyring *keyring, const struct slot *slot,
				     struct arena *arena, const struct keys_way *way);

/* Makes a slot of that id for the keyring's current epoch, in the store's open transaction. A key file that is
 * not there is made, with a new key. Errors as keys_open. */
COFFER_MUST_USE coffer_err keys_add(struct keyring *keyring, struct store *store,
				    struct arena *arena, const struct keys_way *way, uint32_t id);

/* In the open transaction: from the commit on, the passphrase alone (empty: core->key_file alone) opens the
 * store. *slot is the id of its slot. COFFER_FAILED_PRECONDITION if the key file cannot be used, or if no key
 * opens this store, which is in memory. */
COFFER_MUST_USE coffer_err keys_change(struct core *core, struct slice passphrase, uint32_t *slot);

/* In the open transaction: makes the keyring's next epoch, current from then on, and a slot for it that opens as
 * the one slot of the current epoch does: with the passphrase, or with the key file if it is empty.
 * COFFER_PERMISSION_DENIED if that opens the store not; COFFER_INVALID_ARGUMENT if it opens by the other way;
 * COFFER_FAILED_PRECONDITION as keys_change. A roll-back takes the epoch away. */
COFFER_MUST_USE coffer_err keys_new_epoch(struct core *core, struct slice passphrase);

/* In the open transaction: the slots of that epoch are deleted; with the commit its keys are gone. */
COFFER_MUST_USE coffer_err keys_end_epoch(struct core *core, uint32_t epoch);

#endif
