/* verify.h - one step of a verification: walking along the chain. Layer: audit, private to reader. */
#ifndef AUDIT_VERIFY_H
#define AUDIT_VERIFY_H

#include "audit/reader.h"

struct verify {
	int folder; /* open */
	const uint8_t *key;
	const struct chain_head *head;
	struct reader_verdict *verdict;

	/* The place: the file's number (0: before the oldest one), an offset in it, the number of the first
	 * record that was read (0: none yet), the last one, which stands, the oldest file that must be
	 * there as the records say so far, and the number of the checkpoint if that was come by (else 0). */
	uint64_t file;
	uint64_t offset;
	uint64_t first_seq;
	struct chain_head last;
	uint64_t oldest;
	uint64_t compared;
};

/* Takes the place from the verdict's cursor. COFFER_INVALID_ARGUMENT if it was not made by verify_step
 * under the same key. */
COFFER_MUST_USE coffer_err verify_resume(struct verify *walk);

/* Walks on over about budget bytes and at least one line, and updates the verdict.
 * COFFER_UNAVAILABLE, with errno kept and the cursor as it was, if the system refuses. */
COFFER_MUST_USE coffer_err verify_step(struct verify *walk, size_t budget);

#endif
