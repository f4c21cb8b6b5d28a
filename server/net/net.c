#include "net/net.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "frame.h"
#include "net/conn.h"
#include "net/listener.h"
#include "net/waits.h"
#include "rpc/bound.h"
#include "wipe.h"

/* Replies of one turn: several of the largest, so that a turn is seldom cut short. */
#define TURN_REPLIES 2

/* Connections taken in one turn, so that a flood of them does not hold up the others. */
#define ACCEPTS_A_TURN 32

/* How long to wait for a free descriptor before asking again, and how long a drain may take. */
#define DESCRIPTOR_RETRY_MS 1000
#define DRAIN_SECONDS       5.0

/* Who waited for the start is served before the first housekeeping. */
#define FIRST_CHORES_SECONDS 0.05

/* --- turns ---------------------------------------------------------------------------------------------- */

void net_end_turn(struct net *net)
{
	struct conn *conn = net->answered, *next;
	bool send = trail_flush(net->rpc->trail) == COFFER_OK && !net->rpc->fatal;

	net->answered = NULL;
	for (; conn != NULL; conn = next) {
		next = conn->turn_next;
		conn_finish_turn(conn, send);
	}
	wipe(net->out.data, net->out.len);
	net->out.len = 0;
}

static void free_closed(struct net *net)
{
	struct conn *conn = net->closed, *next;

	net->closed = NULL;
	for (; conn != NULL; conn = next) {
		next = conn->next;
		conn_free(conn);
	}
}

/* What a change means to those who wait is found out in the turn that made it. */
static void end_last_turn(struct net *net)
{
	struct conn *conn, *next;

	net_end_turn(net);
	for (waits_follow(net); net->resumed != NULL; waits_follow(net)) {
		conn = net->resumed;
		net->resumed = NULL;
		for (; conn != NULL; conn = next) {
			next = conn->resume_next;
			conn_resume(conn);
		}
		net_end_turn(net);
	}
	free_closed(net);
}

static void on_turn_end(struct ev_loop *loop, ev_prepare *prepare, int events)
{
	struct net *net = prepare->data;

	(void)events;
	end_last_turn(net);
	if (net->rpc->chores_due) {
		net->rpc->chores_due = false;
		net->chores.repeat = 0.001;
		ev_timer_again(loop, &net->chores);
	}
	if (net->rpc->fatal || (net->draining && net->all == NULL))
		ev_break(loop, EVBREAK_ALL);
}

/* --- time ----------------------------------------------------------------------------------------------- */

void net_set_clock(struct net *net, int64_t at_ms)
{
	int64_t wait_ms;

	if (net->clock_ms >= 0 && net->clock_ms <= at_ms)
		return;
	net->clock_ms = at_ms;
	wait_ms = at_ms - clock_mono_ms();
	ev_timer_stop(net->loop, &net->clock);
	ev_timer_set(&net->clock, wait_ms > 0 ? (double)wait_ms / 1000.0 : 0.001, 0.0);
	ev_now_update(net->loop);
	ev_timer_start(net->loop, &net->clock);
}

static void on_clock(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct net *net = timer->data;
	int64_t now_ms = clock_mono_ms(), next_ms;
	struct deadline *due;

	(void)loop;
	(void)events;
	net->clock_ms = -1;
	while ((due = deadlines_due(&net->deadlines, now_ms)) != NULL)
		conn_expire((struct conn *)((char *)due - offsetof(struct conn, deadline)), now_ms);
	uids_sweep(&net->uids, now_ms);
	net_resume_accepting(net);
	if ((next_ms = deadlines_next_ms(&net->deadlines)) >= 0)
		net_set_clock(net, next_ms);
}

static void on_chores(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct net *net = timer->data;
	int64_t next_ms = rpc_housekeeping(net->rpc);

	(void)events;
	timer->repeat = (double)(next_ms > 1 ? next_ms : 1) / 1000.0;
	ev_timer_again(loop, timer);
}

static void on_exit_of_process(struct ev_loop *loop, ev_io *io, int events)
{
	struct net *net = io->data;

	(void)loop;
	(void)events;
	bound_end(net->rpc);
}

static void on_patience_end(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)timer;
	(void)events;
	log_warn("the last clients did not take their replies in time");
	ev_break(loop, EVBREAK_ALL);
}

/* --- accepting ------------------------------------------------------------------------------------------ */

static void pause_accepting(struct net *net)
{
	log_warn("no new connections for now: %s", strerror(errno));
	net->accepting = false;
	for (size_t i = 0; i < 2; i++)
		ev_io_stop(net->loop, &net->listeners[i].io);
	net_set_clock(net, clock_mono_ms() + DESCRIPTOR_RETRY_MS);
}

void net_resume_accepting(struct net *net)
{
	if (net->accepting || net->draining)
		return;
	net->accepting = true;
	for (size_t i = 0; i < 2; i++)
		ev_io_start(net->loop, &net->listeners[i].io);
}

static void on_accept(struct ev_loop *loop, ev_io *io, int events)
{
	struct listener *listener = io->data;
	struct net *net = listener->net;

	(void)loop;
	(void)events;
	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		int fd = accept4(io->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0) {
			conn_accept(net, fd, listener->service);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			pause_accepting(net);
		if (errno != EINTR && errno != ECONNABORTED)
			return;
	}
}

