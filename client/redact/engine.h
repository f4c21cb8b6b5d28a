/* engine.h - patterns made ready for search, and the search through one chunk. Layer: client/redact. */
#ifndef REDACT_ENGINE_H
#define REDACT_ENGINE_H

#include "automaton.h"
#include "cover.h"
#include "filter.h"

struct engine {
	struct automaton automaton;
	struct filter filters[FILTERS];
};

/* Builds it of sorted patterns, which it borrows; of none, too. On failure, COFFER_RESOURCE_EXHAUSTED, *out is
 * empty. */
COFFER_MUST_USE coffer_err engine_build(struct engine *out, const struct patterns *patterns);
void engine_free(struct engine *engine); /* wipes and empties */

/* Searches len bytes at in, which are the stream's bytes from cover->base on, and hands every match to cover.
 * *state is the automaton's before and after. cover's errors; the engine itself has none. */
COFFER_MUST_USE coffer_err engine_scan(const struct engine *engine, struct cover *cover,
				       uint32_t *state, const uint8_t *in, size_t len);

/* How long the pattern's beginning is that the text ends with. */
size_t engine_depth(const struct engine *engine, uint32_t state);

#endif
