/* rotation.h - a new root key for the store, and every record sealed anew under it. Layer: core.
 *
 * To begin takes one transaction: from its commit on both epochs open, and what is written is of the new one. Then
 * the records follow, some in each transaction, with a cursor in the store, so that a daemon that was killed goes
 * on where it stood. When none is left, the old epoch's slots and keys go. */
#ifndef CORE_ROTATION_H
#define CORE_ROTATION_H

#include <coffer/error.h>
#include <stdbool.h>

#include "core/core.h"

/* After the slots were opened, and before a token or a record of the log is looked at: takes up the keys that outlast each change of the root key. COFFER_DATA_LOSS,
 * logged, if they are damaged or missing. */
COFFER_MUST_USE coffer_err rotation_load(struct keyring *keyring, struct store *store,
					 struct arena *arena);

/* The epoch that new records are sealed under. */
uint32_t rotation_epoch(const struct core *core);

/* COFFER_OK if a rotation is under way, COFFER_NOT_FOUND if not. */
COFFER_MUST_USE coffer_err rotation_find(struct core *core);

/* In the open transaction, while none is under way. Errors as keys_new_epoch. */
COFFER_MUST_USE coffer_err rotation_begin(struct core *core, struct slice passphrase);

/* In the open transaction: seals the next records anew; *done if there were none left. A record that does not
 * open is left as it is, and logged. */
COFFER_MUST_USE coffer_err rotation_step(struct core *core, bool *done);

/* In the open transaction, when all is done: ends the old epoch. */
COFFER_MUST_USE coffer_err rotation_end(struct core *core);

#endif
