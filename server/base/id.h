/* id.h - run ids and tokens. Layer: base. */
#ifndef BASE_ID_H
#define BASE_ID_H

#include <coffer/error.h>
#include <coffer/limits.h>
#include <stdint.h>

#include "slice.h"

/* Where the ids of one process come from: remembers the last one. All zero at the start. */
struct id_source {
	int64_t ms;
	uint32_t count;
};

/* A UUID version 7 (RFC 9562, 5.7) of that time in lower-case text, with a NUL. Two ids of one
 * source sort in the order in which they were made, also within a millisecond and when the clock
 * goes back. */
void id_make(struct id_source *source, int64_t wall_ms, char out[COFFER_ID_LEN + 1]);

/* Copies an id that was stored, with a NUL. COFFER_DATA_LOSS if it has not an id's length. */
COFFER_MUST_USE coffer_err id_copy(char out[COFFER_ID_LEN + 1], struct slice id);

/* A token: uniform over [A-Za-z0-9], from the system's generator. No NUL. out must be arena
 * memory. */
void id_make_token(char out[COFFER_TOKEN_LEN]);

#endif
