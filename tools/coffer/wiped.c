#include "wiped.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The header that remembers how much to wipe keeps what follows aligned for any type. */
#define HEADER sizeof(max_align_t)

size_t wiped_size(const void *data)
{
	size_t size;

	memcpy(&size, (const char *)data - HEADER, sizeof(size));
	return size;
}

void *wiped_malloc(size_t size)
{
	char *block = size > SIZE_MAX - HEADER ? NULL : malloc(HEADER + size);

	if (!block)
		return NULL;
	memcpy(block, &size, sizeof(size));
	return block + HEADER;
}

void *wiped_calloc(size_t count, size_t size)
{
	void *data = size > 0 && count > SIZE_MAX / size ? NULL : wiped_malloc(count * size);

	if (data)
		memset(data, 0, count * size);
	return data;
}

void *wiped_realloc(void *data, size_t size)
{
	void *moved = wiped_malloc(size);

	if (!data || !moved)
		return moved;
	memcpy(moved, data, wiped_size(data) < size ? wiped_size(data) : size);
	wiped_free(data);
	return moved;
}

char *wiped_strdup(const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = wiped_malloc(size);

	return copy ? memcpy(copy, text, size) : NULL;
}

void wiped_free(void *data)
{
	if (!data)
		return;
	char *block = (char *)data - HEADER;
	explicit_bzero(block, HEADER + wiped_size(data));
	free(block);
}
