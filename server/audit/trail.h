/* trail.h - the audit log: appending. Layer: audit; the only writer of the folder audit/.
 *
 * Records are gathered in memory and handed to the kernel with one write by trail_flush, which the
 * daemon calls once a loop turn before that turn's replies leave. Files are named after the number of
 * their first record ("00000000000000000001.jsonl"); room is preallocated ahead of the end, so that a
 * full disk is noticed by trail_ready before a request is served and not by the write after it.
 * A record that is larger than what is left of the gathering buffer is flushed for, early.
 *
 * When a file has grown to its size, or somebody has removed, moved or cut it, trail_ready begins the next
 * one: with a record of its own, AuditRotate, which is made and written there and then. */
#ifndef AUDIT_TRAIL_H
#define AUDIT_TRAIL_H

#include <coffer/error.h>
#include <stdbool.h>
#include <stdint.h>

#include "audit/chain.h"
#include "audit/reader.h"
#include "audit/record.h"
#include "slice.h"

struct trail;

struct trail_options {
	const char *folder;       /* exists, mode 0700 */
	const uint8_t *key;       /* CHAIN_KEY_LEN bytes, borrowed for the trail's life */
	bool sync_always;         /* trail_flush waits for the disk */
	uint64_t file_max;        /* bytes at which the next file begins; 0: never */
	uint64_t keep;            /* files; 0: all */
	struct chain_head anchor; /* the stored head; seq 0: none yet */
	struct slice anchor_line; /* its record, if that may not have reached the log */
};

/* Opens the folder, drops a torn last line, appends the anchor's record if the log ends just before it,
 * and takes up the chain at the newest record. If records are missing between the log's end and the
 * anchor, it logs an error and goes on behind the anchor: the gap stays visible to verification.
 * A full disk is no error: the log then waits for room as trail_ready tells.
 * COFFER_UNAVAILABLE if the folder cannot be read or written (errno is kept); COFFER_RESOURCE_EXHAUSTED if
 * there is no memory. On error *out is NULL. */
COFFER_MUST_USE coffer_err trail_open(struct trail **out, const struct trail_options *options);
void trail_close(struct trail *trail); /* flushes and syncs what it can; NULL is fine */

/* Whether a record of any size can be written now; reserves room for it, and after a failure tries to
 * get the log going again. May begin another file, and so move the head. use_reserve lets the request dip
 * into room that is kept back for deletions. COFFER_UNAVAILABLE if not (logged once per spell). */
COFFER_MUST_USE coffer_err trail_ready(struct trail *trail, bool use_reserve);

/* One record, between begin and end; nothing else may be called in between. Each begin must follow a
 * successful trail_ready. At most RECORD_SECRETS_MAX items. */
void trail_begin(struct trail *trail, const struct record_subject *subject);
void trail_secret(struct trail *trail, struct slice scope, struct slice name, uint32_t version);
void trail_item(struct trail *trail, struct slice scope, struct slice name, uint32_t version);
/* Forgets secrets and items of the open record, for an outcome that is not theirs. */
void trail_restart(struct trail *trail);
void trail_end(struct trail *trail, coffer_err outcome, struct slice reason);

/* The record that trail_end made last and that is not flushed yet, with its newline; and taking it back,
 * as if it had never been made. For mutations, whose record is stored with them. */
struct slice trail_last(const struct trail *trail);
void trail_undo(struct trail *trail);

/* Hands what was gathered to the kernel; with sync_always waits for the disk. On COFFER_UNAVAILABLE the
 * records are kept, and are written by the next flush that succeeds; no reply that depends on them may
 * leave before. Nothing gathered is fine. */
COFFER_MUST_USE coffer_err trail_flush(struct trail *trail);
/* Flushes, and waits for the disk if anything was written since the last sync. */
COFFER_MUST_USE coffer_err trail_sync(struct trail *trail);

/* The newest record that trail_end made; and the bytes of all that it made and that were not taken back. */
const struct chain_head *trail_head(const struct trail *trail);
uint64_t trail_made(const struct trail *trail);

/* Where the log stands. */
struct trail_extent {
	uint64_t oldest; /* number of the oldest record that is kept; 0 before the first */
	uint64_t bytes;  /* of its files, as far as they can be looked at */
};
struct trail_extent trail_extent(const struct trail *trail);

/* Takes over other settings, as in the options: the file size for the file that is open, too. */
void trail_tune(struct trail *trail, bool sync_always, uint64_t file_max, uint64_t keep);

/* From time to time: notices within that time also what trail_ready does not look for, such as a file
 * that was moved, and removes files that are no longer kept. */
void trail_tend(struct trail *trail);

/* reader_copy and reader_verify of this log, up to its newest record: what was gathered is flushed first
 * (COFFER_UNAVAILABLE if that fails). What was verified to the end is on disk. */
COFFER_MUST_USE coffer_err trail_read(struct trail *trail, const struct reader_query *query,
				      struct buf *out, uint64_t *last_seq, bool *more);
COFFER_MUST_USE coffer_err trail_verify(struct trail *trail, size_t budget,
					struct reader_verdict *verdict);

#endif
