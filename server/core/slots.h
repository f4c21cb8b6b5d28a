/* slots.h - the keyring's slots in the store: how vault and store meet. Layer: core. */
#ifndef CORE_SLOTS_H
#define CORE_SLOTS_H

#include <coffer/error.h>

#include "store/store.h"
#include "vault/keyring.h"

COFFER_MUST_USE coffer_err slots_put(struct store *store, const struct slot *slot);

/* The slot with the smallest id above after_id. COFFER_NOT_FOUND at the end; COFFER_DATA_LOSS if a field has
 * not its length. */
COFFER_MUST_USE coffer_err slots_next(struct store *store, uint32_t after_id, struct slot *slot);

#endif
