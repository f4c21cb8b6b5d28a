/* Connections: bytes in, bytes out, memory that is lent, and time. */
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

/* --- in ---------------------------------------------------------------------------------------------------- */

/* The bytes of an unfinished frame stand in a page that is lent, and are gone from it afterwards. */
static void requests_may_come_byte_by_byte(void **state)
{
	struct world *world = *state;
	struct world_run run = put_large(world);
	size_t base = arena_used(world->arena);
	struct peer_end peer = peer_join(world, SERVICE_RUNNER);
	struct buf frames = frames_begin(world);
	uint8_t *page = NULL, *again;

	FRAME(&frames, 1, Hello, .protocol = 1, .token = TEXT(run.token));
	FRAME(&frames, 2, GetSecret, .name = TEXT("SMALL"));
	for (size_t i = 0; i < frames.len; i++) {
		peer_send(world, &peer, (struct slice){ frames.data + i, 1 });
		world_turn(world);
		if (i == 20) {
			assert_int_equal(arena_used(world->arena), base + ARENA_PAGE);
			page = peer.conn->in.data;
			assert_int_equal(peer.conn->in.len, 21);
		}
	}
	peer_expect(world, &peer, 1, COFFER_OK);
	peer_expect(world, &peer, 2, COFFER_OK);
	assert_int_equal(arena_used(world->arena), base);
	again = arena_take(world->arena, ARENA_PAGE);
	assert_ptr_equal(again, page);
	for (size_t i = 0; i < ARENA_PAGE; i++)
		assert_int_equal(again[i], 0);
	arena_give(world->arena, again, ARENA_PAGE, 0);
	peer_leave(&peer);
}

static void several_requests_may_come_in_one_write(void **state)
{
	struct world *world = *state;
	struct world_run run = put_large(world);
	struct peer_end peer = peer_join(world, SERVICE_RUNNER);
	struct buf frames = frames_begin(world);

	FRAME(&frames, 1, Hello, .protocol = 1, .token = TEXT(run.token));
	for (uint32_t id = 2; id < 500; id++)
		FRAME(&frames, id, GetSecret, .name = TEXT("SMALL"));
	peer_send(world, &peer, body_of(&frames));
	world_turn(world);
	for (uint32_t id = 1; id < 500; id++)
		peer_expect(world, &peer, id, COFFER_OK);
	peer_expect_nothing(&peer, false);
	peer_leave(&peer);
}

/* Every cut of two requests into two writes. */
static void a_request_may_be_cut_anywhere(void **state)
{
	struct world *world = *state;
	struct world_run run = put_large(world);
	struct buf frames = frames_begin(world);
	size_t base = arena_used(world->arena);

	FRAME(&frames, 1, Hello, .protocol = 1, .token = TEXT(run.token));
	FRAME(&frames, 2, GetSecret, .name = TEXT("SMALL"));
	for (size_t cut = 1; cut < frames.len; cut++) {
		struct peer_end peer = peer_join(world, SERVICE_RUNNER);
		peer_send(world, &peer, (struct slice){ frames.data, cut });
		world_turn(world);
		peer_send(world, &peer, (struct slice){ frames.data + cut, frames.len - cut });
		world_turn(world);
		peer_expect(world, &peer, 1, COFFER_OK);
		peer_expect(world, &peer, 2, COFFER_OK);
		peer_leave(&peer);
		world_turn(world);
		assert_int_equal(arena_used(world->arena), base);
	}
}

/* One reply, and the end, before anything of the body is kept. */
static void a_bad_length_ends_the_connection(void **state)
{
	static const struct slice lengths[] = {
		SLICE_LITERAL("\x00"),                 /* zero */
		SLICE_LITERAL("\x80\x00"),             /* zero in two bytes */
		SLICE_LITERAL("\x81\x00"),             /* one in two bytes */
		SLICE_LITERAL("\x81\x80\x00"),         /* one in three */
		SLICE_LITERAL("\x81\xa0\x04"),         /* frame_max + 1 */
		SLICE_LITERAL("\xff\xff\x7f"),         /* 2 MiB - 1 */
		SLICE_LITERAL("\x80\x80\x80\x01"),     /* four bytes */
		SLICE_LITERAL("\x80\x80\x80\x80\x08"), /* 2^31 */
	};
	struct world *world = *state;
	size_t base = arena_used(world->arena);

	assert_int_equal(world->rpc.frame_max, 69632);
	for (size_t i = 0; i < CASES(lengths); i++) {
		for (int piecewise = 0; piecewise < 2; piecewise++) {
			struct peer_end peer = peer_join(world, SERVICE_RUNNER);
			for (size_t k = 0; piecewise && k + 1 < lengths[i].len && k < 2; k++) {
				peer_send(world, &peer, (struct slice){ lengths[i].data + k, 1 });
				world_turn(world);
			}
			if (piecewise)
				peer_send(world, &peer,
					  (struct slice){ lengths[i].data + lengths[i].len - 1,
							  lengths[i].len > 3 ? 0 : 1 });
			if (piecewise && lengths[i].len > 3)
				peer_send(world, &peer, (struct slice){ lengths[i].data + 2, 1 });
			if (!piecewise)
				peer_send(world, &peer, lengths[i]);
			world_turn(world);
			peer_expect(world, &peer, 0, COFFER_INVALID_ARGUMENT);
			peer_expect_nothing(&peer, true);
			assert_int_equal(arena_used(world->arena), base);
			assert_null(world->net.all);
			peer_leave(&peer);
		}
	}
}

