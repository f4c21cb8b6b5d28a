#include "patterns.h"

#include "memory.h"

#include <stdlib.h>
#include <string.h>

/* Sorting early keeps a value that is registered again and again from piling up. */
#define PATTERNS_SLACK 1024

static coffer_err grow(struct patterns *patterns)
{
	size_t cap = patterns->cap ? 2 * patterns->cap : 64;
	struct pattern *items = memory_take(cap, sizeof(*items));

	if (!items)
		return COFFER_RESOURCE_EXHAUSTED;
	if (patterns->len > 0)
		memcpy(items, patterns->items, patterns->len * sizeof(*items));
	memory_give(patterns->items, patterns->cap, sizeof(*items));
	patterns->items = items;
	patterns->cap = cap;
	return COFFER_OK;
}

coffer_err patterns_add(struct patterns *patterns, const uint8_t *data, size_t len)
{
	uint8_t *copy;

	if (patterns->len >= 2 * patterns->unique + PATTERNS_SLACK)
		patterns_sort(patterns);
	if (len > PATTERNS_BYTES_MAX - patterns->bytes)
		return COFFER_RESOURCE_EXHAUSTED;
	if (patterns->len == patterns->cap && grow(patterns) != COFFER_OK)
		return COFFER_RESOURCE_EXHAUSTED;
	if (!(copy = memory_take(len, 1)))
		return COFFER_RESOURCE_EXHAUSTED;
	memcpy(copy, data, len);
	patterns->items[patterns->len++] = (struct pattern){
		.data = copy,
		.len = (uint32_t)len,
		.age = patterns->ages++,
	};
	patterns->bytes += len;
	return COFFER_OK;
}

static int compare_bytes(const struct pattern *a, const struct pattern *b)
{
	int order = memcmp(a->data, b->data, a->len < b->len ? a->len : b->len);

	return order != 0 ? order : (a->len > b->len) - (a->len < b->len);
}

static int compare(const void *left, const void *right)
{
	const struct pattern *a = left, *b = right;
	int order = compare_bytes(a, b);

	return order != 0 ? order : (a->age > b->age) - (a->age < b->age);
}

void patterns_sort(struct patterns *patterns)
{
	size_t kept = 0;

	if (patterns->len > 0)
		qsort(patterns->items, patterns->len, sizeof(*patterns->items), compare);
	for (size_t i = 0; i < patterns->len; i++) {
		struct pattern *pattern = &patterns->items[i];

		if (kept > 0 && compare_bytes(&patterns->items[kept - 1], pattern) == 0) {
			patterns->bytes -= pattern->len;
			memory_give(pattern->data, pattern->len, 1);
		} else {
			patterns->items[kept++] = *pattern;
		}
	}
	patterns->len = kept;
	patterns->unique = kept;
}

void patterns_free(struct patterns *patterns)
{
	for (size_t i = 0; i < patterns->len; i++)
		memory_give(patterns->items[i].data, patterns->items[i].len, 1);
	memory_give(patterns->items, patterns->cap, sizeof(*patterns->items));
	*patterns = (struct patterns){ 0 };
}
