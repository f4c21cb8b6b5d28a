#include "copy.h"

#include "codec.h"
#include "names.h"
#include "wipe.h"

#include <stdlib.h>

coffer_err copy_text(struct slice text, char *out, size_t size)
{
	const char *why;

	out[0] = '\0';
	if (names_check_text(text, size - 1, &why) != COFFER_OK)
		return COFFER_INTERNAL;
	if (text.len > 0)
		memcpy(out, text.data, text.len);
	out[text.len] = '\0';
	return COFFER_OK;
}

/* A copy with a NUL behind it, or NULL. */
static uint8_t *duplicate(struct slice bytes)
{
	uint8_t *copy = malloc(bytes.len + 1);

	if (copy == NULL)
		return NULL;
	if (bytes.len > 0)
		memcpy(copy, bytes.data, bytes.len);
	copy[bytes.len] = '\0';
	return copy;
}

coffer_err copy_value(struct slice value, uint32_t version, struct slice scope,
		      struct coffer_value *out)
{
	coffer_err err;

	*out = (struct coffer_value){ .version = version };
	if ((err = copy_text(scope, out->scope, sizeof(out->scope))) == COFFER_OK &&
	    (out->data = duplicate(value)) == NULL)
		err = COFFER_RESOURCE_EXHAUSTED;
	if (err != COFFER_OK)
		*out = (struct coffer_value){ 0 };
	else
		out->len = value.len;
	return err;
}

static bool has_nul(struct slice text)
{
	return text.len > 0 && memchr(text.data, '\0', text.len) != NULL;
}

coffer_err copy_string(struct slice text, char **out)
{
	*out = NULL;
	if (has_nul(text))
		return COFFER_INTERNAL;
	*out = (char *)duplicate(text);
	return *out != NULL ? COFFER_OK : COFFER_RESOURCE_EXHAUSTED;
}

coffer_err copy_words(struct slice message, uint32_t tag, char **out)
{
	struct slice rest = message, item;
	size_t len = 1;
	char *at;

	while (codec_next(&rest, tag, &item))
		len += item.len + 1;
	if ((at = *out = malloc(len)) == NULL)
		return COFFER_RESOURCE_EXHAUSTED;
	while (codec_next(&message, tag, &item)) {
		if (at != *out)
			*at++ = ' ';
		/* One byte more than it has is its NUL, over which the next one is written. */
		if (copy_text(item, at, item.len + 1) != COFFER_OK) {
			free(*out);
			*out = NULL;
			return COFFER_INTERNAL;
		}
		at += item.len;
	}
	*at = '\0';
	return COFFER_OK;
}

size_t copy_count(struct slice message, uint32_t tag)
{
	struct slice element;
	size_t count = 0;

	while (codec_next(&message, tag, &element))
		count++;
	return count;
}

void *copy_room(struct slice message, uint32_t tag, void *items, size_t len, size_t size,
		coffer_err *err)
{
	size_t more = copy_count(message, tag);
	uint8_t *room = NULL;

	*err = COFFER_OK;
	if (more == 0)
		return items;
	if (more <= COPY_ARRAY_MAX / size - len)
		room = calloc(len + more, size);
	if (room == NULL) {
		*err = COFFER_RESOURCE_EXHAUSTED;
		return items;
	}
	if (len > 0)
		memcpy(room, items, len * size);
	wipe(items, len * size);
	free(items);
	return room;
}

/* A block that is filled with strings from the front. */
struct block {
	char *at;
	bool bad; /* a text had a NUL */
};

static const char *block_put(struct block *block, struct slice text)
{
	char *start = block->at;

	block->bad = block->bad || has_nul(text);
	if (text.len > 0)
		memcpy(start, text.data, text.len);
	start[text.len] = '\0';
	block->at += text.len + 1;
	return start;
}

/* Each string's NUL becomes the space before the next one. */
static const char *block_put_joined(struct block *block, struct slice message, uint32_t tag)
{
	char *start = block->at;
	struct slice element;

	*start = '\0';
	while (codec_next(&message, tag, &element)) {
		(void)block_put(block, element);
		block->at[-1] = ' ';
	}
	if (block->at > start)
		block->at[-1] = '\0';
	else
		block->at++;
	return start;
}

coffer_err copy_extras(struct copy_run *run, struct slice message, uint32_t tag)
{
	struct slice element;

	while (codec_next(&message, tag, &element)) {
		coffer_v1_Pair *pair = &run->extras[run->extras_len];
		if (run->extras_len == COFFER_EXTRAS_MAX ||
		    codec_decode(element, coffer_v1_Pair_fields, pair, sizeof(*pair)) != COFFER_OK)
			return COFFER_INTERNAL;
		run->extras_len++;
	}
	return COFFER_OK;
}

/* Bytes of the strings with their NULs. */
static size_t text_size(const struct copy_run *from)
{
	struct slice rest = from->message, element;
	size_t size = from->run_id.len + from->git_dir.len + from->meta.pipeline.len +
		      from->meta.repo.len + from->meta.ref.len + from->meta.sha.len +
		      from->sentry.dsn.len + from->sentry.trace_id.len + 8;

	for (size_t i = 0; i < from->extras_len; i++)
		size += from->extras[i].key.len + from->extras[i].value.len + 2;
	while (codec_next(&rest, from->allow_tag, &element))
		size += element.len + 1;
	return size + 1; /* no globs at all are a string too */
}

static void put_extras(struct block *block, const struct copy_run *from, struct coffer_pair *to)
{
	for (size_t i = 0; i < from->extras_len; i++) {
		to[i].key = block_put(block, from->extras[i].key);
		to[i].value = block_put(block, from->extras[i].value);
	}
}

coffer_err copy_run(const struct copy_run *from, struct coffer_bootstrap *out, const char **allow)
{
	size_t size = text_size(from) + from->extras_len * sizeof(struct coffer_pair);
	struct coffer_pair *extras = malloc(size);
	struct block block;

	*out = (struct coffer_bootstrap){ 0 };
	if (extras == NULL)
		return COFFER_RESOURCE_EXHAUSTED;
	block = (struct block){ .at = (char *)(extras + from->extras_len) };
	*out = (struct coffer_bootstrap){
		.run_id = block_put(&block, from->run_id),
		.git_dir = block_put(&block, from->git_dir),
		.pipeline = block_put(&block, from->meta.pipeline),
		.repo = block_put(&block, from->meta.repo),
		.ref = block_put(&block, from->meta.ref),
		.sha = block_put(&block, from->meta.sha),
		.pushed_at_ms = from->meta.pushed_at_ms,
		.sentry_dsn = block_put(&block, from->sentry.dsn),
		.sentry_trace_id = block_put(&block, from->sentry.trace_id),
		.extras_len = from->extras_len,
		.extras = extras,
		.memory = extras,
		.memory_len = size,
	};
	put_extras(&block, from, extras);
	if (allow != NULL)
		*allow = block_put_joined(&block, from->message, from->allow_tag);
	if (!block.bad)
		return COFFER_OK;
	coffer_bootstrap_free(out);
	return COFFER_INTERNAL;
}
