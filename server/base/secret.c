#include "base/secret.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

coffer_err secret_reserve(struct secret *out, struct arena *arena, size_t cap)
{
	uint8_t *data;

	assert(cap > 0);
	*out = SECRET_EMPTY;
	data = arena_take(arena, cap);
	if (!data)
		return COFFER_RESOURCE_EXHAUSTED;
	*out = (struct secret){ .arena = arena, .data = data, .len = 0, .cap = cap };
	return COFFER_OK;
}

coffer_err secret_copy(struct secret *out, struct arena *arena, const uint8_t *src, size_t len)
{
	coffer_err err = secret_reserve(out, arena, len > 0 ? len : 1);

	if (err != COFFER_OK)
		return err;
	if (len > 0)
		memcpy(out->data, src, len);
	out->len = len;
	return COFFER_OK;
}

coffer_err secret_read(struct secret *out, struct arena *arena, int fd, size_t max)
{
	coffer_err err;
	ssize_t n;

	assert(max < SIZE_MAX);
	/* One byte more than is allowed, to tell "exactly max" from "more than max". */
	err = secret_reserve(out, arena, max + 1);
	if (err != COFFER_OK)
		return err;
	while (out->len < out->cap) {
		n = read(fd, out->data + out->len, out->cap - out->len);
		if (n == 0)
			return COFFER_OK;
		if (n > 0) {
			out->len += (size_t)n;
		} else if (errno != EINTR) {
			err = COFFER_UNAVAILABLE;
			goto out;
		}
	}
	err = COFFER_INVALID_ARGUMENT;
out:
	secret_free(out);
	return err;
}

void secret_free(struct secret *s)
{
	if (s->data)
		arena_give(s->arena, s->data, s->cap, s->cap);
	*s = SECRET_EMPTY;
}