static void a_bad_length_behind_good_requests_leaves_them_answered(void **state)
{
	struct world *world = *state;
	struct world_run run = put_large(world);
	struct peer_end peer = peer_join(world, SERVICE_RUNNER);
	struct buf frames = frames_begin(world);

	FRAME(&frames, 1, Hello, .protocol = 1, .token = TEXT(run.token));
	FRAME(&frames, 2, GetSecret, .name = TEXT("SMALL"));
	frames.data[frames.len++] = 0;
	FRAME(&frames, 3, GetSecret, .name = TEXT("SMALL"));
	peer_send(world, &peer, body_of(&frames));
	world_turn(world);
	peer_expect(world, &peer, 1, COFFER_OK);
	peer_expect(world, &peer, 2, COFFER_OK);
	peer_expect(world, &peer, 0, COFFER_INVALID_ARGUMENT);
	peer_expect_nothing(&peer, true);
	peer_leave(&peer);
}

static void a_frame_of_the_greatest_length_is_read(void **state)
{
	struct world *world = *state;
	struct peer_end peer = peer_join(world, SERVICE_OPERATOR);
	size_t base = arena_used(world->arena), max = world->rpc.frame_max;
	struct buf frames = frames_begin(world), body;
	uint8_t *padding = calloc(1, max);

	assert_non_null(padding);
	/* A field that is not known, and skipped, makes the body as long as is wanted. */
	for (size_t len = max - 20;; len++) {
		body = body_begin();
		frames.len = 0;
		must(codec_append_bytes(&body, 1000, (struct slice){ padding, len }));
		must(codec_append_request(&frames, 1, TEXT("Status"), body_of(&body)));
		if (frames.len == max + 3)
			break;
	}
	peer_send(world, &peer, body_of(&frames));
	world_turn(world);
	peer_expect(world, &peer, 1, COFFER_OK);
	peer_send(world, &peer, (struct slice){ frames.data, frames.len - 1 });
	world_turn(world);
	assert_true(arena_used(world->arena) > base);
	peer_expect_nothing(&peer, false);
	peer_send(world, &peer, (struct slice){ frames.data + frames.len - 1, 1 });
	world_turn(world);
	peer_expect(world, &peer, 1, COFFER_OK);
	assert_int_equal(arena_used(world->arena), base);
	free(padding);
	peer_leave(&peer);
}

/* --- out --------------------------------------------------------------------------------------------------- */

static void a_peer_that_does_not_read_is_not_read(void **state)
{
	enum { REQUESTS = 60 };
	struct world *world = *state;
	struct world_run run = put_large(world);
	struct peer_end peer = peer_join(world, SERVICE_RUNNER);
	struct buf frames = frames_begin(world);
	size_t base = arena_used(world->arena);
	uint64_t calls;

	peer_hello(world, &peer, run.token);
	frames.len = 0;
	for (uint32_t id = 2; id < 2 + REQUESTS; id++)
		FRAME(&frames, id, GetSecret, .name = TEXT("LARGE"));
	peer_send(world, &peer, body_of(&frames));
	world_turn(world);
	calls = world->rpc.counters[0].calls;
	assert_in_range(calls, 1, REQUESTS - 1);
	assert_int_equal(peer.conn->io.events, EV_WRITE);
	assert_true(peer.conn->out.len > 0 && peer.conn->in.len > 0);
	assert_true(arena_used(world->arena) - base <= 4 * (world->rpc.frame_max + ARENA_PAGE));
	world_turn(world);
	assert_int_equal(world->rpc.counters[0].calls, calls);
	for (uint32_t id = 2; id < 2 + REQUESTS; id++) {
		coffer_v1_Response response;
		peer_receive(&peer);
		for (int turns = 0; !peer_next(world, &peer, &response); turns++) {
			assert_true(turns < 100);
			world_turn(world);
			peer_receive(&peer);
		}
		assert_int_equal(response.id, id);
		assert_int_equal(response.code, coffer_v1_Code_OK);
		assert_true(response.body.len > LARGE);
	}
	world_turn(world);
	assert_int_equal(arena_used(world->arena), base);
	assert_int_equal(peer.conn->io.events, EV_READ);
	peer_leave(&peer);
}

