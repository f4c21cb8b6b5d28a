/* Requests that wait: what wakes them, what goes on meanwhile, and what ends them. */
#include "net/waits.h"

#include "core/grants.h"
#include "waits_test.h"

#define LARGE 60000

/* Asks for a change after the current revision. */
static void ask_for_change(struct world *world, struct peer_end *peer, uint32_t id,
			   uint32_t timeout_ms)
{
	struct buf frames = frames_begin(world);

	FRAME(&frames, id, WaitForChange, .after_revision = world->core.revision,
	      .timeout_ms = timeout_ms);
	peer_send(world, peer, body_of(&frames));
	world_turn(world);
}

static struct peer_end join_and_wait(struct world *world, const struct world_run *run, uint32_t id)
{
	struct peer_end peer = join(world, run);

	ask_for_change(world, &peer, id, HOUR_MS);
	peer_expect_nothing(&peer, false);
	assert_non_null(peer.conn->wait);
	return peer;
}

static void put_frame(struct buf *frames, uint32_t id, const char *name)
{
	coffer_v1_SecretWrite write = { .name = TEXT(name), .value = TEXT("v") };
	struct buf body = body_begin();

	must(codec_append(&body, coffer_v1_PutSecretRequest_fields,
			  &(coffer_v1_PutSecretRequest){ .scope = TEXT("global") }));
	must(codec_append_message(&body, coffer_v1_PutSecretRequest_writes_tag,
				  coffer_v1_SecretWrite_fields, &write));
	must(codec_append_request(frames, id, TEXT("PutSecret"), body_of(&body)));
}

/* --- what wakes --------------------------------------------------------------------------------------------- */

/* One turn reads the change, and its end sends the answers: no second wake-up of the loop is needed. */
static void a_change_is_answered_in_the_turn_that_made_it(void **state)
{
	struct world *world = *state;
	struct world_run run = world_run(world, "p", NEVER);
	struct peer_end waiting = join_and_wait(world, &run, 5),
			operator_end = peer_join(world, SERVICE_OPERATOR);
	struct buf frames = frames_begin(world);

	put_frame(&frames, 9, "A");
	peer_send(world, &operator_end, body_of(&frames));
	ev_run(world->loop, EVRUN_NOWAIT); /* reads */
	ev_run(world->loop, EVRUN_NOWAIT); /* ends the turn first */
	peer_expect(world, &operator_end, 9, COFFER_OK);
	expect_answer(world, &waiting, 5, true);
	assert_null(waiting.conn->wait);
	peer_leave(&waiting);
	peer_leave(&operator_end);
}

/* A request that is served in the turn's end, behind replies that fill the turn, may be the change: if it were
 * not followed there, it would be when something else wakes the loop. */
static void a_change_behind_large_replies_is_answered_as_soon(void **state)
{
	struct world *world = *state;
	struct world_run run = world_run(world, "p", NEVER);
	struct peer_end waiting = join(world, &run),
			operator_end = peer_join(world, SERVICE_OPERATOR);
	struct buf frames = frames_begin(world);
	uint8_t *value = calloc(1, LARGE);

	assert_non_null(value);
	world_put(world, "global", "LARGE", (struct slice){ value, LARGE });
	free(value);
	ask_for_change(world, &waiting, 5, HOUR_MS);
	for (uint32_t id = 1; id < 3; id++)
		FRAME(&frames, id, RevealSecret, .scope = TEXT("global"), .name = TEXT("LARGE"));
	put_frame(&frames, 9, "A");
	peer_send(world, &operator_end, body_of(&frames));
	ev_run(world->loop, EVRUN_NOWAIT);
	assert_int_equal(world->core.events, 1); /* the change is not served yet */
	ev_run(world->loop, EVRUN_NOWAIT);
	expect_answer(world, &waiting, 5, true);
	peer_leave(&waiting);
	peer_leave(&operator_end);
}

static void what_the_run_does_not_see_wakes_nobody(void **state)
{
	struct world *world = *state;
	struct world_run run = world_run(world, "p", NEVER), other = world_run(world, "q", NEVER);
	struct peer_end peer = join_and_wait(world, &run, 5),
			others = join_and_wait(world, &other, 6);
	uint64_t seq = trail_head(world->trail)->seq;

	world_put(world, "pipeline/q", "A", TEXT("v"));
	world_turn(world);
	peer_expect_nothing(&peer, false);
	assert_false(peer.conn->wait->woken);
	expect_answer(world, &others, 6, true);
	assert_int_equal(trail_head(world->trail)->seq, seq + 1);
	world_put(world, "pipeline/p", "A", TEXT("v"));
	world_turn(world);
	expect_answer(world, &peer, 5, true);
	peer_leave(&peer);
	peer_leave(&others);
}

