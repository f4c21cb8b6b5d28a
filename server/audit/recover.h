/* recover.h - taking up the audit log where it ended. Layer: audit, private.
 *
 * What is wrong with the log is told to the daemon's own log and never stops it: verification shows it
 * for as long as the records are kept. COFFER_UNAVAILABLE, with errno kept, if the system refuses. */
#ifndef AUDIT_RECOVER_H
#define AUDIT_RECOVER_H

#include <coffer/error.h>
#include <stdbool.h>
#include <stdint.h>

#include "audit/chain.h"

struct recovered {
	uint64_t first; /* the newest file's number; 0 if there is none */
	uint64_t end;   /* where its next line goes */
	uint64_t
	    oldest; /* the first file that must be there, as the newest one says; 1: all of them */
	struct chain_head head;
};

/* Finds the end of the log in the open folder. An unfinished line is cut off, an empty file removed. */
COFFER_MUST_USE coffer_err recover_end(int folder, const uint8_t key[CHAIN_KEY_LEN],
				       struct recovered *out);

/* Compares head, the log's end, with the stored anchor, and moves head to it if that is further on.
 * *append tells whether the anchor's line, which may be empty, must be appended first. */
COFFER_MUST_USE coffer_err recover_anchor(int folder, const uint8_t key[CHAIN_KEY_LEN],
					  const struct chain_head *anchor, struct slice line,
					  struct chain_head *head, bool *append);

#endif
