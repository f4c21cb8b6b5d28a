#include "automaton.h"

#include "memory.h"

#include <assert.h>
#include <string.h>

/* A state with more successors than this has a table of them. */
#define LIST_MAX 8

/* What is known of each pattern while the automaton is built. */
struct branch {
	uint32_t shared; /* so many first bytes are the previous pattern's */
	uint32_t parent; /* the state of those */
	uint32_t owner;  /* the pattern whose own state that is */
};

struct build {
	struct automaton *a;
	const struct pattern *patterns;
	struct branch *branches;
	uint32_t *active;
	size_t len;
};

static uint32_t shared_prefix(const struct pattern *a, const struct pattern *b)
{
	uint32_t max = a->len < b->len ? a->len : b->len, i = 0;

	while (i < max && a->data[i] == b->data[i])
		i++;
	return i;
}

/* Numbers the states. A pattern branches off the last one before it that has a state of its own at that depth. */
static void number_states(struct build *b)
{
	uint32_t next = 1;

	for (uint32_t i = 0; i < b->len; i++) {
		struct branch *branch = &b->branches[i];
		uint32_t owner = i > 0 ? i - 1 : 0;

		if (i > 0)
			branch->shared = shared_prefix(&b->patterns[i - 1], &b->patterns[i]);
		while (branch->shared > 0 && b->branches[owner].shared >= branch->shared)
			owner = b->branches[owner].owner;
		branch->owner = owner;
		if (branch->shared > 0)
			branch->parent =
			    b->a->first[owner] + branch->shared - b->branches[owner].shared - 1;
		b->a->first[i] = next;
		next += b->patterns[i].len - branch->shared;
	}
	b->a->states_len = next;
}

/* Each pattern's own states in a row; but for the first of them, which its parent is told of later. */
static void fill_states(struct build *b)
{
	for (size_t i = 0; i < b->len; i++) {
		const struct pattern *pattern = &b->patterns[i];
		struct automaton_state *own = b->a->states + b->a->first[i];

		for (uint32_t depth = b->branches[i].shared + 1; depth <= pattern->len; depth++) {
			own->depth = depth;
			own->link = depth == pattern->len ? AUTOMATON_NONE | AUTOMATON_END
							  : AUTOMATON_ONE | pattern->data[depth];
			own++;
		}
	}
}

/* Counts the successors of each state that has several, and says which of them shall have a table. */
static coffer_err plan_branches(struct build *b)
{
	struct automaton *a = b->a;

	a->lists = memory_take(b->len, sizeof(*a->lists));
	a->list_bytes = memory_take(2 * b->len, sizeof(*a->list_bytes));
	a->list_states = memory_take(2 * b->len, sizeof(*a->list_states));
	if (!a->lists || !a->list_bytes || !a->list_states)
		return COFFER_RESOURCE_EXHAUSTED;
	for (size_t i = 0; i < b->len; i++) {
		struct automaton_state *parent = &a->states[b->branches[i].parent];
		uint32_t kind = parent->link & AUTOMATON_KIND;

		if (b->branches[i].shared == 0)
			continue;
		if (kind == AUTOMATON_NONE) {
			parent->link |= AUTOMATON_ONE | b->patterns[i].data[b->branches[i].shared];
			assert(a->first[i] == b->branches[i].parent + 1);
		} else if (kind == AUTOMATON_ONE) {
			/* Until the lists are laid out, start is the byte of the successor in the row. */
			a->lists[a->lists_len] =
			    (struct automaton_list){ (uint8_t)parent->link, 2 };
			parent->link = (parent->link & AUTOMATON_END) | AUTOMATON_LIST |
				       (uint32_t)a->lists_len++;
		} else {
			a->lists[parent->link & AUTOMATON_INDEX].len++;
		}
	}
	return COFFER_OK;
}

static size_t count_dense(const struct automaton *a)
{
	size_t count = 1;

	for (size_t i = 0; i < a->lists_len; i++)
		count += a->lists[i].len > LIST_MAX;
	return count;
}

static void add_child(struct automaton *a, uint32_t state, uint8_t byte, uint32_t child)
{
	uint32_t link = a->states[state].link, index = link & AUTOMATON_INDEX;

	if ((link & AUTOMATON_KIND) == AUTOMATON_DENSE) {
		a->dense[index][byte] = child;
	} else {
		uint32_t at = a->lists[index].start + a->lists[index].len++;
		a->list_bytes[at] = byte;
		a->list_states[at] = child;
	}
}

/* Makes room for the successors of a state that has several, and enters the one in the row. */
static void open_branch(struct automaton *a, uint32_t state)
{
	struct automaton_list *list = &a->lists[a->states[state].link & AUTOMATON_INDEX];
	uint8_t byte = (uint8_t)list->start;

	if (list->len > LIST_MAX) {
		a->states[state].link = (a->states[state].link & AUTOMATON_END) | AUTOMATON_DENSE |
					(uint32_t)a->dense_len++;
	} else {
		list->start = (uint32_t)a->list_items;
		a->list_items += list->len;
	}
	list->len = 0;
	add_child(a, state, byte, state + 1);
}

