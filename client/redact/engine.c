#include "engine.h"

/* The automaton hands over to the filters once less than this is left of a partial match. */
#define SHALLOW 4

struct scan {
	const struct automaton *automaton;
	struct cover *cover;
	const uint8_t *in;
	size_t len;
	size_t at;      /* the automaton has read up to here */
	uint32_t state; /* its state there */
};

coffer_err engine_build(struct engine *out, const struct patterns *patterns)
{
	coffer_err err;

	*out = (struct engine){ 0 };
	if (patterns->len == 0)
		return COFFER_OK;
	if ((err = filter_build(out->filters, patterns)) != COFFER_OK ||
	    (err = automaton_build(&out->automaton, patterns)) != COFFER_OK)
		engine_free(out);
	return err;
}

void engine_free(struct engine *engine)
{
	automaton_free(&engine->automaton);
	filter_free(engine->filters);
}

size_t engine_depth(const struct engine *engine, uint32_t state)
{
	return state ? engine->automaton.states[state].depth : 0;
}

/* Lets the automaton read on, at least up to least, until all that is left is a shallow partial match in this very
 * chunk. */
static coffer_err walk(struct scan *scan, size_t least)
{
	const struct automaton *a = scan->automaton;
	const struct automaton_state *states = a->states;
	const uint8_t *in = scan->in;
	uint64_t base = scan->cover->base;
	uint32_t state = scan->state;
	size_t at = scan->at, len = scan->len;
	coffer_err err = COFFER_OK;

	while (err == COFFER_OK && at < len) {
		uint32_t depth = states[state].depth, link;

		if (depth < SHALLOW && at >= least && depth <= at)
			break;
		state = automaton_next(a, state, in[at++]);
		link = states[state].link;
		/* One successor, no match, and the byte fits: all in one comparison. */
		while (at < len && (link ^ in[at]) == AUTOMATON_ONE) {
			link = states[++state].link;
			at++;
		}
		if (!(link & (AUTOMATON_END | AUTOMATON_INNER)))
			continue;
		uint32_t found = link & AUTOMATON_END ? states[state].depth : a->inner[state];
		/* A match that is no beginning of a longer one is no partial match any more. */
		if ((link & AUTOMATON_KIND) == AUTOMATON_NONE)
			state = states[state].fail;
		err = cover_add(scan->cover, base + at - found, base + at,
				base + at - states[state].depth);
	}
	scan->state = state;
	scan->at = at;
	return err;
}

/* Where a filter has got to. */
struct probe {
	size_t hit;
	bool known; /* hit still holds, unless the automaton has read beyond */
};

/* Asks each filter where the next pattern may stand that begins at live or behind. Returns the filter whose answer
 * comes first, FILTERS if there are no patterns, and *from where to begin to read for it. */
static size_t probe_filters(const struct engine *engine, struct probe probes[FILTERS],
			    const struct scan *scan, size_t live, size_t *from)
{
	size_t first = FILTERS;

	*from = scan->len;
	for (size_t i = 0; i < FILTERS; i++) {
		const struct filter *filter = &engine->filters[i];
		size_t reach = filter->stride - 1, start;

		if (!filter->bits)
			continue;
		if (!probes[i].known || probes[i].hit < live) {
			probes[i].hit = filter_find(filter, scan->in, scan->len, live + reach);
			probes[i].known = true;
		}
		start = probes[i].hit - live > reach ? probes[i].hit - reach : live;
		if (first == FILTERS || start < *from) {
			first = i;
			*from = start;
		}
	}
	return first;
}

coffer_err engine_scan(const struct engine *engine, struct cover *cover, uint32_t *state,
		       const uint8_t *in, size_t len)
{
	struct scan scan = { &engine->automaton, cover, in, len, 0, *state };
	struct probe probes[FILTERS] = { { 0 } };
	coffer_err err = COFFER_OK;

	if (!scan.automaton->states)
		return COFFER_OK;
	/* A partial match of an earlier chunk is followed to its end first. */
	if (scan.state != 0)
		err = walk(&scan, 0);
	while (err == COFFER_OK && scan.at < len) {
		size_t live = scan.at - scan.automaton->states[scan.state].depth, from;
		size_t i = probe_filters(engine, probes, &scan, live, &from);

		scan.at = from;
		scan.state = 0;
		err = walk(&scan, probes[i].hit + engine->filters[i].gram);
	}
	*state = scan.state;
	return err;
}
