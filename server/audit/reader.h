/* reader.h - the audit log: reading and verifying, in steps that never hold up the daemon.
 * Layer: audit. Keeps no state between calls. */
#ifndef AUDIT_READER_H
#define AUDIT_READER_H

#include <coffer/error.h>
#include <stdbool.h>
#include <stdint.h>

#include "audit/chain.h"
#include "slice.h"

/* What to read. An empty slice, or 0, is any; slices are borrowed. */
struct reader_query {
	uint64_t after_seq;
	int64_t since_ms;     /* not older; wall milliseconds */
	struct slice run;     /* an id: what the run or service did, and what was done to it */
	struct slice name;    /* of a secret */
	struct slice op;      /* all of it */
	struct slice outcome; /* its name, all of it */
	size_t budget;        /* bytes to look at before the page ends; 0: as many as it takes */
};

/* Copies whole lines (with newlines) of records that match, oldest first, to out until it is full, the
 * budget is used up, or the log ends. *last_seq is the number of the last one looked at (after_seq if
 * none): where the next page begins; *more tells whether to go on. The place to begin is found by
 * bisection: where the clock was set back, records of the time before may be left out. Lines that are no
 * records are skipped. COFFER_UNAVAILABLE if the folder cannot be read; COFFER_RESOURCE_EXHAUSTED if out
 * is too small for the next line. */
COFFER_MUST_USE coffer_err reader_copy(const char *folder, const struct reader_query *query,
				       struct buf *out, uint64_t *last_seq, bool *more);

#define READER_CURSOR_MAX  128
#define READER_PROBLEM_MAX 256

/* How far a verification came. cursor is opaque, and empty at the start; checkpoint is the caller's: a
 * record that the log must hold, the same at each step (seq 0: none). */
struct reader_verdict {
	struct chain_head checkpoint;
	uint8_t cursor[READER_CURSOR_MAX];
	size_t cursor_len;
	bool done;
	uint64_t first_seq; /* of the records that stand */
	uint64_t last_seq;
	uint8_t last_mac[CHAIN_MAC_LEN];
	char problem
	    [READER_PROBLEM_MAX]; /* "" if all that was read stands; never the text of a record */
};

/* Verifies about budget bytes more of the log from the verdict's cursor on, and updates the verdict:
 * done at the log's end or at the first problem. At the end the last record must be head, the newest
 * that the daemon made when the verification began or later, and the oldest must be where the records
 * themselves say that the log begins. Files may be begun, and such that are no longer kept removed,
 * between two steps.
 * COFFER_INVALID_ARGUMENT if the cursor is not one of ours; COFFER_UNAVAILABLE if a file cannot be read. */
COFFER_MUST_USE coffer_err reader_verify(const char *folder, const uint8_t key[CHAIN_KEY_LEN],
					 const struct chain_head *head, size_t budget,
					 struct reader_verdict *verdict);

#endif