static void one_change_wakes_all_who_see_it(void **state)
{
	enum { PEERS = 60 };
	struct world *world = *state;
	struct world_run run = world_run(world, "p", NEVER);
	struct peer_end peers[PEERS];

	for (uint32_t i = 0; i < PEERS; i++)
		peers[i] = join_and_wait(world, &run, 10 + i);
	world_put(world, "global", "A", TEXT("v"));
	ev_run(world->loop, EVRUN_NOWAIT);
	for (uint32_t i = 0; i < PEERS; i++) {
		expect_answer(world, &peers[i], 10 + i, true);
		peer_leave(&peers[i]);
	}
	assert_null(world->net.waits);
}

/* Time that passes here is real. */
static void wait_for_its_end(struct world *world, const struct peer_end *peer)
{
	while (peer->conn->wait != NULL) {
		ev_run(world->loop, EVRUN_ONCE);
		world_turn(world);
	}
}

static void time_ends_a_wait_without_a_change(void **state)
{
	struct world *world = *state;
	struct world_run run = world_run(world, "p", NEVER);
	struct peer_end peer = join(world, &run), longer = join_and_wait(world, &run, 6);

	ask_for_change(world, &peer, 5, 20);
	wait_for_its_end(world, &peer);
	expect_answer(world, &peer, 5, false);
	peer_expect_nothing(&longer, false);
	peer_leave(&peer);
	peer_leave(&longer);
}

/* A5 */
static void the_end_of_a_run_ends_its_waits_and_no_others(void **state)
{
	struct world *world = *state;
	struct world_run run = world_run(world, "p", NEVER), other = world_run(world, "q", NEVER);
	struct peer_end first = join_and_wait(world, &run, 5),
			second = join_and_wait(world, &run, 6),
			others = join_and_wait(world, &other, 7);

	must(core_begin(&world->core));
	must(grants_end(&world->core, TEXT(run.id), GRANT_REVOKED));
	must(core_commit(&world->core));
	world_turn(world);
	peer_expect(world, &first, 5, COFFER_UNAUTHENTICATED);
	peer_expect(world, &second, 6, COFFER_UNAUTHENTICATED);
	peer_expect_nothing(&others, false);
	assert_non_null(others.conn->wait);
	peer_leave(&first);
	peer_leave(&second);
	peer_leave(&others);
}

/* A5: at its millisecond, though nobody has noticed yet. */
static void the_expiry_of_a_token_ends_its_wait(void **state)
{
	struct world *world = *state;
	struct world_run run = world_run(world, "p", NEVER);
	struct peer_end peer = join(world, &run);

	peer.conn->session.grant->expires_ms = clock_wall_ms() + 50;
	ask_for_change(world, &peer, 5, HOUR_MS);
	wait_for_its_end(world, &peer);
	peer_expect(world, &peer, 5, COFFER_UNAUTHENTICATED);
	peer_leave(&peer);
}

/* --- what goes on meanwhile --------------------------------------------------------------------------------- */

static void other_requests_are_answered_while_one_waits(void **state)
{
	struct world *world = *state;
	struct world_run run = world_run(world, "p", NEVER);
	struct peer_end peer = peer_join(world, SERVICE_RUNNER);
	struct buf frames = frames_begin(world);

	world_put(world, "global", "A", TEXT("v"));
	FRAME(&frames, 1, Hello, .protocol = 1, .token = TEXT(run.token));
	FRAME(&frames, 2, WaitForChange, .after_revision = world->core.revision,
	      .timeout_ms = HOUR_MS);
	FRAME(&frames, 3, GetSecret, .name = TEXT("A"));
	peer_send(world, &peer, body_of(&frames));
	world_turn(world);
	peer_expect(world, &peer, 1, COFFER_OK);
	peer_expect(world, &peer, 3, COFFER_OK);
	peer_expect_nothing(&peer, false);
	frames.len = 0;
	FRAME(&frames, 4, ListSecrets);
	FRAME(&frames, 5, WaitForChange, .after_revision = 0);
	peer_send(world, &peer, body_of(&frames));
	world_turn(world);
	peer_expect(world, &peer, 4, COFFER_OK);
	expect_answer(world, &peer, 5, true);
	peer_expect_nothing(&peer, false);
	world_put(world, "global", "A", TEXT("v"));
	world_turn(world);
	expect_answer(world, &peer, 2, true);
	peer_leave(&peer);
}

