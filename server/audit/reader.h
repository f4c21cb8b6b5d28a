/* reader.h - the audit log: reading and verifying, in steps that never hold up the daemon.
 * Layer: audit. Keeps no state between calls. */
#ifndef AUDIT_READER_H
#define AUDIT_READER_H

#include <coffer/error.h>
#include <stdbool.h>
#include <stdint.h>

#include "audit/chain.h"
#include "slice.h"

/* Copies whole lines (with newlines) of records above after_seq, oldest first, to out until it is full
 * or the log ends. *last_seq is the number of the last one copied (after_seq if none); *more tells
 * whether others follow. The place is found by bisection. Lines that are no records are skipped.
 * COFFER_UNAVAILABLE if the folder cannot be read; COFFER_RESOURCE_EXHAUSTED if out is too small for the
 * next line. */
COFFER_MUST_USE coffer_err reader_copy(const char *folder, uint64_t after_seq, struct buf *out,
				       uint64_t *last_seq, bool *more);

#define READER_CURSOR_MAX  128
#define READER_PROBLEM_MAX 256

/* How far a verification came. cursor is opaque, and empty at the start. */
struct reader_verdict {
	uint8_t cursor[READER_CURSOR_MAX];
	size_t cursor_len;
	bool done;
	uint64_t first_seq; /* of the records that stand */
	uint64_t last_seq;
	char problem
	    [READER_PROBLEM_MAX]; /* "" if all that was read stands; never the text of a record */
};

/* Verifies about budget bytes more of the log from the verdict's cursor on, and updates the verdict:
 * done at the log's end or at the first problem. At the end the last record must be head, the newest
 * that the daemon made when the verification began or later. The first file may begin at any number
 * (older ones may have been removed); it must then be taken on trust where the chain begins.
 * COFFER_INVALID_ARGUMENT if the cursor is not one of ours; COFFER_UNAVAILABLE if a file cannot be read. */
COFFER_MUST_USE coffer_err reader_verify(const char *folder, const uint8_t key[CHAIN_KEY_LEN],
					 const struct chain_head *head, size_t budget,
					 struct reader_verdict *verdict);

#endif
