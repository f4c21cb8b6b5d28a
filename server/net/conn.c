#include "net/conn.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "frame.h"
#include "net/loan.h"
#include "net/peer.h"
#include "net/waits.h"
#include "wipe.h"

static size_t frame_room(const struct net *net)
{
	return net->rpc->frame_max + FRAME_HEADER_MAX;
}

/* --- state ---------------------------------------------------------------------------------------------- */

static bool has_whole_frame(const struct conn *conn)
{
	size_t header, body;
	coffer_err err;

	if (conn->in.len == 0)
		return false;
	err = frame_parse((struct slice){ conn->in.data, conn->in.len }, conn->net->rpc->frame_max,
			  &header, &body);
	return err == COFFER_INVALID_ARGUMENT ||
	       (err == COFFER_OK && conn->in.len >= header + body);
}

static bool is_woken(const struct conn *conn)
{
	return conn->wait != NULL && conn->wait->woken;
}

bool conn_is_busy(const struct conn *conn)
{
	return conn->answered || conn->out.len > 0 ||
	       (!conn->closing && (conn->wait != NULL || has_whole_frame(conn)));
}

static void set_events(struct conn *conn, int events)
{
	if (conn->io.events == events && ev_is_active(&conn->io))
		return;
	ev_io_stop(conn->net->loop, &conn->io);
	if (events == 0)
		return;
	ev_io_modify(&conn->io, events);
	ev_io_start(conn->net->loop, &conn->io);
}

static deadline_kind deadline_of(const struct conn *conn)
{
	if (conn->delayed || conn->paused)
		return DEADLINE_DELAY;
	if (conn->out.len > 0)
		return DEADLINE_DRAIN;
	if (!rpc_session_ready(&conn->session))
		return DEADLINE_HELLO;
	if (conn->in.len > 0)
		return DEADLINE_FRAME;
	/* A wait has a timer of its own. */
	return conn->wait != NULL ? DEADLINE_NONE : DEADLINE_IDLE;
}

/* Brings what the loop watches and the deadline in line with the connection's state. progressed: a
 * request was served, so the time for the next one begins now. */
static void settle(struct conn *conn, bool progressed)
{
	struct net *net = conn->net;
	deadline_kind kind = deadline_of(conn);
	int events = 0;

	if (conn->dead)
		return;
	if (conn->out.len > 0)
		events = conn->delayed ? 0 : EV_WRITE;
	else if (!conn->closing && !conn->eof && !conn->paused && !has_whole_frame(conn))
		events = EV_READ;
	set_events(conn, events);
	if (kind == conn->deadline.kind && !(progressed && kind != DEADLINE_HELLO))
		return;
	deadline_set(&net->deadlines, &conn->deadline, kind, clock_mono_ms());
	if (kind != DEADLINE_NONE)
		net_set_clock(net, conn->deadline.at_ms);
}

/* --- out ------------------------------------------------------------------------------------------------ */

static void join_turn(struct conn *conn)
{
	if (conn->answered)
		return;
	conn->answered = true;
	conn->turn_next = conn->net->answered;
	conn->net->answered = conn;
}

/* Room for one more reply of the connection, behind its others of the turn; ends the turn if need be. */
static void make_room(struct conn *conn)
{
	struct net *net = conn->net;
	bool apart = conn->turn_len > 0 && conn->turn_at + conn->turn_len != net->out.len;

	if (apart || net->out.cap - net->out.len < frame_room(net))
		net_end_turn(net);
	if (conn->turn_len == 0)
		conn->turn_at = net->out.len;
}

static void reply_made(struct conn *conn, const struct buf *reply)
{
	conn->net->out.len += reply->len;
	conn->turn_len += reply->len;
	join_turn(conn);
}

static struct buf reply_room(struct net *net)
{
	return (struct buf){ net->out.data + net->out.len, 0, frame_room(net) };
}

static void refuse(struct conn *conn, coffer_err code, const char *text)
{
	struct buf reply;

	make_room(conn);
	conn->closing = true;
	if (conn->dead || conn->out.len > 0)
		return;
	reply = reply_room(conn->net);
	rpc_refuse(&reply, code, text);
	reply_made(conn, &reply);
}

