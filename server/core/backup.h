/* backup.h - making a backup, piece by piece. Layer: core.
 *
 * Every record is opened first, some a step: what does not open then does not open in the backup either, and that is
 * to be known while the store is still there. Then a copy of the database is made, some pages a step; changes meanwhile go on, and are in it. Then it and
 * the files of the audit log are read and sealed, one chunk a step. The copy is a file of the home that has no
 * name, so nothing is left of a backup that is given up. The form is that of backup_form.h. */
#ifndef CORE_BACKUP_H
#define CORE_BACKUP_H

#include <coffer/error.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/backup_form.h"
#include "core/core.h"
#include "core/recheck.h"

/* Room for what one step writes. */
#define BACKUP_STEP_MAX (BACKUP_CHUNK + STREAM_OVERHEAD)
_Static_assert(BACKUP_STEP_MAX >= BACKUP_HEADER_MAX, "the header is one step's, too");

struct backup;

/* What it is made of; borrowed for the backup's life. */
struct backup_places {
	const char *home;
	const char *audit;
};

/* core is borrowed for as long, too. audit_seq is the newest record of the log. COFFER_FAILED_PRECONDITION if the store is in memory, as no key
 * opens what is in it, or the copy cannot be made; COFFER_RESOURCE_EXHAUSTED without memory. On error *out is
 * NULL. */
COFFER_MUST_USE coffer_err backup_begin(struct backup **out, struct core *core,
					const struct backup_places *places, uint64_t audit_seq,
					int64_t now_ms);

/* The next step: appends nothing or a piece of the file to out, which has room for BACKUP_STEP_MAX bytes. *done
 * with the last one. COFFER_UNAVAILABLE: the disk is full, or a file cannot be read; COFFER_ABORTED: files of the
 * log that were to be read are no longer kept. After an error it can only be closed. */
COFFER_MUST_USE coffer_err backup_step(struct backup *backup, struct buf *out, bool *done);

uint64_t backup_audit_seq(const struct backup *backup);
int64_t backup_created_ms(const struct backup *backup);
/* What was there, and how much of it does not open: once the first piece has been given out. */
const struct recheck_count *backup_count(const struct backup *backup);

void backup_close(struct backup *backup); /* before the store; NULL is fine */

#endif
