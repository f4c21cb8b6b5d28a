/* Sockets, turns of the loop, and the end of it. */
#include "net/net.h"

#include "peer_end.h"
#include "told.h"

#define LARGE 60000

static struct world_run put_large(struct world *world)
{
	uint8_t *value = calloc(1, LARGE);

	assert_non_null(value);
	world_put(world, "global", "LARGE", (struct slice){ value, LARGE });
	free(value);
	return world_run(world, "p", NEVER);
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	strcpy(address.sun_path, path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

static size_t connections(const struct world *world)
{
	size_t count = 0;

	for (const struct conn *conn = world->net.all; conn != NULL; conn = conn->next)
		count++;
	return count;
}

static void both_sockets_are_open_with_their_modes_until_the_end(void **state)
{
	struct world *world = *state;
	size_t base = arena_used(world->arena);
	struct stat st;

	world_listen(world);
	assert_int_equal(stat(world->runner, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0666);
	assert_int_equal(stat(world->admin, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	net_close(&world->net);
	ev_loop_destroy(world->loop);
	world->loop = NULL;
	assert_int_equal(access(world->runner, F_OK), -1);
	assert_int_equal(access(world->admin, F_OK), -1);
	assert_int_equal(arena_used(world->arena), base);
}

/* What is opened before the failure is closed; another daemon's sockets stay. */
static void a_failed_start_leaves_nothing_open(void **state)
{
	struct world *world = *state;
	struct net_options options = { .admin_mode = 0600, .admin_group = -1 };
	size_t base;
	struct net second;
	char path[96];

	world_listen(world);
	base = arena_used(world->arena);
	snprintf(path, sizeof(path), "%s/second.sock", world->folder);
	options.runner_socket = path;
	options.admin_socket = world->admin;
	assert_int_equal(net_open(&second, &options, world->loop, &world->rpc),
			 COFFER_ALREADY_EXISTS);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(access(world->admin, F_OK), 0);
	assert_int_equal(arena_used(world->arena), base);
	options.runner_socket = "/nonexistent/s";
	assert_int_equal(net_open(&second, &options, world->loop, &world->rpc), COFFER_UNAVAILABLE);
	assert_int_equal(arena_used(world->arena), base);
}

static int tiny_setup(void **state)
{
	static const struct world_options options = { .arena_bytes = 256 * 1024 };

	return world_setup_with(state, &options);
}

static void an_arena_without_room_for_the_buffers_is_refused(void **state)
{
	struct world *world = *state;
	struct net_options options = { .runner_socket = world->runner,
				       .admin_socket = world->admin };
	size_t base = arena_used(world->arena);
	struct ev_loop *loop = ev_loop_new(EVFLAG_NOENV);
	const char *told;
	coffer_err err;
	int saved = told_begin();

	err = net_open(&world->net, &options, loop, &world->rpc);
	told = told_end(saved);
	assert_int_equal(err, COFFER_RESOURCE_EXHAUSTED);
	assert_non_null(strstr(told, "too small"));
	assert_int_equal(arena_used(world->arena), base);
	assert_int_equal(access(world->runner, F_OK), -1);
	ev_loop_destroy(loop);
}

static void peers_connect_by_path_and_are_told_apart_by_socket(void **state)
{
	struct world *world = *state;
	struct peer_end runner = { .inbox = malloc(INBOX_MAX) },
			admin = { .inbox = malloc(INBOX_MAX) };
	struct buf frames = frames_begin(world);

	assert_true(runner.inbox != NULL && admin.inbox != NULL);
	runner.fd = connect_to(world->runner);
	admin.fd = connect_to(world->admin);
	assert_true(runner.fd >= 0 && admin.fd >= 0);
	FRAME(&frames, 7, Status);
	peer_send(world, &runner, body_of(&frames));
	peer_send(world, &admin, body_of(&frames));
	world_turn(world);
	peer_expect(world, &runner, 7, COFFER_PERMISSION_DENIED);
	peer_expect(world, &admin, 7, COFFER_OK);
	assert_int_equal(world->net.runner_conns, 1);
	assert_int_equal(world->net.admin_conns, 1);
	peer_leave(&runner);
	peer_leave(&admin);
	world_turn(world);
	assert_int_equal(world->net.runner_conns + world->net.admin_conns, 0);
}

/* Many large replies in one turn: the shared buffer is sent and begun anew, and nobody gets another's. */
static void a_turn_larger_than_its_buffer_is_ended_in_between(void **state)
{
	enum { PEERS = 12 };
	struct world *world = *state;
	struct world_run run = put_large(world);
	struct peer_end peers[PEERS];

	for (uint32_t i = 0; i < PEERS; i++) {
		peers[i] = peer_join(world, SERVICE_RUNNER);
		peer_hello(world, &peers[i], run.token);
	}
	for (uint32_t i = 0; i < PEERS; i++) {
		struct buf frames = frames_begin(world);
		FRAME(&frames, 100 + i, GetSecret, .name = TEXT("LARGE"));
		FRAME(&frames, 200 + i, ListSecrets);
		peer_send(world, &peers[i], body_of(&frames));
	}
	world_turn(world);
	for (uint32_t i = 0; i < PEERS; i++) {
		peer_expect(world, &peers[i], 100 + i, COFFER_OK);
		peer_expect(world, &peers[i], 200 + i, COFFER_OK);
		peer_leave(&peers[i]);
	}
	assert_int_equal(world->net.out.len, 0);
	for (size_t i = 0; i < world->net.out.cap; i++)
		assert_int_equal(world->net.out.data[i], 0); /* no value is left behind */
}

/* Without descriptors the listener is not asked again and again, and comes back with the first that is
 * free. */
static void accepting_pauses_without_descriptors_and_resumes(void **state)
{
	struct world *world = *state;
	struct peer_end peer = peer_join(world, SERVICE_RUNNER);
	int fd = connect_to(world->runner), highest = dup(fd);
	struct rlimit limit, low;

	assert_true(fd >= 0 && highest >= 0);
	close(highest);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	low = limit;
	low.rlim_cur = (rlim_t)highest;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	world_turn(world);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_false(world->net.accepting);
	assert_int_equal(connections(world), 1);
	peer_leave(&peer);
	world_turn(world);
	assert_true(world->net.accepting);
	assert_int_equal(connections(world), 1); /* the one that had waited */
	close(fd);
}

static void a_flood_of_connections_is_taken_in_turns(void **state)
{
	enum { PEERS = 60 };
	struct world *world = *state;
	int fds[PEERS];

	for (size_t i = 0; i < PEERS; i++)
		assert_true((fds[i] = connect_to(world->runner)) >= 0);
	ev_run(world->loop, EVRUN_NOWAIT);
	assert_in_range(connections(world), 1, PEERS - 1);
	world_turn(world);
	assert_int_equal(connections(world), PEERS);
	for (size_t i = 0; i < PEERS; i++)
		close(fds[i]);
	world_turn(world);
	assert_int_equal(connections(world), 0);
}

static void a_drain_ends_with_the_last_connection(void **state)
{
	struct world *world = *state;
	struct world_run run = put_large(world);
	struct peer_end idle = peer_join(world, SERVICE_RUNNER),
			asking = peer_join(world, SERVICE_RUNNER),
			begun = peer_join(world, SERVICE_RUNNER);
	struct buf frames = frames_begin(world);

	peer_hello(world, &asking, run.token);
	frames.len = 0;
	FRAME(&frames, 5, GetSecret, .name = TEXT("LARGE"));
	peer_send(world, &asking, body_of(&frames));
	peer_send(world, &begun, TEXT("\x20half"));
	net_drain(&world->net);
	net_drain(&world->net);
	assert_int_equal(connect_to(world->runner), -1);
	ev_run(world->loop, 0); /* returns when all is sent */
	assert_null(world->net.all);
	peer_expect(world, &asking, 5, COFFER_OK);
	peer_expect_nothing(&asking, true);
	peer_expect_nothing(&idle, true);
	peer_expect_nothing(&begun, true);
	peer_leave(&idle);
	peer_leave(&asking);
	peer_leave(&begun);
}

static void a_drain_waits_for_replies_that_were_not_taken(void **state)
{
	struct world *world = *state;
	struct world_run run = put_large(world);
	struct peer_end peer = peer_join(world, SERVICE_RUNNER);
	struct buf frames = frames_begin(world);

	peer_hello(world, &peer, run.token);
	frames.len = 0;
	for (uint32_t id = 2; id < 30; id++)
		FRAME(&frames, id, GetSecret, .name = TEXT("LARGE"));
	peer_send(world, &peer, body_of(&frames));
	world_turn(world);
	net_drain(&world->net);
	world_turn(world);
	assert_int_equal(connections(world), 1);
	for (int turns = 0; turns < 100 && !peer.eof; turns++) {
		peer_receive(&peer);
		world_turn(world);
	}
	assert_true(peer.eof);
	peer_expect(world, &peer, 2, COFFER_OK);
	assert_null(world->net.all);
	peer_leave(&peer);
}

/* To drain one connection may end the turn, and that closes another whose peer has gone: the walk over all
 * of them once followed that one into the list of the closed, and those behind it were never drained. */
static void a_drain_reaches_all_though_some_close_meanwhile(void **state)
{
	enum { BEHIND = 3 };
	struct world *world = *state;
	struct world_run run = put_large(world);
	struct peer_end behind[BEHIND], gone, first;
	struct buf frames;

	for (size_t i = 0; i < BEHIND; i++) {
		behind[i] = peer_join(world, SERVICE_RUNNER);
		peer_hello(world, &behind[i], run.token);
	}
	gone = peer_join(world, SERVICE_RUNNER);
	peer_hello(world, &gone, run.token);
	first = peer_join(world, SERVICE_RUNNER);
	peer_hello(world, &first, run.token);
	frames = frames_begin(world);
	FRAME(&frames, 2, GetSecret, .name = TEXT("LARGE"));
	for (size_t i = 0; i < BEHIND; i++)
		peer_send(world, &behind[i], body_of(&frames));
	peer_send(world, &gone, body_of(&frames));
	peer_send(world, &first, body_of(&frames));
	for (size_t i = 0; i < BEHIND; i++)
		conn_read(behind[i].conn);
	conn_read(gone.conn);
	peer_hang_up(&gone);
	net_drain(&world->net);
	ev_run(world->loop, 0);
	assert_null(world->net.all);
	peer_expect(world, &first, 2, COFFER_OK);
	peer_expect_nothing(&first, true);
	for (size_t i = 0; i < BEHIND; i++) {
		peer_expect(world, &behind[i], 2, COFFER_OK);
		peer_expect_nothing(&behind[i], true);
		peer_leave(&behind[i]);
	}
	peer_leave(&first);
	peer_leave(&gone);
}

static void the_clock_rings_no_later_than_the_nearest_deadline(void **state)
{
	struct world *world = *state;
	int64_t now_ms = clock_mono_ms();
	struct peer_end peer = peer_join(world, SERVICE_RUNNER);

	assert_true(ev_is_active(&world->net.clock));
	assert_int_equal(world->net.clock_ms, peer.conn->deadline.at_ms);
	net_set_clock(&world->net, now_ms + 100000);
	assert_int_equal(world->net.clock_ms, peer.conn->deadline.at_ms);
	peer.conn->deadline.at_ms = now_ms; /* time has passed */
	net_set_clock(&world->net, now_ms);
	while (world->net.all != NULL)
		ev_run(world->loop, EVRUN_ONCE);
	peer_expect_nothing(&peer, true);
	peer_leave(&peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(both_sockets_are_open_with_their_modes_until_the_end),
		CASE(a_failed_start_leaves_nothing_open),
		cmocka_unit_test_setup_teardown(an_arena_without_room_for_the_buffers_is_refused,
						tiny_setup, world_teardown),
		LISTENING(peers_connect_by_path_and_are_told_apart_by_socket),
		LISTENING(a_turn_larger_than_its_buffer_is_ended_in_between),
		LISTENING(accepting_pauses_without_descriptors_and_resumes),
		LISTENING(a_flood_of_connections_is_taken_in_turns),
		LISTENING(a_drain_ends_with_the_last_connection),
		LISTENING(a_drain_waits_for_replies_that_were_not_taken),
		LISTENING(a_drain_reaches_all_though_some_close_meanwhile),
		LISTENING(the_clock_rings_no_later_than_the_nearest_deadline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
