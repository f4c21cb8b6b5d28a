/* unlock.h - the key to the store: from a key file or a passphrase to an open keyring. Layer: main. */
#ifndef UNLOCK_H
#define UNLOCK_H

#include <coffer/error.h>

#include "base/arena.h"
#include "config.h"
#include "paths.h"
#include "store/store.h"
#include "vault/keyring.h"

/* Where the key file is looked for: the configured file, else the service manager's credential, else the home's.
 * The caller frees *out. */
COFFER_MUST_USE coffer_err unlock_key_file(const struct config *config, const struct paths *paths,
					   char **out);

/* Makes a root key and its first slot in a new store: with the configured passphrase if there is one, else
 * with a new key file. In the store's open transaction. Failures are logged. */
COFFER_MUST_USE coffer_err unlock_make(struct keyring *keyring, struct store *store,
				       struct arena *arena, const struct config *config,
				       const struct paths *paths);

/* Opens every epoch's root key by whatever slot fits. COFFER_PERMISSION_DENIED for a wrong key,
 * COFFER_NOT_FOUND if there is none to try; all failures are logged. */
COFFER_MUST_USE coffer_err unlock_open(struct keyring *keyring, struct store *store,
				       struct arena *arena, const struct config *config,
				       const struct paths *paths);

#endif
