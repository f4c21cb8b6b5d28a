#include "filter.h"

#include "memory.h"

#include <stdbool.h>
#include <string.h>

/* Bits for each gram in a filter; at least 4 KiB, and at most what a cache of the second level holds. */
#define BITS_PER_GRAM 40
#define WORDS_MIN     512
#define WORDS_MAX     (1U << 16)

/* The lengths that share a filter: from least up to the next row's. A gram of 8 bytes tells more than one of 4,
 * but leaves a short pattern less stride. */
static const struct group {
	uint32_t least;
	uint32_t gram;
} groups[FILTERS] = {
	{ PATTERNS_LEN_MIN, 4 },
	{ 12, 4 },
	{ 16, 8 },
	{ FILTER_LONG, 8 },
};

static inline uint64_t load(const uint8_t *at, size_t gram)
{
	uint64_t wide = 0;
	uint32_t narrow;

	if (gram == 8) {
		memcpy(&wide, at, 8);
		return wide;
	}
	memcpy(&narrow, at, 4);
	return narrow;
}

/* Of the product only the upper bits depend on every byte of the gram: those choose the bit, the next ones the
 * word. */
static inline uint64_t hash(uint64_t gram)
{
	return gram * 0x9e3779b97f4a7c15U;
}

static inline uint64_t second_hash(uint64_t gram)
{
	return (gram ^ gram >> 29) * 0xd6e8feb86659fd93U;
}

static inline uint64_t test(const uint64_t *bits, uint32_t mask, uint64_t hash)
{
	return bits[(hash >> 40) & mask] >> (hash >> 58);
}

static void mark(uint64_t *bits, uint32_t mask, uint64_t hash)
{
	bits[(hash >> 40) & mask] |= (uint64_t)1 << (hash >> 58);
}

static size_t group_of(uint32_t len)
{
	size_t i = FILTERS - 1;

	while (i > 0 && len < groups[i].least)
		i--;
	return i;
}

static coffer_err size_filter(struct filter *filter, const struct group *group, size_t count)
{
	size_t grams;

	filter->gram = group->gram;
	filter->stride = group->least - group->gram + 1;
	grams = count * filter->stride;
	filter->words = WORDS_MIN;
	while (filter->words < WORDS_MAX && (size_t)filter->words * 64 < grams * BITS_PER_GRAM)
		filter->words *= 2;
	filter->bits = memory_take(filter->words, sizeof(*filter->bits));
	filter->second = memory_take(filter->words, sizeof(*filter->second));
	return filter->bits && filter->second ? COFFER_OK : COFFER_RESOURCE_EXHAUSTED;
}

coffer_err filter_build(struct filter out[FILTERS], const struct patterns *patterns)
{
	size_t counts[FILTERS] = { 0 };

	memset(out, 0, FILTERS * sizeof(*out));
	for (size_t i = 0; i < patterns->len; i++)
		counts[group_of(patterns->items[i].len)]++;
	for (size_t i = 0; i < FILTERS; i++) {
		if (counts[i] > 0 && size_filter(&out[i], &groups[i], counts[i]) != COFFER_OK) {
			filter_free(out);
			return COFFER_RESOURCE_EXHAUSTED;
		}
	}
	for (size_t i = 0; i < patterns->len; i++) {
		const struct pattern *pattern = &patterns->items[i];
		struct filter *filter = &out[group_of(pattern->len)];

		for (size_t offset = 0; offset < filter->stride; offset++) {
			uint64_t gram = load(pattern->data + offset, filter->gram);
			mark(filter->bits, filter->words - 1, hash(gram));
			mark(filter->second, filter->words - 1, second_hash(gram));
		}
	}
	return COFFER_OK;
}

void filter_free(struct filter filters[FILTERS])
{
	for (size_t i = 0; i < FILTERS; i++) {
		memory_give(filters[i].bits, filters[i].words, sizeof(*filters[i].bits));
		memory_give(filters[i].second, filters[i].words, sizeof(*filters[i].second));
		filters[i] = (struct filter){ 0 };
	}
}

static inline bool passes(const struct filter *filter, const uint8_t *at, size_t gram_len)
{
	uint64_t gram = load(at, gram_len);
	uint32_t mask = filter->words - 1;

	return test(filter->bits, mask, hash(gram)) &
	       test(filter->second, mask, second_hash(gram)) & 1;
}

/* Compiled once for each gram and stride: as constants they make it twice as fast. */
static inline __attribute__((always_inline)) size_t find(const struct filter *filter,
							 const uint8_t *text, size_t len, size_t at,
							 size_t gram, size_t stride)
{
	const uint64_t *bits = filter->bits;
	uint32_t mask = filter->words - 1;

	for (;;) {
		/* Four positions a branch. */
		while (at + 3 * stride + gram <= len) {
			const uint8_t *p = text + at;
			uint64_t any = test(bits, mask, hash(load(p, gram))) |
				       test(bits, mask, hash(load(p + stride, gram))) |
				       test(bits, mask, hash(load(p + 2 * stride, gram))) |
				       test(bits, mask, hash(load(p + 3 * stride, gram)));
			if (any & 1)
				break;
			at += 4 * stride;
		}
		for (size_t i = 0; i < 4; i++, at += stride)
			if (at + gram > len || passes(filter, text + at, gram))
				return at;
	}
}

size_t filter_find(const struct filter *filter, const uint8_t *text, size_t len, size_t at)
{
	if (filter->stride == 13)
		return find(filter, text, len, at, 8, 13);
	if (filter->gram == 8)
		return find(filter, text, len, at, 8, 9);
	if (filter->stride == 9)
		return find(filter, text, len, at, 4, 9);
	return find(filter, text, len, at, 4, 5);
}
