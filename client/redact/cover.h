/* cover.h - what of a stream may go out, and the marker in place of the rest. Layer: client/redact.
 *
 * Matches arrive in the order of their ends. Their union is kept as spans that neither overlap nor touch; one that
 * begins behind the start of the text's live partial match may still be swallowed by it and waits. */
#ifndef REDACT_COVER_H
#define REDACT_COVER_H

#include <coffer/redact.h>
#include <stdbool.h>

struct cover_span {
	uint64_t start;
	uint64_t end;
};

/* Offsets are from the start of the stream. Zero it, then set write and context. */
struct cover {
	coffer_redact_write write;
	void *context;
	uint64_t base;        /* where the chunk at hand begins */
	const uint8_t *chunk; /* borrowed during a feed */
	const uint8_t *held;  /* the held_len bytes before it */
	size_t held_len;
	uint64_t done; /* all before it has gone out or been swallowed */
	bool marked;   /* the last to go out was a marker, and it covers up to done */
	struct cover_span *spans;
	size_t first, len, cap;
};

/* Takes a match in. live is where the live partial match begins; no later match begins before it. Errors of
 * write, and COFFER_RESOURCE_EXHAUSTED: nothing may go out any more. Here and below. */
COFFER_MUST_USE coffer_err cover_add_slow(struct cover *cover, uint64_t start, uint64_t end,
					  uint64_t live);

/* Lets go out what does not depend on the live partial match. */
COFFER_MUST_USE coffer_err cover_flush(struct cover *cover, uint64_t live);

void cover_free(struct cover *cover);

COFFER_MUST_USE static inline coffer_err cover_add(struct cover *cover, uint64_t start,
						   uint64_t end, uint64_t live)
{
	/* Text that matches all over itself is swallowed here. */
	if (cover->marked && start <= cover->done && cover->len == 0) {
		cover->done = end;
		return COFFER_OK;
	}
	return cover_add_slow(cover, start, end, live);
}

#endif