static void a_second_wait_ends_the_first(void **state)
{
	struct world *world = *state;
	struct world_run run = world_run(world, "p", NEVER);
	struct peer_end peer = join(world, &run);
	struct buf frames = frames_begin(world);

	for (uint32_t id = 5; id < 8; id++)
		FRAME(&frames, id, WaitForChange, .after_revision = 1, .timeout_ms = HOUR_MS);
	peer_send(world, &peer, body_of(&frames));
	world_turn(world);
	expect_answer(world, &peer, 5, false);
	expect_answer(world, &peer, 6, false);
	peer_expect_nothing(&peer, false);
	assert_ptr_equal(world->net.waits, peer.conn->wait);
	assert_null(world->net.waits->next);
	world_put(world, "global", "A", TEXT("v"));
	world_turn(world);
	expect_answer(world, &peer, 7, true);
	assert_null(world->net.waits);
	peer_leave(&peer);
}

/* The peer owes nothing while it waits; but a frame that it begins must come to its end. */
static void a_wait_outlives_the_idle_deadline_but_half_a_frame_does_not(void **state)
{
	struct world *world = *state;
	struct world_run run = world_run(world, "p", NEVER);
	struct peer_end peer = join_and_wait(world, &run, 5), idle = join(world, &run);

	pass(world, HOUR_MS);
	peer_expect_nothing(&peer, false);
	peer_expect_nothing(&idle, true);
	world_put(world, "global", "A", TEXT("v"));
	world_turn(world);
	expect_answer(world, &peer, 5, true);
	ask_for_change(world, &peer, 6, HOUR_MS);
	peer_send(world, &peer, TEXT("\x30half of it"));
	world_turn(world);
	pass(world, 9000);
	peer_expect_nothing(&peer, false);
	pass(world, 11000);
	peer_expect_nothing(&peer, true);
	assert_null(world->net.waits);
	peer_leave(&peer);
	peer_leave(&idle);
}

static void after_its_answer_a_connection_is_idle(void **state)
{
	struct world *world = *state;
	struct world_run run = world_run(world, "p", NEVER);
	struct peer_end peer = join_and_wait(world, &run, 5);

	assert_int_equal(peer.conn->deadline.kind, DEADLINE_NONE);
	world_put(world, "global", "A", TEXT("v"));
	world_turn(world);
	expect_answer(world, &peer, 5, true);
	assert_int_equal(peer.conn->deadline.kind, DEADLINE_IDLE);
	peer_leave(&peer);
}

/* Nothing can be appended to replies that the socket did not take: the answer comes when they have left. */
static void an_answer_comes_behind_replies_that_were_not_taken(void **state)
{
	enum { REQUESTS = 12 };
	struct world *world = *state;
	struct world_run run = world_run(world, "p", NEVER);
	struct peer_end peer = join(world, &run);
	struct buf frames = frames_begin(world);
	uint8_t *value = calloc(1, LARGE);

	assert_non_null(value);
	world_put(world, "global", "LARGE", (struct slice){ value, LARGE });
	free(value);
	FRAME(&frames, 50, WaitForChange, .after_revision = world->core.revision,
	      .timeout_ms = HOUR_MS);
	for (uint32_t id = 2; id < 2 + REQUESTS; id++)
		FRAME(&frames, id, GetSecret, .name = TEXT("LARGE"));
	peer_send(world, &peer, body_of(&frames));
	world_turn(world);
	assert_true(peer.conn->out.len > 0);
	world_put(world, "global", "A", TEXT("v"));
	world_turn(world);
	assert_non_null(peer.conn->wait);
	for (uint32_t id = 2, answers = 0; id < 2 + REQUESTS || answers == 0;) {
		coffer_v1_Response response;
		peer_receive(&peer);
		for (int turns = 0; !peer_next(world, &peer, &response); turns++) {
			assert_true(turns < 100);
			world_turn(world);
			peer_receive(&peer);
		}
		assert_int_equal(response.code, coffer_v1_Code_OK);
		if (response.id == 50)
			answers++;
		else
			assert_int_equal(response.id, id++);
		assert_true(answers <= 1);
	}
	peer_expect_nothing(&peer, false);
	peer_leave(&peer);
}

