#include "body.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAP_MIN 256

static bool reserve(struct body *body, size_t more)
{
	size_t cap = body->cap < CAP_MIN ? CAP_MIN : body->cap;
	char *data;

	if (body->failed)
		return false;
	if (body->data != NULL && body->cap - body->len >= more)
		return true;
	if (more > SIZE_MAX / 4 - body->len)
		goto fail;
	while (cap < body->len + more)
		cap *= 2;
	if ((data = malloc(cap)) == NULL)
		goto fail;
	if (body->data != NULL) {
		memcpy(data, body->data, body->len);
		explicit_bzero(body->data, body->cap);
		free(body->data);
	}
	body->data = data;
	body->cap = cap;
	return true;
fail:
	body->failed = true;
	return false;
}

void body_append(struct body *body, const char *data, size_t len)
{
	if (!reserve(body, len))
		return;
	if (len > 0)
		memcpy(body->data + body->len, data, len);
	body->len += len;
}

void body_print(struct body *body, const char *format, ...)
{
	va_list args, again;
	int len;

	va_start(args, format);
	va_copy(again, args);
	len = vsnprintf(NULL, 0, format, args);
	if (len < 0) {
		body->failed = true;
	} else if (reserve(body, (size_t)len + 1)) {
		vsnprintf(body->data + body->len, (size_t)len + 1, format, again);
		body->len += (size_t)len;
	}
	va_end(again);
	va_end(args);
}

void body_free(struct body *body)
{
	if (body->data != NULL) {
		explicit_bzero(body->data, body->cap);
		free(body->data);
	}
	*body = (struct body){ .data = NULL };
}
