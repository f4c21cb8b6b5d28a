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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