/* Replies that leave nothing unsent, or what is to be sent later in pages of the connection's own. */
static bool send_or_keep(struct conn *conn, const uint8_t *data, size_t len)
{
	ssize_t n = 0;

	if (!conn->delayed)
		n = send(conn->io.fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return false;
	if (n < 0)
		n = 0;
	if ((size_t)n == len)
		return true;
	if (!loan_take(conn, len - (size_t)n, &conn->out))
		return false;
	memcpy(conn->out.data, data + n, len - (size_t)n);
	conn->out.len = len - (size_t)n;
	conn->out_sent = 0;
	return true;
}

static void join_resumed(struct conn *conn)
{
	if (conn->resumed)
		return;
	conn->resumed = true;
	conn->resume_next = conn->net->resumed;
	conn->net->resumed = conn;
}

/* What is next for a connection whose replies have all left. */
static void all_sent(struct conn *conn)
{
	if (conn->paused && !conn->closing)
		return;
	if (!conn->closing && (has_whole_frame(conn) || is_woken(conn)))
		join_resumed(conn);
	else if (conn->closing || conn->eof)
		conn_close(conn);
}

void conn_finish_turn(struct conn *conn, bool send)
{
	struct net *net = conn->net;
	size_t len = conn->turn_len;

	conn->answered = false;
	conn->turn_len = 0;
	if (conn->dead)
		return;
	if (!send || !send_or_keep(conn, net->out.data + conn->turn_at, len)) {
		conn_close(conn);
		return;
	}
	if (conn->out.len == 0)
		all_sent(conn);
	settle(conn, true);
}

static void write_out(struct conn *conn)
{
	size_t left = conn->out.len - conn->out_sent;
	ssize_t n =
	    send(conn->io.fd, conn->out.data + conn->out_sent, left, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		conn_close(conn);
		return;
	}
	if (n > 0)
		conn->out_sent += (size_t)n;
	if (conn->out_sent < conn->out.len)
		return;
	loan_return(conn, &conn->out, conn->out.len);
	all_sent(conn);
	settle(conn, true);
}

/* --- in ------------------------------------------------------------------------------------------------- */

/* Lets the uid's connections wait, each for itself, once its records are more than the rate that jobs may make the
 * audit log grow at: before their next request is looked at, so that nothing is refused or held meanwhile. */
static void count_records(struct conn *conn, uint64_t bytes, int64_t now_ms)
{
	struct net *net = conn->net;

	if (conn->uid == NULL || conn->uid->uid == 0 ||
	    conn->uid->uid == net->rpc->operators.own_uid ||
	    !uids_recorded(&net->uids, conn->uid, bytes, now_ms))
		return;
	conn->paused = true;
	net->rpc->delays++;
}

/* Answers the request, and returns 0, or for how long it may wait. Who sends no more is not let wait. */
static int64_t dispatch(struct conn *conn, struct slice message, int64_t waited_ms)
{
	struct net *net = conn->net;
	struct buf reply = reply_room(net);
	struct rpc_outcome outcome = rpc_dispatch(net->rpc, &conn->session, message,
						  conn->eof ? RPC_ANSWER_NOW : waited_ms, &reply);

	if (outcome.wait_ms > 0)
		return outcome.wait_ms;
	reply_made(conn, &reply);
	conn->closing |= outcome.close;
	if (outcome.refused && conn->uid != NULL)
		conn->delayed |= uids_refused(conn->uid, clock_mono_ms());
	if (outcome.recorded > 0)
		count_records(conn, outcome.recorded, outcome.now_ms);
	return 0;
}

/* A connection has one request that waits: the next one that has to ends the first one's wait. One that cannot
 * be kept is answered as it stands. */
static void answer(struct conn *conn, struct slice message)
{
	int64_t wait_ms = dispatch(conn, message, 0);
	struct wait *wait;

	if (wait_ms == 0)
		return;
	if ((wait = waits_make(conn, message)) == NULL) {
		(void)dispatch(conn, message, RPC_ANSWER_NOW);
		return;
	}
	if (conn->wait != NULL) {
		(void)dispatch(conn, conn->wait->message, RPC_ANSWER_NOW);
		waits_end(conn);
	}
	waits_begin(conn, wait, wait_ms);
}

/* Serves no more than what fits, unsent, into the connection's own memory. */
static bool may_answer(const struct conn *conn)
{
	return !conn->closing && !conn->dead && !conn->delayed && !conn->paused &&
	       conn->out.len == 0 && conn->turn_len < frame_room(conn->net) &&
	       !conn->net->rpc->fatal;
}

/* Answers whole requests at the start of data and returns how many bytes they were. */
static size_t serve(struct conn *conn, struct slice data)
{
	struct net *net = conn->net;
	size_t used = 0, header, body;
	coffer_err err;

	while (may_answer(conn)) {
		struct slice rest = { data.data + used, data.len - used };
		err = frame_parse(rest, net->rpc->frame_max, &header, &body);
		if (err == COFFER_INVALID_ARGUMENT) {
			refuse(conn, err,
			       "the frame is larger than value_max lets it be, or its length is "
			       "zero or not in its shortest form");
			return data.len;
		}
		if (err != COFFER_OK || rest.len < header + body)
			break;
		make_room(conn);
		if (!may_answer(conn))
			break;
		answer(conn, (struct slice){ rest.data + header, body });
		used += header + body;
	}
	return used;
}

/* Bytes that the connection needs room for: its unserved ones, and the whole of a frame that has begun. */
static size_t room_needed(const struct conn *conn, struct slice rest)
{
	size_t header, body;

	if (frame_parse(rest, conn->net->rpc->frame_max, &header, &body) != COFFER_OK)
		return rest.len + 1;
	return header + body > rest.len ? header + body : rest.len;
}

/* Keeps what of in was not served, in the connection's own pages, and wipes the rest. */
static void keep_rest(struct conn *conn, struct buf *in, size_t used)
{
	bool own = in == &conn->in;
	struct slice rest;
	struct buf bigger;

	if (in->len == used || conn->dead || conn->closing) {
		if (own)
			loan_return(conn, &conn->in, conn->in.len);
		else
			wipe(in->data, in->len);
		return;
	}
	rest = (struct slice){ in->data + used, in->len - used };
	if (own && room_needed(conn, rest) <= in->cap) {
		memmove(in->data, rest.data, rest.len);
		wipe(in->data + rest.len, in->len - rest.len);
		in->len = rest.len;
		return;
	}
	if (loan_take(conn, room_needed(conn, rest), &bigger)) {
		memcpy(bigger.data, rest.data, rest.len);
		bigger.len = rest.len;
	} else {
		refuse(conn, COFFER_RESOURCE_EXHAUSTED, "too much memory is in use");
	}
	if (own)
		loan_return(conn, &conn->in, conn->in.len);
	else
		wipe(in->data, in->len);
	conn->in = bigger;
}

/* Answers the request that waits, if there is an answer now. */
static void look_at_wait(struct conn *conn)
{
	struct wait *wait = conn->wait;
	int64_t wait_ms, waited_ms;

	make_room(conn);
	if (!may_answer(conn)) /* when its replies have left, it is resumed */
		return;
	waited_ms = clock_mono_ms() - wait->since_ms;
	wait_ms = dispatch(conn, wait->message, waited_ms > 0 ? waited_ms : 1);
	if (wait_ms > 0)
		waits_go_on(wait, wait_ms);
	else
		waits_end(conn);
}

static void serve_buffer(struct conn *conn, struct buf *in)
{
	size_t used = serve(conn, (struct slice){ in->data, in->len });

	keep_rest(conn, in, used);
	if (!conn->answered) /* else the turn's end does */
		settle(conn, used > 0);
}

static void end_of_input(struct conn *conn)
{
	conn->eof = true;
	if (conn->wait != NULL)
		conn_wake(conn);
	if (conn_is_busy(conn))
		settle(conn, false);
	else
		conn_close(conn);
}

void conn_read(struct conn *conn)
{
	struct net *net = conn->net;
	struct buf *in = conn->in.data != NULL ? &conn->in : &net->in;
	ssize_t n;

	if (in == &net->in)
		in->len = 0;
	assert(in->len < in->cap);
	n = read(conn->io.fd, in->data + in->len, in->cap - in->len);
	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			conn_close(conn);
		return;
	}
	if (n == 0) {
		end_of_input(conn);
		return;
	}
	in->len += (size_t)n;
	serve_buffer(conn, in);
}

