#include "sample.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

uint64_t sample_now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

bool sample_make(struct sample *out, size_t cap)
{
	*out = (struct sample){ calloc(cap, sizeof(*out->ns)), 0, cap };
	if (out->ns == NULL) {
		(void)fprintf(stderr, "coffer-bench: no memory for %zu durations\n", cap);
		*out = (struct sample){ 0 };
		return false;
	}
	memset(out->ns, 0xff, cap * sizeof(*out->ns));
	return true;
}

void sample_free(struct sample *sample)
{
	free(sample->ns);
	*sample = (struct sample){ 0 };
}

void sample_add(struct sample *sample, uint64_t ns)
{
	sample->ns[sample->len++] = ns;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

void sample_print(struct sample *sample, size_t round, const char *label)
{
	uint64_t sum = 0, p50 = 0, p99 = 0;
	size_t n = sample->len;

	qsort(sample->ns, n, sizeof(*sample->ns), compare);
	for (size_t i = 0; i < n; i++)
		sum += sample->ns[i];
	if (n > 0) {
		p50 = sample->ns[n / 2];
		p99 = sample->ns[n * 99 / 100];
	}
	(void)printf("%zu\t%s\t%zu\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\n", round, label, n, p50,
		     p99, n > 0 ? sum / n : 0);
	sample->len = 0;
}
