#include "core/cache.h"

#include <stdlib.h>

struct cache_entry {
	struct store_secret row; /* its slices point into text */
	bool present;
	uint8_t text[]; /* scope, name, sealed record */
};

static uint64_t mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
	return hash ^ hash >> 32;
}

/* Eight bytes at a time: a request looks for a name in several scopes. */
static uint64_t hash_add(uint64_t hash, struct slice text)
{
	uint64_t word = 0;
	size_t at = 0;

	for (; text.len - at >= sizeof(word); at += sizeof(word)) {
		memcpy(&word, text.data + at, sizeof(word));
		hash = mix(hash, word);
	}
	word = text.len - at;
	for (; at < text.len; at++)
		word = word << 8 | text.data[at];
	return mix(hash, word);
}

/* Who could choose names that collide is an operator, and would only make look-ups as slow as they are without a
 * cache. */
static size_t slot_of(struct slice scope, struct slice name)
{
	return (size_t)(hash_add(hash_add(0, scope), name) % CACHE_SLOTS);
}

void cache_init(struct cache *cache)
{
	memset(cache, 0, sizeof(*cache));
	cache->empty = true;
}

bool cache_find(const struct cache *cache, struct slice scope, struct slice name,
		struct store_secret *row, coffer_err *err)
{
	const struct cache_entry *entry = cache->slots[slot_of(scope, name)];

	if (entry == NULL || !slice_equal(entry->row.name, name) ||
	    !slice_equal(entry->row.scope, scope))
		return false;
	*row = entry->row;
	*err = entry->present ? COFFER_OK : COFFER_NOT_FOUND;
	return true;
}

static struct slice append(struct cache_entry *entry, size_t *at, struct slice bytes)
{
	struct slice copy = { entry->text + *at, bytes.len };

	if (bytes.len > 0)
		memcpy(entry->text + *at, bytes.data, bytes.len);
	*at += bytes.len;
	return copy;
}

void cache_keep(struct cache *cache, struct slice scope, struct slice name,
		const struct store_secret *row)
{
	struct cache_entry **slot = &cache->slots[slot_of(scope, name)], *entry;
	struct slice sealed = row ? row->sealed : SLICE_EMPTY;
	struct slice note = row ? row->note : SLICE_EMPTY;
	size_t at = 0;

	if (sealed.len + note.len > CACHE_SEALED_MAX)
		return;
	if ((entry = malloc(sizeof(*entry) + scope.len + name.len + sealed.len + note.len)) == NULL)
		return;
	entry->row = row ? *row : (struct store_secret){ .version = 0 };
	entry->present = row != NULL;
	entry->row.scope = append(entry, &at, scope);
	entry->row.name = append(entry, &at, name);
	entry->row.sealed = append(entry, &at, sealed);
	entry->row.note = append(entry, &at, note);
	free(*slot);
	*slot = entry;
	cache->empty = false;
}

void cache_clear(struct cache *cache)
{
	if (cache->empty)
		return;
	for (size_t i = 0; i < CACHE_SLOTS; i++)
		free(cache->slots[i]);
	cache_init(cache);
}
