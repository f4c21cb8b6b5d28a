/* rotate.h - beginning the log's next file, and letting the oldest ones go. Layer: audit, private to trail.
 *
 * A file is begun when the one before it has grown large, or was damaged by somebody. Its first record
 * tells which files are kept from then on, under the chain's mac: so what was let go is told apart from
 * what was taken away. In this order, so that a crash at any point leaves a log that stands: the old file
 * is brought to disk, then the new one with its first record, and then the oldest are removed. */
#ifndef AUDIT_ROTATE_H
#define AUDIT_ROTATE_H

#include <coffer/error.h>
#include <stdbool.h>
#include <stdint.h>

#include "audit/chain.h"
#include "audit/sink.h"

struct rotate {
	const char *folder; /* borrowed, as the next three */
	const uint8_t *key;
	struct sink *sink;       /* the newest file; replaced by a newer one */
	struct chain_head *head; /* the newest record */
	uint64_t file_max;       /* bytes; 0: a file may have any size */
	uint64_t keep;           /* files; 0: all */
	uint64_t room;           /* bytes that a new file must have for what comes */
	uint64_t oldest;         /* as the newest file's first record says; 1: all are kept */
	uint64_t due;            /* the end of the file at which the next one is to begin */
};

/* Sets due, when the sink is open and all above it set. */
void rotate_start(struct rotate *rotate);

/* Begins the next file. No line may wait to be written. If it cannot be made, the old one goes on for a
 * while (a warning is logged) and COFFER_OK is returned; COFFER_UNAVAILABLE, with errno kept, if the old
 * file cannot be brought to disk. */
COFFER_MUST_USE coffer_err rotate_grown(struct rotate *rotate);

/* Looks what somebody has done to the newest file, and begins the next one with a record that says so.
 * No line may wait to be written. COFFER_UNAVAILABLE, with errno kept, if the file is damaged and no
 * other can be made. */
COFFER_MUST_USE coffer_err rotate_damaged(struct rotate *rotate);

/* Removes some of the files that are no longer kept. */
void rotate_drop(const struct rotate *rotate);

#endif
