#include "net/loan.h"

/* Of the arena: what all connections of one uid that have not said Hello may borrow together. */
#define STRANGERS_PART 32

/* What a connection may still borrow. The operator may borrow all that is there, and jobs together leave
 * him a quarter. One uid gets at most half of the arena, and before Hello next to nothing: what one floods,
 * others can still use. */
static bool within_quota(const struct conn *conn, size_t cap)
{
	const struct net *net = conn->net;
	size_t all = arena_size(net->arena);

	if (conn->uid == NULL)
		return true;
	if (!rpc_session_ready(&conn->session))
		return cap <= ARENA_PAGE && conn->uid->bytes + cap <= all / STRANGERS_PART;
	return conn->uid->bytes + cap <= all / 2 && net->runner_bytes + cap <= all / 4 * 3;
}

bool loan_take(struct conn *conn, size_t len, struct buf *out)
{
	struct net *net = conn->net;
	size_t cap = (len + ARENA_PAGE - 1) / ARENA_PAGE * ARENA_PAGE;

	*out = (struct buf){ NULL, 0, 0 };
	if (!within_quota(conn, cap) || (out->data = arena_take(net->arena, cap)) == NULL)
		return false;
	out->cap = cap;
	if (conn->uid == NULL)
		return true;
	conn->uid->bytes += cap;
	net->runner_bytes += cap;
	return true;
}

void loan_return(struct conn *conn, struct buf *buf, size_t used)
{
	if (buf->data == NULL)
		return;
	arena_give(conn->net->arena, buf->data, buf->cap, used);
	if (conn->uid != NULL) {
		conn->uid->bytes -= buf->cap;
		conn->net->runner_bytes -= buf->cap;
	}
	*buf = (struct buf){ NULL, 0, 0 };
}
