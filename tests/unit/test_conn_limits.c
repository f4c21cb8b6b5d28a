/* Connections: how many, how much memory, how long. */
#include "net/conn.h"

#include "peer_end.h"

#define LARGE 60000

static struct world_run put_large(struct world *world)
{
	uint8_t *value = malloc(LARGE);

	assert_non_null(value);
	memset(value, 'v', LARGE);
	world_put(world, "global", "LARGE", (struct slice){ value, LARGE });
	world_put(world, "global", "SMALL", TEXT("a value"));
	free(value);
	return world_run(world, "p", NEVER);
}

/* --- limits ------------------------------------------------------------------------------------------------ */

static int few_setup(void **state)
{
	static const struct world_options options = { .connections_per_uid = 3 };

	return listening_setup_with(state, &options);
}

static void a_uid_has_a_greatest_number_of_connections(void **state)
{
	struct world *world = *state;
	struct peer_end peers[3], fourth, admin;

	for (size_t i = 0; i < CASES(peers); i++)
		peers[i] = peer_join(world, SERVICE_RUNNER);
	fourth = peer_join(world, SERVICE_RUNNER);
	peer_expect(world, &fourth, 0, COFFER_RESOURCE_EXHAUSTED);
	peer_expect_nothing(&fourth, true);
	peer_leave(&fourth);
	admin = peer_join(world, SERVICE_OPERATOR); /* jobs cannot lock the operator out */
	world_turn(world);
	peer_expect_nothing(&admin, false);
	peer_leave(&admin);
	peer_leave(&peers[1]);
	world_turn(world);
	fourth = peer_join(world, SERVICE_RUNNER);
	world_turn(world);
	peer_expect_nothing(&fourth, false);
	peer_leave(&fourth);
	peer_leave(&peers[0]);
	peer_leave(&peers[2]);
}

static int full_setup(void **state)
{
	static const struct world_options options = { .connections = 2 };

	return listening_setup_with(state, &options);
}

static void there_is_a_greatest_number_of_connections(void **state)
{
	struct world *world = *state;
	struct peer_end first = peer_join(world, SERVICE_RUNNER),
			second = peer_join(world, SERVICE_RUNNER),
			third = peer_join(world, SERVICE_RUNNER);

	peer_expect(world, &third, 0, COFFER_RESOURCE_EXHAUSTED);
	peer_expect_nothing(&third, true);
	peer_leave(&first);
	peer_leave(&second);
	peer_leave(&third);
}

static int small_setup(void **state)
{
	static const struct world_options options = { .arena_bytes = 1 << 20 };

	return listening_setup_with(state, &options);
}

/* Joins PEERS times and begins a frame each time, after Hello if there is a token. Returns how many of them
 * were refused the memory for it; what they hold is never more than max. */
static size_t begin_frames(struct world *world, const char *token, struct slice begin, size_t max)
{
	enum { PEERS = 20 };
	struct peer_end peers[PEERS];
	size_t base = arena_used(world->arena), refused = 0;

	for (size_t i = 0; i < PEERS; i++) {
		peers[i] = peer_join(world, SERVICE_RUNNER);
		if (token != NULL)
			peer_hello(world, &peers[i], token);
		peer_send(world, &peers[i], begin);
		world_turn(world);
		peer_receive(&peers[i]);
		if (peers[i].len > peers[i].read) {
			peer_expect(world, &peers[i], 0, COFFER_RESOURCE_EXHAUSTED);
			peer_expect_nothing(&peers[i], true);
			refused++;
		}
		assert_true(arena_used(world->arena) - base <= max);
	}
	for (size_t i = 0; i < PEERS; i++)
		peer_leave(&peers[i]);
	world_turn(world);
	assert_int_equal(arena_used(world->arena), base);
	assert_null(world->net.uids.rows);
	return refused;
}

/* Frames that are announced and never finished: memory is lent for them, to one uid half of it at most. */
static void what_one_uid_holds_is_bounded(void **state)
{
	struct world *world = *state;
	struct world_run run = put_large(world);
	size_t refused = begin_frames(world, run.token, TEXT("\x80\xa0\x04x"), /* frame_max */
				      arena_size(world->arena) / 2);

	assert_in_range(refused, 1, 19);
}

static void before_hello_next_to_nothing_is_lent(void **state)
{
	struct world *world = *state;
	size_t refused;

	assert_int_equal(begin_frames(world, NULL, TEXT("\x80\xa0\x04x"), 0), 20);
	refused = begin_frames(world, NULL, TEXT("\x40x"), arena_size(world->arena) / 32);
	assert_in_range(refused, 1, 19);
}

/* --- time --------------------------------------------------------------------------------------------------- */

static void a_peer_has_five_seconds_to_say_hello(void **state)
{
	struct world *world = *state;
	struct peer_end peer = peer_join(world, SERVICE_RUNNER);
	struct buf frames = frames_begin(world);
	int64_t at_ms = peer.conn->deadline.at_ms;

	FRAME(&frames, 1, Hello, .protocol = 1, .token = TEXT("none"));
	FRAME(&frames, 2, ListSecrets);
	frames.data[frames.len++] = 77; /* a frame is begun */
	peer_send(world, &peer, body_of(&frames));
	world_turn(world);
	peer_expect(world, &peer, 1, COFFER_UNAUTHENTICATED);
	peer_expect(world, &peer, 2, COFFER_UNAUTHENTICATED);
	/* None of that was an authority. */
	assert_int_equal(peer.conn->deadline.kind, DEADLINE_HELLO);
	assert_int_equal(peer.conn->deadline.at_ms, at_ms);
	pass(world, 5000);
	peer_expect_nothing(&peer, true);
	assert_null(world->net.all);
	peer_leave(&peer);
}