static coffer_err fill_branches(struct build *b)
{
	struct automaton *a = b->a;
	size_t dense = count_dense(a);

	if (!(a->dense = memory_take(dense, sizeof(*a->dense))))
		return COFFER_RESOURCE_EXHAUSTED;
	a->dense_len = 1;
	a->states[0].link = AUTOMATON_DENSE;
	for (uint32_t state = 1; state < a->states_len; state++)
		if ((a->states[state].link & AUTOMATON_KIND) == AUTOMATON_LIST)
			open_branch(a, state);
	assert(a->dense_len == dense);
	for (size_t i = 0; i < b->len; i++) {
		uint32_t parent = b->branches[i].parent;

		if (parent == 0 || a->first[i] != parent + 1)
			add_child(a, parent, b->patterns[i].data[b->branches[i].shared],
				  a->first[i]);
	}
	return COFFER_OK;
}

/* The failure of a state: the longest proper end of its text that begins a pattern. */
static coffer_err link_state(struct automaton *a, uint32_t state, uint32_t parent, uint8_t byte)
{
	uint32_t fail = parent ? automaton_next(a, a->states[parent].fail, byte) : 0;
	const struct automaton_state *to = &a->states[fail];
	uint32_t inner = a->inner ? a->inner[fail] : 0;

	if (to->link & AUTOMATON_END)
		inner = to->depth;
	if (inner > 0 && !(a->states[state].link & AUTOMATON_END)) {
		if (!a->inner && !(a->inner = memory_take(a->states_len, sizeof(*a->inner))))
			return COFFER_RESOURCE_EXHAUSTED;
		a->inner[state] = inner;
		a->states[state].link |= AUTOMATON_INNER;
	}
	/* From a state without successors one would go on to its own failure in any case. */
	if ((to->link & AUTOMATON_KIND) == AUTOMATON_NONE)
		fail = to->fail;
	a->states[state].fail = fail;
	return COFFER_OK;
}

/* By depth, for a failure is less deep than its state. */
static coffer_err link_states(struct build *b)
{
	size_t len = b->len;
	coffer_err err = COFFER_OK;

	for (uint32_t i = 0; i < len; i++)
		b->active[i] = i;
	for (uint32_t depth = 1; len > 0; depth++) {
		size_t kept = 0;

		for (size_t k = 0; err == COFFER_OK && k < len; k++) {
			uint32_t i = b->active[k];
			const struct branch *branch = &b->branches[i];
			uint32_t state = b->a->first[i] + depth - branch->shared - 1;

			if (depth > branch->shared)
				err = link_state(b->a, state,
						 depth == branch->shared + 1 ? branch->parent
									     : state - 1,
						 b->patterns[i].data[depth - 1]);
			if (depth < b->patterns[i].len)
				b->active[kept++] = i;
		}
		if (err != COFFER_OK)
			break;
		len = kept;
	}
	return err;
}

coffer_err automaton_build(struct automaton *out, const struct patterns *patterns)
{
	struct automaton a = { .patterns = patterns, .patterns_len = patterns->len };
	struct build b = { .a = &a, .patterns = patterns->items, .len = patterns->len };
	coffer_err err = COFFER_RESOURCE_EXHAUSTED;

	*out = (struct automaton){ 0 };
	a.first = memory_take(b.len, sizeof(*a.first));
	b.branches = memory_take(b.len, sizeof(*b.branches));
	b.active = memory_take(b.len, sizeof(*b.active));
	if (!a.first || !b.branches || !b.active || b.len > AUTOMATON_INDEX / 2)
		goto out;
	number_states(&b);
	if (!(a.states = memory_take(a.states_len, sizeof(*a.states))))
		goto out;
	fill_states(&b);
	if ((err = plan_branches(&b)) != COFFER_OK || (err = fill_branches(&b)) != COFFER_OK ||
	    (err = link_states(&b)) != COFFER_OK)
		goto out;
	*out = a; /* ownership moves to the caller */
	a = (struct automaton){ 0 };
out:
	memory_give(b.branches, b.len, sizeof(*b.branches));
	memory_give(b.active, b.len, sizeof(*b.active));
	automaton_free(&a);
	return err;
}

void automaton_free(struct automaton *a)
{
	memory_give(a->states, a->states_len, sizeof(*a->states));
	memory_give(a->first, a->patterns_len, sizeof(*a->first));
	memory_give(a->dense, a->dense_len, sizeof(*a->dense));
	memory_give(a->lists, a->patterns_len, sizeof(*a->lists));
	memory_give(a->list_bytes, 2 * a->patterns_len, sizeof(*a->list_bytes));
	memory_give(a->list_states, 2 * a->patterns_len, sizeof(*a->list_states));
	memory_give(a->inner, a->states_len, sizeof(*a->inner));
	*a = (struct automaton){ 0 };
}

const uint8_t *automaton_text(const struct automaton *a, uint32_t state)
{
	size_t low = 0, high = a->patterns_len;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (a->first[middle] <= state)
			low = middle;
		else
			high = middle;
	}
	return a->patterns->items[low].data;
}

uint32_t automaton_find(const struct automaton *a, const uint8_t *text, size_t len)
{
	uint32_t state = 0;

	for (size_t i = 0; i < len; i++)
		state = automaton_child(a, state, text[i]);
	return state;
}