static void a_half_closed_peer_gets_its_replies(void **state)
{
	struct world *world = *state;
	struct world_run run = put_large(world);

	for (int large = 0; large < 2; large++) {
		struct peer_end peer = peer_join(world, SERVICE_RUNNER);
		struct buf frames = frames_begin(world);
		uint32_t last = large ? 20 : 2;
		FRAME(&frames, 1, Hello, .protocol = 1, .token = TEXT(run.token));
		for (uint32_t id = 2; id <= last; id++)
			FRAME(&frames, id, GetSecret, .name = TEXT(large ? "LARGE" : "SMALL"));
		peer_send(world, &peer, body_of(&frames));
		shutdown(peer.fd, SHUT_WR);
		for (int turns = 0; turns < 100 && !peer.eof; turns++) {
			world_turn(world);
			peer_receive(&peer);
		}
		for (uint32_t id = 1; id <= last; id++)
			peer_expect(world, &peer, id, COFFER_OK);
		peer_expect_nothing(&peer, true);
		assert_null(world->net.all);
		peer_leave(&peer);
	}
}

static void half_a_request_is_not_waited_for_when_no_more_can_come(void **state)
{
	struct world *world = *state;
	struct peer_end peer = peer_join(world, SERVICE_RUNNER);
	size_t base = arena_used(world->arena);

	peer_send(world, &peer, TEXT("\x30half of it"));
	world_turn(world);
	shutdown(peer.fd, SHUT_WR);
	world_turn(world);
	peer_expect_nothing(&peer, true);
	assert_int_equal(arena_used(world->arena), base);
	peer_leave(&peer);
}

static void a_peer_that_leaves_before_its_reply_is_forgotten(void **state)
{
	struct world *world = *state;
	struct world_run run = put_large(world);
	size_t base = arena_used(world->arena);
	struct buf frames;

	for (int sent = 0; sent < 3; sent++) {
		struct peer_end peer = peer_join(world, SERVICE_RUNNER);
		peer_hello(world, &peer, run.token);
		frames = frames_begin(world);
		for (uint32_t id = 2; id < 20; id++)
			FRAME(&frames, id, GetSecret, .name = TEXT("LARGE"));
		peer_send(world, &peer, body_of(&frames));
		if (sent == 1)
			ev_run(world->loop, EVRUN_NOWAIT); /* read, not answered */
		if (sent == 2)
			world_turn(world); /* answered as far as the socket takes it */
		peer_leave(&peer);
		world_turn(world);
		assert_null(world->net.all);
		assert_null(world->core.grants);
		assert_int_equal(arena_used(world->arena), base);
	}
	assert_int_equal(world->rpc.connections, 0);
}

/* H1: no reply without its record. */
static void a_reply_whose_record_cannot_be_written_does_not_leave(void **state)
{
	struct world *world = *state;
	struct world_run run = put_large(world);
	struct peer_end peer = peer_join(world, SERVICE_RUNNER);
	struct buf frames = frames_begin(world);

	peer_hello(world, &peer, run.token);
	log_block(world);
	frames.len = 0;
	FRAME(&frames, 2, GetSecret, .name = TEXT("SMALL"));
	peer_send(world, &peer, body_of(&frames));
	world_turn(world);
	peer_expect_nothing(&peer, true);
	log_unblock();
	peer_leave(&peer);
}

static void after_a_fatal_failure_no_reply_leaves_and_the_loop_ends(void **state)
{
	struct world *world = *state;
	struct world_run run = put_large(world);
	struct peer_end peer = peer_join(world, SERVICE_RUNNER);
	struct buf frames = frames_begin(world);

	peer_hello(world, &peer, run.token);
	frames.len = 0;
	FRAME(&frames, 2, GetSecret, .name = TEXT("SMALL"));
	peer_send(world, &peer, body_of(&frames));
	ev_run(world->loop, EVRUN_NOWAIT);
	world->rpc.fatal = true;
	ev_run(world->loop, 0); /* returns */
	peer_expect_nothing(&peer, true);
	world->rpc.fatal = false;
	peer_leave(&peer);
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
	pass(world, 999);
	peer_expect_nothing(&bad, false);
	pass(world, 1001);
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
		LISTENING(requests_may_come_byte_by_byte),
		LISTENING(several_requests_may_come_in_one_write),
		LISTENING(a_request_may_be_cut_anywhere),
		LISTENING(a_bad_length_ends_the_connection),
		LISTENING(a_bad_length_behind_good_requests_leaves_them_answered),
		LISTENING(a_frame_of_the_greatest_length_is_read),
		LISTENING(a_peer_that_does_not_read_is_not_read),
		LISTENING(a_half_closed_peer_gets_its_replies),
		LISTENING(half_a_request_is_not_waited_for_when_no_more_can_come),
		LISTENING(a_peer_that_leaves_before_its_reply_is_forgotten),
		LISTENING(a_reply_whose_record_cannot_be_written_does_not_leave),
		LISTENING(after_a_fatal_failure_no_reply_leaves_and_the_loop_ends),
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
