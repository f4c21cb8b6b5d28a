#include "redactor.h"

#include "memory.h"

/* A held beginning of a pattern goes out when a stream pauses, up to this length; ... */
#define IDLE_MAX 3
/* ... from this length on it counts as the pattern itself when the stream ends within it. */
#define END_MIN PATTERNS_LEN_MIN

struct coffer_redact_stream {
	struct coffer_redactor *redactor; /* borrowed */
	struct cover cover;
	uint64_t built; /* the engine that state belongs to */
	uint32_t state;
	size_t depth; /* of state: as many bytes before cover.base are a partial match */
	coffer_err failed;
	bool ended;
};

coffer_err coffer_redact_stream_new(struct coffer_redact_stream **out,
				    struct coffer_redactor *redactor, coffer_redact_write write,
				    void *context)
{
	struct coffer_redact_stream *stream = memory_take(1, sizeof(*stream));

	*out = stream;
	if (!stream)
		return COFFER_RESOURCE_EXHAUSTED;
	stream->redactor = redactor;
	stream->cover.write = write;
	stream->cover.context = context;
	return COFFER_OK;
}

void coffer_redact_stream_free(struct coffer_redact_stream *stream)
{
	if (!stream)
		return;
	cover_free(&stream->cover);
	memory_give(stream, 1, sizeof(*stream));
}

/* A failed stream stays failed: what came after the gap could be the tail of a secret. */
static coffer_err settle(struct coffer_redact_stream *stream, coffer_err err)
{
	if (stream->failed == COFFER_OK)
		stream->failed = err;
	return stream->failed;
}

static coffer_err check(const struct coffer_redact_stream *stream)
{
	if (stream->failed != COFFER_OK)
		return stream->failed;
	return stream->ended ? COFFER_FAILED_PRECONDITION : COFFER_OK;
}

/* The engine's states are numbered anew when it is built anew; the text of the partial match is still the beginning
 * of a pattern. */
static coffer_err renew(struct coffer_redact_stream *stream)
{
	struct coffer_redactor *redactor = stream->redactor;
	coffer_err err = redactor_refresh(redactor);

	if (err != COFFER_OK || stream->built == redactor->built)
		return err;
	if (stream->depth > 0)
		stream->state =
		    automaton_find(&redactor->engine.automaton, stream->cover.held, stream->depth);
	stream->built = redactor->built;
	return COFFER_OK;
}

static coffer_err feed(struct coffer_redact_stream *stream, const uint8_t *in, size_t len)
{
	const struct engine *engine = &stream->redactor->engine;
	struct cover *cover = &stream->cover;
	coffer_err err;

	cover->chunk = in;
	cover->held_len = stream->depth;
	if ((err = engine_scan(engine, cover, &stream->state, in, len)) != COFFER_OK)
		return err;
	stream->depth = engine_depth(engine, stream->state);
	if ((err = cover_flush(cover, cover->base + len - stream->depth)) != COFFER_OK)
		return err;
	cover->base += len;
	cover->chunk = NULL;
	cover->held = stream->depth ? automaton_text(&engine->automaton, stream->state) : NULL;
	return COFFER_OK;
}

coffer_err coffer_redact_feed(struct coffer_redact_stream *stream, const uint8_t *in, size_t len)
{
	coffer_err err = check(stream);

	if (err != COFFER_OK || len == 0)
		return err;
	err = renew(stream);
	if (err == COFFER_OK)
		err = feed(stream, in, len);
	return settle(stream, err);
}

bool coffer_redact_waits(const struct coffer_redact_stream *stream)
{
	return check(stream) == COFFER_OK && stream->depth <= IDLE_MAX &&
	       stream->cover.done < stream->cover.base;
}

coffer_err coffer_redact_idle(struct coffer_redact_stream *stream)
{
	coffer_err err = check(stream);

	if (err != COFFER_OK || !coffer_redact_waits(stream))
		return err;
	stream->cover.held_len = stream->depth;
	return settle(stream, cover_flush(&stream->cover, stream->cover.base));
}

coffer_err coffer_redact_end(struct coffer_redact_stream *stream)
{
	struct cover *cover = &stream->cover;
	coffer_err err = check(stream);

	if (err != COFFER_OK)
		return err;
	stream->ended = true;
	cover->held_len = stream->depth;
	if (stream->redactor->failed)
		err = COFFER_RESOURCE_EXHAUSTED;
	else if (stream->depth >= END_MIN)
		err = cover_add(cover, cover->base - stream->depth, cover->base, cover->base);
	else
		err = cover_flush(cover, cover->base);
	return settle(stream, err);
}
