#include "vault/stream.h"

#include <sodium.h>

struct stream {
	struct arena *arena;
	crypto_secretstream_xchacha20poly1305_state state;
};

_Static_assert(crypto_secretstream_xchacha20poly1305_KEYBYTES == STREAM_KEY_LEN, "the key");
_Static_assert(crypto_secretstream_xchacha20poly1305_HEADERBYTES == STREAM_HEADER_LEN,
	       "the header");
_Static_assert(crypto_secretstream_xchacha20poly1305_ABYTES == STREAM_OVERHEAD, "the growth");

static coffer_err make(struct stream **out, struct arena *arena)
{
	*out = NULL;
	if (sodium_init() < 0)
		return COFFER_INTERNAL;
	if ((*out = arena_take(arena, sizeof(**out))) == NULL)
		return COFFER_RESOURCE_EXHAUSTED;
	(*out)->arena = arena;
	return COFFER_OK;
}

coffer_err stream_write_begin(struct stream **out, struct arena *arena,
			      const uint8_t key[STREAM_KEY_LEN], uint8_t header[STREAM_HEADER_LEN])
{
	coffer_err err = make(out, arena);

	if (err == COFFER_OK) /* which cannot fail */
		(void)crypto_secretstream_xchacha20poly1305_init_push(&(*out)->state, header, key);
	return err;
}

coffer_err stream_read_begin(struct stream **out, struct arena *arena,
			     const uint8_t key[STREAM_KEY_LEN],
			     const uint8_t header[STREAM_HEADER_LEN])
{
	coffer_err err = make(out, arena);

	if (err ==
	    COFFER_OK) /* which cannot fail: any header will do, and another one opens nothing */
		(void)crypto_secretstream_xchacha20poly1305_init_pull(&(*out)->state, header, key);
	return err;
}

void stream_end(struct stream *stream)
{
	if (stream != NULL)
		arena_give(stream->arena, stream, sizeof(*stream), sizeof(*stream));
}

void stream_push(struct stream *stream, struct slice plain, struct slice with, bool last,
		 uint8_t *out)
{
	uint8_t tag = last ? crypto_secretstream_xchacha20poly1305_TAG_FINAL
			   : crypto_secretstream_xchacha20poly1305_TAG_MESSAGE;

	/* Fails only for a length that no chunk has. */
	(void)crypto_secretstream_xchacha20poly1305_push(&stream->state, out, NULL, plain.data,
							 plain.len, with.data, with.len, tag);
}

coffer_err stream_pull(struct stream *stream, struct slice sealed, struct slice with, bool *last,
		       uint8_t *out)
{
	uint8_t tag;

	*last = false;
	if (crypto_secretstream_xchacha20poly1305_pull(&stream->state, out, NULL, &tag, sealed.data,
						       sealed.len, with.data, with.len) != 0)
		return COFFER_DATA_LOSS;
	*last = tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL;
	return COFFER_OK;
}
