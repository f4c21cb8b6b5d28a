/* automaton.h - all patterns at once, byte by byte, in linear time whatever the text. Layer: client/redact.
 *
 * The automaton of A. V. Aho and M. J. Corasick, "Efficient string matching: an aid to bibliographic search",
 * CACM 18 (1975). A state stands for the longest end of the text that begins a pattern; state 0 for none. The
 * states of a pattern that it does not share with the pattern sorted before it are numbered in a row, so that the
 * usual step is to the next number, and a state takes 12 bytes. */
#ifndef REDACT_AUTOMATON_H
#define REDACT_AUTOMATON_H

#include "patterns.h"

#include <stdbool.h>

/* link: what follows a state, and two flags.
 * ONE: the low 8 bits are the byte that leads to the next state. LIST, DENSE: an index into lists or dense. */
#define AUTOMATON_NONE  0U
#define AUTOMATON_ONE   (1U << 28)
#define AUTOMATON_LIST  (2U << 28)
#define AUTOMATON_DENSE (3U << 28)
#define AUTOMATON_KIND  (3U << 28)
#define AUTOMATON_INDEX ((1U << 28) - 1)
#define AUTOMATON_END   (1U << 30) /* a pattern ends here: as long as the state is deep */
#define AUTOMATON_INNER \
	(1U << 31) /* a shorter pattern ends here, and no longer one: inner[state] long */

struct automaton_state {
	uint32_t fail; /* where to go on if no byte fits; never a state without successors */
	uint32_t depth;
	uint32_t link;
};

/* The successors of a state that has some, but few. */
struct automaton_list {
	uint32_t start;
	uint32_t len;
};

struct automaton {
	const struct patterns
	    *patterns; /* borrowed, sorted; not to be changed while this is in use */
	struct automaton_state *states;
	size_t states_len;
	uint32_t *first; /* of each pattern: the first state of its own */
	size_t patterns_len;
	uint32_t (*dense)[256]; /* [0] is the root's */
	size_t dense_len;
	struct automaton_list *lists;
	size_t lists_len;
	uint8_t *list_bytes;
	uint32_t *list_states;
	size_t list_items;
	uint32_t *inner; /* NULL if no state needs it */
};

/* Builds it of sorted patterns, of which there is at least one. On failure, COFFER_RESOURCE_EXHAUSTED, *out is
 * empty. */
COFFER_MUST_USE coffer_err automaton_build(struct automaton *out, const struct patterns *patterns);
void automaton_free(struct automaton *a); /* wipes and empties */

/* The first bytes of some pattern that state stands for, as many as the state is deep. */
const uint8_t *automaton_text(const struct automaton *a, uint32_t state);

/* The state of those bytes: the reverse. len bytes at text must begin a pattern. */
uint32_t automaton_find(const struct automaton *a, const uint8_t *text, size_t len);

/* The successor of state by byte; 0 if there is none. */
static inline uint32_t automaton_child(const struct automaton *a, uint32_t state, uint8_t byte)
{
	uint32_t link = a->states[state].link;

	if ((link & AUTOMATON_KIND) == AUTOMATON_ONE)
		return (uint8_t)link == byte ? state + 1 : 0;
	if ((link & AUTOMATON_KIND) == AUTOMATON_DENSE)
		return a->dense[link & AUTOMATON_INDEX][byte];
	if ((link & AUTOMATON_KIND) == AUTOMATON_LIST) {
		const struct automaton_list *list = &a->lists[link & AUTOMATON_INDEX];

		for (uint32_t i = list->start; i < list->start + list->len; i++)
			if (a->list_bytes[i] == byte)
				return a->list_states[i];
	}
	return 0;
}

/* The state after one more byte. */
static inline uint32_t automaton_next(const struct automaton *a, uint32_t state, uint8_t byte)
{
	uint32_t next;

	while ((next = automaton_child(a, state, byte)) == 0 && state != 0)
		state = a->states[state].fail;
	return next;
}

#endif
