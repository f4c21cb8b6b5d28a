#include "bytes.h"

#include "output.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BYTES_CAP_MIN 256

bool bytes_reserve(struct bytes *bytes, size_t more)
{
	if (!bytes->failed && bytes->data && bytes->cap - bytes->len >= more)
		return true;
	if (bytes->failed || more > SIZE_MAX / 4 - bytes->len)
		goto fail;
	size_t cap = bytes->cap * 2 < BYTES_CAP_MIN ? BYTES_CAP_MIN : bytes->cap * 2;
	if (cap < bytes->len + more)
		cap = bytes->len + more;
	char *data = malloc(cap);
	if (!data)
		goto fail;
	if (bytes->data) {
		memcpy(data, bytes->data, bytes->len);
		explicit_bzero(bytes->data, bytes->cap);
		free(bytes->data);
	}
	bytes->data = data;
	bytes->cap = cap;
	return true;
fail:
	bytes->failed = true;
	return false;
}

void bytes_append(struct bytes *bytes, const char *data, size_t len)
{
	if (!bytes_reserve(bytes, len))
		return;
	if (len > 0)
		memcpy(bytes->data + bytes->len, data, len);
	bytes->len += len;
}

void bytes_print(struct bytes *bytes, const char *format, ...)
{
	va_list args;
	va_list again;

	va_start(args, format);
	va_copy(again, args);
	int len = vsnprintf(NULL, 0, format, args);
	if (len < 0) {
		bytes->failed = true;
	} else if (bytes_reserve(bytes, (size_t)len + 1)) {
		vsnprintf(bytes->data + bytes->len, (size_t)len + 1, format, again);
		bytes->len += (size_t)len;
	}
	va_end(again);
	va_end(args);
}

void bytes_quote(struct bytes *bytes, const char *text)
{
	bytes_append(bytes, "'", 1);
	for (const char *quote; (quote = strchr(text, '\'')); text = quote + 1) {
		bytes_append(bytes, text, (size_t)(quote - text));
		bytes_append(bytes, "'\\''", 4);
	}
	bytes_append(bytes, text, strlen(text));
	bytes_append(bytes, "'", 1);
}

void bytes_clean(struct bytes *bytes, const char *text)
{
	size_t len = strlen(text);

	if (!bytes_reserve(bytes, len + 1))
		return;
	memcpy(bytes->data + bytes->len, text, len + 1);
	output_clean(bytes->data + bytes->len);
	bytes->len += len;
}

void bytes_free(struct bytes *bytes)
{
	if (bytes->data) {
		explicit_bzero(bytes->data, bytes->cap);
		free(bytes->data);
	}
	*bytes = (struct bytes){ 0 };
}
