/* passphrase.h - where a store's passphrase comes from. Layer: main.
 *
 * The variable COFFER_PASSPHRASE (or CI_SECRETS_S3_PASSPHRASE, CI_SECRETS_SQLITE_PASSPHRASE), else the configured file ("-" is stdin), else the service manager's
 * credential coffer.passphrase, else a person at the terminal. */
#ifndef PASSPHRASE_H
#define PASSPHRASE_H

#include <coffer/error.h>
#include <stdbool.h>

#include "base/secret.h"
#include "config.h"

/* The passphrase, without the end of its line. ask: a person may be asked for it. COFFER_NOT_FOUND if there is
 * none to be had; failures are logged. The variable is erased. */
COFFER_MUST_USE coffer_err passphrase_get(const struct config *config, struct arena *arena,
					  bool ask, struct secret *out);

/* Erases the variables where /proc/PID/environ shows it, if nobody needed it. */
void passphrase_erase_variable(void);

#endif