static coffer_err listen_on(struct net *net, rpc_service service)
{
	struct listener *listener = &net->listeners[service];
	coffer_err err;
	int fd;

	if ((err = listener_open(&net->options, service, &fd, &listener->path)) != COFFER_OK)
		return err;
	listener->net = net;
	listener->service = service;
	listener->open = true;
	ev_io_init(&listener->io, on_accept, fd, EV_READ);
	listener->io.data = listener;
	return COFFER_OK;
}

static coffer_err listen_on_both(struct net *net)
{
	coffer_err err;

	if ((err = listen_on(net, SERVICE_RUNNER)) != COFFER_OK ||
	    (err = listen_on(net, SERVICE_OPERATOR)) != COFFER_OK)
		return err;
	return net->options.activation ? activation_finish(net->options.activation) : COFFER_OK;
}

/* Whoever waits at a socket that was passed on is the next daemon's. */
static void stop_listening(struct net *net)
{
	for (size_t i = 0; i < 2; i++) {
		struct listener *listener = &net->listeners[i];
		if (!listener->open)
			continue;
		ev_io_stop(net->loop, &listener->io);
		close(listener->io.fd);
		if (listener->path != NULL && unlink(listener->path) != 0 && errno != ENOENT)
			log_warn("cannot remove %s: %s", listener->path, strerror(errno));
		listener->open = false;
	}
}

/* --- life ----------------------------------------------------------------------------------------------- */

static coffer_err take_buffers(struct net *net)
{
	size_t frame = net->rpc->frame_max + FRAME_HEADER_MAX;

	net->in = (struct buf){ arena_take(net->arena, frame), 0, frame };
	net->out =
	    (struct buf){ arena_take(net->arena, frame * TURN_REPLIES), 0, frame * TURN_REPLIES };
	if (net->in.data != NULL && net->out.data != NULL)
		return COFFER_OK;
	log_error("the arena of %zu bytes is too small for frames of %zu bytes",
		  arena_size(net->arena), frame);
	return COFFER_RESOURCE_EXHAUSTED;
}

static void give_buffers(struct net *net)
{
	arena_give(net->arena, net->in.data, net->in.cap, net->in.len);
	arena_give(net->arena, net->out.data, net->out.cap, net->out.len);
}

static void start_watchers(struct net *net)
{
	ev_prepare_init(&net->turn_end, on_turn_end);
	net->turn_end.data = net;
	ev_prepare_start(net->loop, &net->turn_end);
	ev_timer_init(&net->clock, on_clock, 0.0, 0.0);
	net->clock.data = net;
	net->clock_ms = -1;
	ev_timer_init(&net->chores, on_chores, FIRST_CHORES_SECONDS, 0.0);
	net->chores.data = net;
	ev_timer_start(net->loop, &net->chores);
	ev_io_init(&net->exits, on_exit_of_process, bound_descriptor(net->rpc), EV_READ);
	net->exits.data = net;
	ev_set_priority(&net->exits, EV_MAXPRI); /* before a request of the same moment */
	ev_io_start(net->loop, &net->exits);
	ev_timer_init(&net->patience, on_patience_end, DRAIN_SECONDS, 0.0);
	net_resume_accepting(net);
}

coffer_err net_open(struct net *net, const struct net_options *options, struct ev_loop *loop,
		    struct rpc *rpc)
{
	coffer_err err;

	*net = (struct net){
		.loop = loop, .rpc = rpc, .arena = rpc->core->arena, .options = *options
	};
	net->uids.rate = options->audit_rate;
	deadlines_init(&net->deadlines);
	if ((err = take_buffers(net)) != COFFER_OK || (err = listen_on_both(net)) != COFFER_OK) {
		stop_listening(net);
		give_buffers(net);
		return err;
	}
	start_watchers(net);
	return COFFER_OK;
}

static struct conn *first_to_drain(const struct net *net)
{
	struct conn *conn = net->all;

	while (conn != NULL && (conn->closing || conn->eof))
		conn = conn->next;
	return conn;
}

void net_set_limits(struct net *net, const struct net_options *limits)
{
	net->options.connections_max = limits->connections_max;
	net->options.connections_per_uid = limits->connections_per_uid;
	net->uids.rate = limits->audit_rate;
}

void net_drain(struct net *net)
{
	struct conn *conn;

	if (net->draining)
		return;
	net->draining = true;
	stop_listening(net);
	ev_timer_start(net->loop, &net->patience);
	/* To drain one may end the turn, which closes others: so the list is begun anew for each. */
	while ((conn = first_to_drain(net)) != NULL)
		conn_drain(conn);
}

void net_close(struct net *net)
{
	struct conn *conn, *next;

	stop_listening(net);
	end_last_turn(net); /* of the loop, which may have been broken in the middle of it */
	for (conn = net->all; conn != NULL; conn = next) {
		next = conn->next;
		conn_close(conn);
	}
	free_closed(net);
	uids_destroy(&net->uids);
	ev_prepare_stop(net->loop, &net->turn_end);
	ev_timer_stop(net->loop, &net->clock);
	ev_timer_stop(net->loop, &net->chores);
	ev_io_stop(net->loop, &net->exits);
	ev_timer_stop(net->loop, &net->patience);
	give_buffers(net);
}