/* Slow-loris: a byte now and then does not buy time. */
static void a_frame_has_ten_seconds_to_be_finished(void **state)
{
	struct world *world = *state;
	struct world_run run = put_large(world);
	struct peer_end peer = peer_join(world, SERVICE_RUNNER);
	int64_t at_ms;

	peer_hello(world, &peer, run.token);
	assert_int_equal(peer.conn->deadline.kind, DEADLINE_IDLE);
	peer_send(world, &peer, TEXT("\x20"));
	world_turn(world);
	assert_int_equal(peer.conn->deadline.kind, DEADLINE_FRAME);
	at_ms = peer.conn->deadline.at_ms;
	for (int i = 0; i < 10; i++) {
		peer_send(world, &peer, TEXT("x"));
		world_turn(world);
	}
	assert_int_equal(peer.conn->deadline.at_ms, at_ms);
	pass(world, 10000);
	peer_expect_nothing(&peer, true);
	peer_leave(&peer);
}

static void a_peer_may_be_idle_for_a_minute(void **state)
{
	struct world *world = *state;
	struct world_run run = put_large(world);
	struct peer_end peer = peer_join(world, SERVICE_RUNNER),
			admin = peer_join(world, SERVICE_OPERATOR);

	peer_hello(world, &peer, run.token);
	assert_int_equal(admin.conn->deadline.kind, DEADLINE_IDLE);
	pass(world, 30000);
	peer_expect_nothing(&peer, false);
	pass(world, 60000);
	peer_expect_nothing(&peer, true);
	peer_expect_nothing(&admin, true);
	peer_leave(&peer);
	peer_leave(&admin);
}

static void a_reply_has_ten_seconds_to_be_taken(void **state)
{
	struct world *world = *state;
	struct world_run run = put_large(world);
	struct peer_end peer = peer_join(world, SERVICE_RUNNER);
	struct buf frames = frames_begin(world);
	size_t base = arena_used(world->arena);

	peer_hello(world, &peer, run.token);
	frames.len = 0;
	for (uint32_t id = 2; id < 30; id++)
		FRAME(&frames, id, GetSecret, .name = TEXT("LARGE"));
	peer_send(world, &peer, body_of(&frames));
	world_turn(world);
	assert_int_equal(peer.conn->deadline.kind, DEADLINE_DRAIN);
	pass(world, 10000);
	assert_null(world->net.all);
	assert_int_equal(arena_used(world->arena), base);
	peer_leave(&peer);
}

/* A2: guessing is slow, whoever else is served. */
static void refusals_beyond_the_limit_are_delayed(void **state)
{
	struct world *world = *state;
	struct world_run run = put_large(world);
	struct peer_end bad = peer_join(world, SERVICE_RUNNER),
			good = peer_join(world, SERVICE_RUNNER);
	struct buf frames = frames_begin(world);
	uint32_t id;

	bad.conn->uid->since_ms = clock_mono_ms() + 3600000; /* this second does not end */
	peer_hello(world, &good, run.token);
	frames.len = 0;
	for (id = 1; id <= UIDS_REFUSALS + 2; id++)
		FRAME(&frames, id, Hello, .protocol = 1, .token = TEXT("none"));
	peer_send(world, &bad, body_of(&frames));
	world_turn(world);
	/* What was answered together waits together; the request behind is not served. */
	peer_expect_nothing(&bad, false);
	assert_int_equal(bad.conn->deadline.kind, DEADLINE_DELAY);
	assert_int_equal(bad.conn->uid->refusals, UIDS_REFUSALS + 1);
	frames.len = 0;
	FRAME(&frames, 2, GetSecret, .name = TEXT("SMALL"));
	peer_send(world, &good, body_of(&frames));
	world_turn(world);
	peer_expect(world, &good, 2, COFFER_OK);
	pass_until(world, bad.conn->deadline.at_ms - 1);
	peer_expect_nothing(&bad, false);
	pass_until(world, bad.conn->deadline.at_ms);
	for (id = 1; id <= UIDS_REFUSALS + 1; id++)
		peer_expect(world, &bad, id, COFFER_UNAUTHENTICATED);
	pass(world, 1001);
	peer_expect(world, &bad, id, COFFER_UNAUTHENTICATED);
	peer_leave(&bad);
	peer_leave(&good);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_uid_has_a_greatest_number_of_connections,
						few_setup, world_teardown),
		cmocka_unit_test_setup_teardown(there_is_a_greatest_number_of_connections,
						full_setup, world_teardown),
		cmocka_unit_test_setup_teardown(what_one_uid_holds_is_bounded, small_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(before_hello_next_to_nothing_is_lent, small_setup,
						world_teardown),
		LISTENING(a_peer_has_five_seconds_to_say_hello),
		LISTENING(a_frame_has_ten_seconds_to_be_finished),
		LISTENING(a_peer_may_be_idle_for_a_minute),
		LISTENING(a_reply_has_ten_seconds_to_be_taken),
		LISTENING(refusals_beyond_the_limit_are_delayed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