void conn_wake(struct conn *conn)
{
	conn->wait->woken = true;
	join_resumed(conn);
}

void conn_resume(struct conn *conn)
{
	conn->resumed = false;
	if (!conn->dead && is_woken(conn))
		look_at_wait(conn);
	if (!conn->dead && has_whole_frame(conn))
		serve_buffer(conn, &conn->in);
}

/* --- life ----------------------------------------------------------------------------------------------- */

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
	struct conn *conn = io->data;

	(void)loop;
	if (events & EV_WRITE)
		write_out(conn);
	else if (events & EV_READ)
		conn_read(conn);
}

void conn_expire(struct conn *conn, int64_t now_ms)
{
	if (conn->deadline.kind != DEADLINE_DELAY) {
		log_debug("a connection of uid %u ran out of time", conn->session.uid);
		conn_close(conn);
		return;
	}
	conn->delayed = conn->paused = false;
	deadline_set(&conn->net->deadlines, &conn->deadline, DEADLINE_NONE, now_ms);
	if (conn->out.len == 0)
		all_sent(conn);
	settle(conn, true);
}

void conn_close(struct conn *conn)
{
	struct net *net = conn->net;

	if (conn->dead)
		return;
	conn->dead = true;
	ev_io_stop(net->loop, &conn->io);
	close(conn->io.fd);
	deadline_set(&net->deadlines, &conn->deadline, DEADLINE_NONE, 0);
	loan_return(conn, &conn->in, conn->in.len);
	loan_return(conn, &conn->out, conn->out.len);
	waits_end(conn);
	if (conn->prev != NULL)
		conn->prev->next = conn->next;
	else
		net->all = conn->next;
	if (conn->next != NULL)
		conn->next->prev = conn->prev;
	conn->next = net->closed;
	net->closed = conn;
	rpc_session_close(net->rpc, &conn->session);
	if (conn->uid != NULL) {
		uids_leave(&net->uids, conn->uid, clock_mono_ms());
		conn->uid = NULL;
		net->runner_conns--;
	} else {
		net->admin_conns--;
	}
	net_resume_accepting(net);
}