/* Here nothing else is left to be done for the connection. */
static void an_answer_comes_when_the_last_reply_has_left(void **state)
{
	struct world *world = *state;
	struct world_run run = world_run(world, "p", NEVER);
	struct peer_end peer = join(world, &run);
	uint8_t *value = calloc(1, LARGE);
	uint32_t id = 100;

	assert_non_null(value);
	world_put(world, "global", "LARGE", (struct slice){ value, LARGE });
	free(value);
	ask_for_change(world, &peer, 5, HOUR_MS);
	while (peer.conn->out.len == 0) {
		struct buf frames = frames_begin(world);
		FRAME(&frames, id++, GetSecret, .name = TEXT("LARGE"));
		peer_send(world, &peer, body_of(&frames));
		world_turn(world);
	}
	assert_int_equal(peer.conn->in.len, 0);
	world_put(world, "global", "A", TEXT("v"));
	world_turn(world);
	for (uint32_t k = 100; k < id; k++) {
		peer_receive(&peer);
		world_turn(world);
		peer_expect(world, &peer, k, COFFER_OK);
	}
	expect_answer(world, &peer, 5, true);
	peer_expect_nothing(&peer, false);
	peer_leave(&peer);
}

/* --- what ends ---------------------------------------------------------------------------------------------- */

static void who_sends_no_more_is_answered_as_it_stands(void **state)
{
	struct world *world = *state;
	struct world_run run = world_run(world, "p", NEVER);
	struct peer_end peer = join_and_wait(world, &run, 5);
	struct buf frames = frames_begin(world);

	FRAME(&frames, 6, ListSecrets);
	FRAME(&frames, 7, WaitForChange, .after_revision = 1, .timeout_ms = HOUR_MS);
	peer_send(world, &peer, body_of(&frames));
	shutdown(peer.fd, SHUT_WR);
	world_turn(world);
	peer_expect(world, &peer, 6, COFFER_OK);
	expect_answer(world, &peer, 5, false);
	expect_answer(world, &peer, 7, false);
	peer_expect_nothing(&peer, true);
	assert_null(world->net.all);
	peer_leave(&peer);
}

static void a_wait_that_is_woken_twice_is_answered_once(void **state)
{
	struct world *world = *state;
	struct world_run run = world_run(world, "p", NEVER);
	struct peer_end peer = join_and_wait(world, &run, 5);

	shutdown(peer.fd, SHUT_WR);
	ev_run(world->loop, EVRUN_NOWAIT); /* sees the end */
	assert_true(peer.conn->wait->woken);
	world_put(world, "global", "A", TEXT("v"));
	world_turn(world);
	expect_answer(world, &peer, 5, true);
	peer_expect_nothing(&peer, true);
	peer_leave(&peer);
}

static void who_leaves_leaves_nothing_behind(void **state)
{
	struct world *world = *state;
	struct world_run run = world_run(world, "p", NEVER);
	size_t base = arena_used(world->arena);

	for (int with_change = 0; with_change < 2; with_change++) {
		struct peer_end peer = join_and_wait(world, &run, 5), other = join(world, &run);
		ask_for_change(world, &other, 5, 1);
		peer_leave(&peer);
		peer_leave(&other);
		if (with_change)
			world_put(world, "global", "A", TEXT("v"));
		world_turn(world);
		assert_null(world->net.all);
		assert_null(world->net.waits);
		assert_null(world->core.grants);
		assert_int_equal(arena_used(world->arena), base);
		assert_int_equal(world->rpc.connections, 0);
	}
}

static void a_bad_frame_ends_the_wait_with_the_connection(void **state)
{
	struct world *world = *state;
	struct world_run run = world_run(world, "p", NEVER);
	struct peer_end peer = join_and_wait(world, &run, 5);

	peer_send(world, &peer, SLICE_LITERAL("\x00"));
	world_turn(world);
	peer_expect(world, &peer, 0, COFFER_INVALID_ARGUMENT);
	peer_expect_nothing(&peer, true);
	assert_null(world->net.waits);
	peer_leave(&peer);
}

/* What is kept of a request is bounded: one of a hundred bytes and more is answered as it stands. */
static void a_request_that_is_too_long_does_not_wait(void **state)
{
	struct world *world = *state;
	struct world_run run = world_run(world, "p", NEVER);
	struct peer_end peer = join_and_wait(world, &run, 5);
	struct buf frames = frames_begin(world), body = body_begin();

	must(codec_append(&body, coffer_v1_WaitForChangeRequest_fields,
			  &(coffer_v1_WaitForChangeRequest){ 1, HOUR_MS }));
	must(codec_append_bytes(&body, 1000, (struct slice){ frames.data, WAITS_MESSAGE_MAX }));
	must(codec_append_request(&frames, 6, TEXT("WaitForChange"), body_of(&body)));
	peer_send(world, &peer, body_of(&frames));
	world_turn(world);
	expect_answer(world, &peer, 6, false);
	peer_expect_nothing(&peer, false);
	assert_non_null(peer.conn->wait);
	peer_leave(&peer);
}

