#include "rpc/latency.h"

#include <stddef.h>

/* The first power of two that is cut into parts, and into how many, as powers of two themselves. */
#define FIRST_POWER 11
#define PART_POWER  3
#define PARTS       (1u << PART_POWER)

static size_t part_of(uint64_t ns)
{
	unsigned power;
	size_t part;

	if (ns < 1u << FIRST_POWER)
		return (size_t)(ns >> (FIRST_POWER - PART_POWER));
	power = 63 - (unsigned)__builtin_clzll(ns);
	part = (power - FIRST_POWER + 1) * PARTS + ((ns >> (power - PART_POWER)) & (PARTS - 1));
	return part < LATENCY_PARTS ? part : LATENCY_PARTS - 1;
}

/* Where the part behind it begins. */
static uint64_t end_of(size_t part)
{
	size_t power = part / PARTS, within = part % PARTS + 1;

	if (power == 0)
		return within << (FIRST_POWER - PART_POWER);
	return (uint64_t)(PARTS + within) << (FIRST_POWER - PART_POWER + power - 1);
}

void latency_add(struct latency *latency, int64_t ns)
{
	uint64_t took = ns > 0 ? (uint64_t)ns : 0;
	uint32_t *part = &latency->parts[part_of(took)];

	latency->total_ns += took;
	if (++*part < UINT32_MAX)
		return;
	for (size_t i = 0; i < LATENCY_PARTS; i++)
		latency->parts[i] /= 2;
}

uint32_t latency_quantile_us(const struct latency *latency, unsigned per_mille)
{
	uint64_t all = 0, wanted, seen = 0;
	size_t part = 0;

	for (size_t i = 0; i < LATENCY_PARTS; i++)
		all += latency->parts[i];
	if (all == 0)
		return 0;
	wanted = (all * per_mille + 999) / 1000;
	while ((seen += latency->parts[part]) < wanted)
		part++;
	return (uint32_t)((end_of(part) + 999) / 1000);
}
