/* restore.h - making a home of a backup, while no daemon runs on it. Layer: main.
 *
 * All of the backup is opened and checked in a folder beside the home first. Then the two change places in one
 * step, and what was there before gets another name: it is never removed. A backup of a damaged store is whole, and
 * holds records that do not open: it is restored without them, if config->skip_damaged says so. */
#ifndef RESTORE_H
#define RESTORE_H

#include <coffer/error.h>

#include "config.h"

/* Restores config->backup_file, or with CONFIG_CHECK_BACKUP only checks it; tells on stdout what it held. On failure,
 * which is logged, the home is as it was. COFFER_FAILED_PRECONDITION if a daemon runs on the home, or it cannot be
 * replaced; COFFER_PERMISSION_DENIED for a wrong key; COFFER_DATA_LOSS if the backup is damaged. */
COFFER_MUST_USE coffer_err restore_run(const struct config *config);

#endif