static void a_request_of_the_largest_numbers_can_wait(void **state)
{
	struct world *world = *state;
	struct world_run run = world_run(world, "p", NEVER);
	struct peer_end peer = join(world, &run);

	must(store_begin(world->store));
	must(store_revision_put(world->store, INT64_MAX - 1));
	must(store_commit(world->store));
	core_destroy(&world->core);
	must(core_init(&world->core));
	world->core.grants = peer.conn->session.grant;
	ask_for_change(world, &peer, UINT32_MAX, UINT32_MAX);
	assert_non_null(peer.conn->wait);
	assert_true(peer.conn->wait->message.len <= WAITS_MESSAGE_MAX / 2);
	peer_leave(&peer);
}

static void a_drain_answers_all_who_wait(void **state)
{
	struct world *world = *state;
	struct world_run run = world_run(world, "p", NEVER);
	struct peer_end first = join_and_wait(world, &run, 5),
			second = join_and_wait(world, &run, 6), late = join(world, &run);
	struct buf frames = frames_begin(world);

	FRAME(&frames, 7, WaitForChange, .after_revision = 1, .timeout_ms = HOUR_MS);
	peer_send(world, &late, body_of(&frames));
	net_drain(&world->net);
	ev_run(world->loop, 0); /* returns when all are gone */
	assert_null(world->net.all);
	expect_answer(world, &first, 5, false);
	expect_answer(world, &second, 6, false);
	expect_answer(world, &late, 7, false);
	peer_expect_nothing(&first, true);
	peer_expect_nothing(&second, true);
	peer_expect_nothing(&late, true);
	peer_leave(&first);
	peer_leave(&second);
	peer_leave(&late);
}

/* A loop that is broken in the middle of a turn has connections that were answered, and such that were woken. */
static void a_close_in_the_middle_of_a_turn_leaves_nothing(void **state)
{
	struct world *world = *state;
	struct world_run run = world_run(world, "p", NEVER);
	struct peer_end woken = join_and_wait(world, &run, 5),
			waiting = join_and_wait(world, &run, 6), asking = join(world, &run);
	struct buf frames = frames_begin(world);

	FRAME(&frames, 7, ListSecrets);
	peer_send(world, &asking, body_of(&frames));
	conn_read(asking.conn);
	conn_wake(woken.conn);
	net_close(&world->net);
	ev_loop_destroy(world->loop);
	world->loop = NULL;
	peer_expect(world, &asking, 7, COFFER_OK);
	peer_expect_nothing(&woken, true);
	peer_expect_nothing(&waiting, true);
	assert_int_equal(world->rpc.connections, 0);
	peer_leave(&woken);
	peer_leave(&waiting);
	peer_leave(&asking);
}

/* H1: no answer without its record. */
static void an_answer_whose_record_cannot_be_written_does_not_leave(void **state)
{
	struct world *world = *state;
	struct world_run run = world_run(world, "p", NEVER);
	struct peer_end peer = join_and_wait(world, &run, 5);

	world_put(world, "global", "A", TEXT("v"));
	log_block(world);
	world_turn(world);
	peer_expect_nothing(&peer, true);
	log_unblock();
	peer_leave(&peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LISTENING(a_change_is_answered_in_the_turn_that_made_it),
		LISTENING(a_change_behind_large_replies_is_answered_as_soon),
		LISTENING(what_the_run_does_not_see_wakes_nobody),
		LISTENING(one_change_wakes_all_who_see_it),
		LISTENING(time_ends_a_wait_without_a_change),
		LISTENING(the_end_of_a_run_ends_its_waits_and_no_others),
		LISTENING(the_expiry_of_a_token_ends_its_wait),
		LISTENING(other_requests_are_answered_while_one_waits),
		LISTENING(a_second_wait_ends_the_first),
		LISTENING(a_wait_outlives_the_idle_deadline_but_half_a_frame_does_not),
		LISTENING(after_its_answer_a_connection_is_idle),
		LISTENING(an_answer_comes_behind_replies_that_were_not_taken),
		LISTENING(an_answer_comes_when_the_last_reply_has_left),
		LISTENING(who_sends_no_more_is_answered_as_it_stands),
		LISTENING(a_wait_that_is_woken_twice_is_answered_once),
		LISTENING(who_leaves_leaves_nothing_behind),
		LISTENING(a_bad_frame_ends_the_wait_with_the_connection),
		LISTENING(a_request_that_is_too_long_does_not_wait),
		LISTENING(a_request_of_the_largest_numbers_can_wait),
		LISTENING(a_drain_answers_all_who_wait),
		LISTENING(a_close_in_the_middle_of_a_turn_leaves_nothing),
		LISTENING(an_answer_whose_record_cannot_be_written_does_not_leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
