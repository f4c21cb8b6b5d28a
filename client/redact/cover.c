#include "cover.h"

#include <stdlib.h>
#include <string.h>

static coffer_err put(struct cover *cover, const uint8_t *data, uint64_t len)
{
	return len > 0 ? cover->write(cover->context, data, (size_t)len) : COFFER_OK;
}

/* Lets the bytes from done to end out. They may begin in what was held back. */
static coffer_err put_raw(struct cover *cover, uint64_t end)
{
	uint64_t from = cover->done, middle;
	coffer_err err = COFFER_OK;

	if (from >= end)
		return COFFER_OK;
	cover->done = end;
	cover->marked = false;
	if (from < cover->base) {
		middle = end < cover->base ? end : cover->base;
		err =
		    put(cover, cover->held + cover->held_len - (cover->base - from), middle - from);
		from = middle;
	}
	if (err == COFFER_OK && from < end)
		err = put(cover, cover->chunk + (from - cover->base), end - from);
	return err;
}

static coffer_err put_span(struct cover *cover, const struct cover_span *span)
{
	coffer_err err = put_raw(cover, span->start);

	if (err == COFFER_OK && !(cover->marked && span->start <= cover->done))
		err =
		    put(cover, (const uint8_t *)COFFER_REDACT_MARKER, strlen(COFFER_REDACT_MARKER));
	cover->marked = true;
	if (cover->done < span->end)
		cover->done = span->end;
	return err;
}

coffer_err cover_flush(struct cover *cover, uint64_t live)
{
	coffer_err err = COFFER_OK;

	while (err == COFFER_OK && cover->len > 0 && cover->spans[cover->first].start <= live) {
		err = put_span(cover, &cover->spans[cover->first++]);
		cover->len--;
	}
	return err == COFFER_OK ? put_raw(cover, live) : err;
}

/* Makes room for one more span. The offsets are no secret. */
static coffer_err reserve(struct cover *cover)
{
	size_t cap = cover->cap;
	struct cover_span *spans;

	if (cover->first + cover->len < cap)
		return COFFER_OK;
	if (cover->first > cap / 2) {
		memmove(cover->spans, cover->spans + cover->first, cover->len * sizeof(*spans));
		cover->first = 0;
		return COFFER_OK;
	}
	cap = cap ? 2 * cap : 16;
	if (!(spans = malloc(cap * sizeof(*spans))))
		return COFFER_RESOURCE_EXHAUSTED;
	if (cover->len > 0)
		memcpy(spans, cover->spans + cover->first, cover->len * sizeof(*spans));
	free(cover->spans);
	cover->spans = spans;
	cover->first = 0;
	cover->cap = cap;
	return COFFER_OK;
}

coffer_err cover_add_slow(struct cover *cover, uint64_t start, uint64_t end, uint64_t live)
{
	while (cover->len > 0) {
		const struct cover_span *last = &cover->spans[cover->first + cover->len - 1];

		if (last->end < start)
			break;
		if (start > last->start)
			start = last->start;
		cover->len--;
	}
	if (reserve(cover) != COFFER_OK)
		return COFFER_RESOURCE_EXHAUSTED;
	cover->spans[cover->first + cover->len++] = (struct cover_span){ start, end };
	return cover_flush(cover, live);
}

void cover_free(struct cover *cover)
{
	free(cover->spans);
	*cover = (struct cover){ 0 };
}
