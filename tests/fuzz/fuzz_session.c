/* A whole session: bytes of a peer through sockets, framing, dispatch, core and store, and the replies
 * back. The first byte chooses the socket (bit 0) and how the rest is cut into writes (bits 1 to 7).
 * The store holds a grant whose token is 32 times 'T' and some secrets; it is made anew from time to time,
 * so that one input's changes do not pile up for ever. */
#include "check.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "frame.h"
#include "net/conn.h"
#include "world.h"

#define INPUTS_PER_STORE 2000

#define TOKEN "TTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTT"
#define ID    "00000000-0000-7000-8000-000000000000"

static struct world world;
static unsigned inputs;

static void open_world(void)
{
	static const struct world_options options = { .connections = 16,
						      .connections_per_uid = 16 };

	world_open(&world, &options);
	world_put(&world, "global", "A", SLICE_LITERAL("a value of a secret"));
	world_put(&world, "pipeline/p", "B", SLICE_LITERAL("a value of a secret"));
	(void)world_run(&world, "p", INT64_MAX);
	world_grant(&world, ID, GRANT_RUN, TOKEN, "pipeline/p\nglobal");
	world_listen(&world);
}

static void at_exit(void)
{
	if (inputs > 0)
		world_close(&world);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	log_set_level(LOG_ERROR);
	return atexit(at_exit);
}

static void next_input(void)
{
	if (inputs == INPUTS_PER_STORE) {
		world_close(&world);
		inputs = 0;
	}
	if (inputs++ == 0)
		open_world();
}

/* The peer's side of the contract: replies are whole frames of at most the announced size. */
static void read_replies(int fd)
{
	static uint8_t replies[1 << 20];
	static size_t len;
	size_t at = 0, header, body;
	ssize_t n;
	coffer_err err;

	while (len < sizeof(replies) &&
	       (n = recv(fd, replies + len, sizeof(replies) - len, MSG_DONTWAIT)) > 0)
		len += (size_t)n;
	for (;; at += header + body) {
		err = frame_parse((struct slice){ replies + at, len - at }, world.rpc.frame_max,
				  &header, &body);
		CHECK(err != COFFER_INVALID_ARGUMENT);
		if (err != COFFER_OK || header + body > len - at)
			break;
	}
	memmove(replies, replies + at, len - at);
	len = fd < 0 ? 0 : len - at;
}

static void run_session(int fd, const uint8_t *data, size_t size, size_t step)
{
	for (size_t at = 0; at < size; at += step) {
		size_t len = size - at < step ? size - at : step;
		if (send(fd, data + at, len, MSG_NOSIGNAL | MSG_DONTWAIT) <= 0)
			break;
		ev_run(world.loop, EVRUN_NOWAIT);
		read_replies(fd);
	}
	shutdown(fd, SHUT_WR);
	for (int i = 0; i < 3; i++) {
		world_turn(&world);
		read_replies(fd);
	}
	close(fd);
	read_replies(-1);
}

/* A connection whose refusals are held back outlives its peer until its time is up: the time of all. */
static void close_all(void)
{
	int64_t later_ms = clock_mono_ms() + 3600000;

	world_turn(&world);
	while (world.net.all != NULL) {
		conn_expire(world.net.all, later_ms);
		world_turn(&world);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t step, base;
	int ends[2];

	if (size < 2)
		return 0;
	next_input();
	base = arena_used(world.arena);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
	step = data[0] >> 1 == 0 ? size : (size_t)(data[0] >> 1);
	conn_accept(&world.net, ends[0], data[0] & 1 ? SERVICE_OPERATOR : SERVICE_RUNNER);
	run_session(ends[1], data + 1, size - 1, step);
	close_all();
	CHECK(!world.rpc.fatal);
	CHECK(arena_used(world.arena) == base);
	CHECK(world.core.grants == NULL && world.rpc.connections == 0);
	return 0;
}
