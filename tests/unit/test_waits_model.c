/* Random requests, changes and ends of connections: every request is answered once, and when it should be. The
 * seed is fixed, and printed with a failure. */
#include "waits_test.h"

#define PEERS 8
#define STEPS 4000
#define SEED  20240613u

struct model {
	struct world *world;
	struct world_run run;
	uint32_t random, last_id;
	struct peer_end peers[PEERS];
	uint32_t waiting[PEERS]; /* the request that waits, or 0 */
};

static unsigned pick(struct model *model, unsigned below)
{
	model->random = model->random * 1664525u + 1013904223u;
	return (unsigned)(((uint64_t)model->random * below) >> 32);
}

/* A wait that must wait, and now and then a request in front of it or behind it. */
static void step_ask(struct model *model, unsigned at)
{
	struct world *world = model->world;
	struct buf frames = frames_begin(world);
	uint32_t first = ++model->last_id, wait = ++model->last_id, last = ++model->last_id;
	unsigned with = pick(model, 4);

	if (with & 1)
		FRAME(&frames, first, ListSecrets);
	FRAME(&frames, wait, WaitForChange, .after_revision = world->core.revision,
	      .timeout_ms = HOUR_MS);
	if (with & 2)
		FRAME(&frames, last, WaitForChange, .after_revision = 0, .timeout_ms = HOUR_MS);
	peer_send(world, &model->peers[at], body_of(&frames));
	world_turn(world);
	if (with & 1)
		peer_expect(world, &model->peers[at], first, COFFER_OK);
	if (model->waiting[at] != 0)
		expect_answer(world, &model->peers[at], model->waiting[at], false);
	model->waiting[at] = wait;
	if (with & 2)
		expect_answer(world, &model->peers[at], last, true);
}

static void step_change(struct model *model, const char *scope, bool seen)
{
	struct world *world = model->world;

	world_put(world, scope, "A", TEXT("v"));
	world_turn(world);
	for (unsigned i = 0; seen && i < PEERS; i++) {
		if (model->waiting[i] != 0)
			expect_answer(world, &model->peers[i], model->waiting[i], true);
		model->waiting[i] = 0;
	}
}

static void step_leave(struct model *model, unsigned at, bool half)
{
	struct world *world = model->world;
	struct peer_end *peer = &model->peers[at];

	if (half) {
		shutdown(peer->fd, SHUT_WR);
		world_turn(world);
		if (model->waiting[at] != 0)
			expect_answer(world, peer, model->waiting[at], false);
		peer_expect_nothing(peer, true);
	}
	peer_leave(peer);
	world_turn(world);
	model->waiting[at] = 0;
	*peer = join(world, &model->run);
}

static void every_request_is_answered_once_and_when_it_should_be(void **state)
{
	struct model *model = calloc(1, sizeof(*model));
	struct world *world = *state;

	assert_non_null(model);
	print_message("seed %u\n", SEED);
	model->world = world;
	model->random = SEED;
	model->run = world_run(world, "p", NEVER);
	for (unsigned i = 0; i < PEERS; i++)
		model->peers[i] = join(world, &model->run);
	for (int step = 0; step < STEPS; step++) {
		unsigned what = pick(model, 20), at = pick(model, PEERS);
		size_t waits = 0;
		if (what < 12)
			step_ask(model, at);
		else if (what < 18)
			step_change(model, what & 1 ? "pipeline/q" : "global", !(what & 1));
		else
			step_leave(model, at, what & 1);
		for (unsigned i = 0; i < PEERS; i++) {
			peer_expect_nothing(&model->peers[i], false);
			waits += model->waiting[i] != 0;
		}
		for (struct wait *wait = world->net.waits; wait != NULL; wait = wait->next)
			waits--;
		assert_int_equal(waits, 0);
	}
	for (unsigned i = 0; i < PEERS; i++)
		peer_leave(&model->peers[i]);
	free(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LISTENING(every_request_is_answered_once_and_when_it_should_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
