#include "net/waits.h"

#include <assert.h>
#include <stdlib.h>
#include <utlist.h>

#include "base/clock.h"
#include "net/loan.h"

static void on_time(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct wait *wait = timer->data;

	(void)loop;
	(void)events;
	conn_wake(wait->conn);
}

static bool keep(struct wait *wait, struct conn *conn, struct slice message)
{
	uint8_t *to = wait->bytes;

	if (conn->session.service == SERVICE_OPERATOR) {
		if (!loan_take(conn, message.len, &wait->pages))
			return false;
		wait->pages.len = message.len;
		to = wait->pages.data;
	} else if (message.len > sizeof(wait->bytes)) {
		return false;
	}
	memcpy(to, message.data, message.len);
	wait->message = (struct slice){ to, message.len };
	return true;
}

struct wait *waits_make(struct conn *conn, struct slice message)
{
	struct wait *wait = calloc(1, sizeof(*wait));

	if (wait == NULL || !keep(wait, conn, message)) {
		free(wait);
		return NULL;
	}
	wait->conn = conn;
	wait->since_ms = clock_mono_ms();
	ev_timer_init(&wait->timer, on_time, 0.0, 0.0);
	wait->timer.data = wait;
	return wait;
}

void waits_begin(struct conn *conn, struct wait *wait, int64_t wait_ms)
{
	assert(conn->wait == NULL);
	conn->wait = wait;
	DL_APPEND(conn->net->waits, wait);
	waits_go_on(wait, wait_ms);
}

void waits_go_on(struct wait *wait, int64_t wait_ms)
{
	struct ev_loop *loop = wait->conn->net->loop;

	wait->woken = false;
	ev_timer_stop(loop, &wait->timer);
	ev_timer_set(&wait->timer, (double)wait_ms / 1000.0, 0.0);
	ev_timer_start(loop, &wait->timer);
}

void waits_end(struct conn *conn)
{
	struct net *net = conn->net;

	if (conn->wait == NULL)
		return;
	ev_timer_stop(net->loop, &conn->wait->timer);
	DL_DELETE(net->waits, conn->wait);
	loan_return(conn, &conn->wait->pages, conn->wait->pages.len);
	free(conn->wait);
	conn->wait = NULL;
}

void waits_follow(struct net *net)
{
	if (net->events == net->rpc->core->events)
		return;
	net->events = net->rpc->core->events;
	for (struct wait *wait = net->waits; wait != NULL; wait = wait->next)
		conn_wake(wait->conn);
}
