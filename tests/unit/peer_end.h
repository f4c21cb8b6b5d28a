/* peer_end.h - a client's end of a connection to the world's net, driven turn by turn. For tests. */
#ifndef PEER_END_H
#define PEER_END_H

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "frame.h"
#include "net/conn.h"
#include "world_test.h"

#define INBOX_MAX (8u << 20)

struct peer_end {
	int fd;
	struct conn *conn; /* its other end, while that lives */
	uint8_t *inbox;
	size_t len, read; /* bytes that arrived; bytes of them that peer_next has handed out */
	bool eof;
};

static inline struct peer_end peer_join(struct world *world, rpc_service service)
{
	struct peer_end peer = { .inbox = malloc(INBOX_MAX) };
	int ends[2];

	assert_non_null(peer.inbox);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends),
			 0);
	peer.fd = ends[1];
	conn_accept(&world->net, ends[0], service);
	peer.conn = world->net.all;
	return peer;
}

static inline void peer_leave(struct peer_end *peer)
{
	if (peer->fd >= 0)
		close(peer->fd);
	free(peer->inbox);
	*peer = (struct peer_end){ .fd = -1 };
}

/* Closes the socket; what had arrived can still be looked at. */
static inline void peer_hang_up(struct peer_end *peer)
{
	close(peer->fd);
	peer->fd = -1;
}

static inline void peer_receive(struct peer_end *peer)
{
	ssize_t n;

	while ((n = recv(peer->fd, peer->inbox + peer->len, INBOX_MAX - peer->len, 0)) > 0)
		peer->len += (size_t)n;
	peer->eof |= n == 0 || (n < 0 && errno == ECONNRESET);
}

/* Sends bytes, while the daemon takes them. */
static inline void peer_send(struct world *world, struct peer_end *peer, struct slice bytes)
{
	for (int turns = 0; bytes.len > 0; turns++) {
		ssize_t n = send(peer->fd, bytes.data, bytes.len, MSG_NOSIGNAL);
		assert_true(n > 0 || errno == EAGAIN);
		assert_true(turns < 100000);
		if (n > 0)
			bytes = (struct slice){ bytes.data + n, bytes.len - (size_t)n };
		else
			world_turn(world);
	}
}

/* Appends a request frame to frames, an array of some MiB that the caller owns. */
static inline void frame_add(struct buf *frames, uint32_t id, const char *method,
			     const pb_msgdesc_t *fields, const void *message)
{
	struct buf body = body_begin();

	must(codec_append(&body, fields, message));
	must(codec_append_request(frames, id, slice_str(method), body_of(&body)));
}

#define FRAME(frames, id, name, ...)                                   \
	frame_add(frames, id, #name, coffer_v1_##name##Request_fields, \
		  &(coffer_v1_##name##Request){ __VA_ARGS__ })

/* A buffer for frames, in the world's own for requests. */
static inline struct buf frames_begin(struct world *world)
{
	return (struct buf){ world->request, 0, 4u << 20 };
}

/* The next reply that is whole; false if there is none. */
static inline bool peer_next(struct world *world, struct peer_end *peer,
			     coffer_v1_Response *response)
{
	struct slice rest = { peer->inbox + peer->read, peer->len - peer->read };
	size_t header, body;

	if (frame_parse(rest, world->rpc.frame_max, &header, &body) != COFFER_OK ||
	    header + body > rest.len)
		return false;
	must(codec_decode((struct slice){ rest.data + header, body }, coffer_v1_Response_fields,
			  response, sizeof(*response)));
	peer->read += header + body;
	return true;
}

/* The next reply has arrived, and has that id and code. */
static inline void peer_expect(struct world *world, struct peer_end *peer, uint32_t id,
			       coffer_err code)
{
	coffer_v1_Response response;

	peer_receive(peer);
	assert_true(peer_next(world, peer, &response));
	assert_int_equal(response.id, id);
	assert_int_equal(response.code, code);
}

/* Nothing more has arrived than was expected, and the daemon has (not) closed. */
static inline void peer_expect_nothing(struct peer_end *peer, bool closed)
{
	peer_receive(peer);
	assert_int_equal(peer->len - peer->read, 0);
	assert_int_equal(peer->eof, closed);
}

static inline void peer_hello(struct world *world, struct peer_end *peer, const char *token)
{
	struct buf frames = frames_begin(world);

	FRAME(&frames, 1, Hello, .protocol = 1, .token = TEXT(token));
	peer_send(world, peer, body_of(&frames));
	world_turn(world);
	peer_expect(world, peer, 1, COFFER_OK);
}

/* Lets time pass, for the connections' deadlines, to that moment; or for so long from now. */
static inline void pass_until(struct world *world, int64_t now_ms)
{
	struct deadline *due;

	while ((due = deadlines_due(&world->net.deadlines, now_ms)) != NULL)
		conn_expire((struct conn *)((char *)due - offsetof(struct conn, deadline)), now_ms);
	world_turn(world);
}

static inline void pass(struct world *world, int64_t ms)
{
	pass_until(world, clock_mono_ms() + ms);
}

static inline int listening_setup_with(void **state, const struct world_options *options)
{
	if (world_setup_with(state, options) != 0)
		return -1;
	world_listen(*state);
	return 0;
}

static inline int listening_setup(void **state)
{
	return listening_setup_with(state, NULL);
}

#define LISTENING(name) cmocka_unit_test_setup_teardown(name, listening_setup, world_teardown)

#endif