void conn_free(struct conn *conn)
{
	assert(conn->dead && !conn->answered && !conn->resumed);
	free(conn);
}

void conn_drain(struct conn *conn)
{
	if (conn->in.data == NULL && conn->out.len == 0)
		conn_read(conn); /* what was sent before the end was announced */
	if (!conn->dead)
		end_of_input(conn);
}

/* A refusal before there is a connection: the reply if the socket takes it at once, and the end. */
static void turn_away(int fd, const char *text)
{
	uint8_t data[128];
	struct buf reply = { data, 0, sizeof(data) };

	rpc_refuse(&reply, COFFER_RESOURCE_EXHAUSTED, text);
	if (send(fd, data, reply.len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		log_debug("a refused peer was gone already");
	close(fd);
}

static struct conn *create(struct net *net, int fd, rpc_service service, const struct peer *peer)
{
	struct conn *conn = calloc(1, sizeof(*conn));

	if (conn == NULL)
		return NULL;
	if (service == SERVICE_RUNNER && (conn->uid = uids_enter(&net->uids, peer->uid)) == NULL) {
		free(conn);
		return NULL;
	}
	conn->net = net;
	conn->session = (struct session){
		.service = service, .uid = peer->uid, .gid = peer->gid, .pid = peer->pid
	};
	rpc_session_open(net->rpc, &conn->session, peer->groups, peer->groups_len);
	deadline_init(&conn->deadline);
	ev_io_init(&conn->io, on_io, fd, EV_READ);
	conn->io.data = conn;
	conn->next = net->all;
	if (net->all != NULL)
		net->all->prev = conn;
	net->all = conn;
	*(service == SERVICE_RUNNER ? &net->runner_conns : &net->admin_conns) += 1;
	return conn;
}

/* The admin socket has a limit of its own, so that jobs cannot lock the operator out. */
#define ADMIN_CONNECTIONS_MAX 64

void conn_accept(struct net *net, int fd, rpc_service service)
{
	bool admin = service == SERVICE_OPERATOR;
	struct peer peer;
	struct conn *conn;

	if (peer_identify(fd, admin, &peer) != COFFER_OK) {
		close(fd);
		return;
	}
	if (admin ? net->admin_conns >= ADMIN_CONNECTIONS_MAX
		  : net->runner_conns >= net->options.connections_max) {
		turn_away(fd, "too many connections");
		return;
	}
	if (!admin && uids_connections(&net->uids, peer.uid) >= net->options.connections_per_uid) {
		turn_away(fd, "too many connections of this uid");
		return;
	}
	if ((conn = create(net, fd, service, &peer)) == NULL) {
		turn_away(fd, "out of memory");
		return;
	}
	count_records(conn, 0, clock_mono_ms());
	settle(conn, false);
	if (!conn->paused)
		conn_read(conn);
}
