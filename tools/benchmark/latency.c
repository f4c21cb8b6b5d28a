#include "latency.h"

#include <stdlib.h>

#include "sample.h"
#include "talk.h"

/* Round trips before the first slice, for caches and branch predictors. */
#define WARM_UP 500

static bool slice_run(struct target *target, size_t count, bool visit, struct sample *sample)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t start = sample_now_ns();
		bool ok = visit ? talk_visit(target) : talk_ask(target);

		sample_add(sample, sample_now_ns() - start);
		if (!ok || !talk_check(target))
			return false;
	}
	return true;
}

static bool warm_up(struct target *target, bool visit, struct sample *sample)
{
	size_t count = sample->cap < WARM_UP ? sample->cap : WARM_UP;
	bool ok = talk_learn(target);

	if (visit)
		talk_close(target);
	ok = ok && slice_run(target, count, visit, sample);
	sample->len = 0;
	return ok;
}

static bool round_run(const struct latency_plan *plan, bool visit, struct target *targets,
		      struct sample *samples, size_t len)
{
	for (size_t s = 0; s < plan->slices; s++)
		for (size_t i = 0; i < len; i++)
			if (!slice_run(&targets[i], plan->count, visit, &samples[i]))
				return false;
	return true;
}

bool latency_measure(const struct latency_plan *plan, bool visit, struct target *targets,
		     size_t targets_len)
{
	struct sample *samples = calloc(targets_len, sizeof(*samples));
	bool ok = samples != NULL;

	for (size_t i = 0; i < targets_len && ok; i++)
		ok = sample_make(&samples[i], plan->slices * plan->count) &&
		     warm_up(&targets[i], visit, &samples[i]);
	for (size_t round = 0; round < plan->rounds && ok; round++) {
		ok = round_run(plan, visit, targets, samples, targets_len);
		for (size_t i = 0; i < targets_len && ok; i++)
			sample_print(&samples[i], round, targets[i].label);
	}
	for (size_t i = 0; i < targets_len; i++) {
		talk_close(&targets[i]);
		if (samples != NULL)
			sample_free(&samples[i]);
	}
	free(samples);
	return ok;
}
