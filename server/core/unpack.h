/* unpack.h - reading a backup: opening its chunks, and writing the files in them to a folder. Layer: core.
 *
 * Failures are logged with what is wrong. */
#ifndef CORE_UNPACK_H
#define CORE_UNPACK_H

#include <coffer/error.h>
#include <stdint.h>

#include "base/arena.h"
#include "core/backup_form.h"
#include "store/store.h"
#include "vault/keyring.h"

/* A backup file that is being read; header's slots are slices of head. */
struct unpack {
	int fd; /* borrowed */
	struct backup_header header;
	size_t head_len;
	uint8_t head[BACKUP_HEADER_MAX];
};

/* Reads the header; the file is then behind it. COFFER_DATA_LOSS if it has none; COFFER_UNAVAILABLE if it cannot
 * be read. */
COFFER_MUST_USE coffer_err unpack_begin(struct unpack *unpack, int fd);

/* Puts the slots of the header into an empty store, so that it is opened as that of the backup was. */
COFFER_MUST_USE coffer_err unpack_slots(const struct unpack *unpack, struct store *store);

/* Opens every chunk, and writes the database to a new file of that path and the log's files to that folder, which
 * is empty; all is on disk then. COFFER_DATA_LOSS: the backup is damaged, or not whole. COFFER_UNAVAILABLE: the disk
 * is full, or the file cannot be read. */
COFFER_MUST_USE coffer_err unpack_files(struct unpack *unpack, const struct keyring *keyring,
					struct arena *arena, const char *database,
					const char *audit);

#endif
