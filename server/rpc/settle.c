#include "rpc/settle.h"

#include "core/mirror/ticket.h"
#include "rpc/recording.h"

/* A bucket that has not answered by then is given up; the worker gives it up before. */
#define WAIT_MAX_MS 60000

/* The ticket that the request of this call has made, when it was looked at before; or NULL. */
static struct mirror_ticket *own_ticket(const struct call *call)
{
	struct mirror_ticket *ticket = call->session->ticket;

	return call->waited_ms > 0 && ticket != NULL && ticket->of == call->method ? ticket : NULL;
}

/* Sets for how long the request can wait; false if it cannot any longer. */
static bool wait_on(struct call *call, int64_t patience_ms)
{
	int64_t left_ms = WAIT_MAX_MS - call->waited_ms;

	if (call->waited_ms == RPC_ANSWER_NOW || left_ms <= 0 || patience_ms <= 0)
		return false;
	call->wait_ms = left_ms < patience_ms ? left_ms : patience_ms;
	return true;
}

static coffer_err give_up(struct call *call, const struct mirror_ticket *ticket)
{
	const char *problem = mirror_problem(call->rpc->core);

	if (!ticket->fetched && call->waited_ms == RPC_ANSWER_NOW)
		return call_fail(call, COFFER_RESOURCE_EXHAUSTED,
				 "the write cannot wait for the bucket; nothing was changed");
	return call_fail(call, COFFER_UNAVAILABLE, "the bucket did not answer%s%.400s; %s",
			 problem[0] != '\0' ? ": " : "", problem,
			 ticket->fetched ? "the write may still take effect"
					 : "nothing was changed");
}

static coffer_err tell_failure(struct call *call, const struct mirror_ticket *ticket)
{
	return call_fail(call, ticket->code, "%s%s", ticket->message,
			 ticket->len == 1 ? "; the write may still take effect" : "");
}

bool settle_waits(struct call *call, coffer_err *err)
{
	struct core *core = call->rpc->core;
	struct mirror_ticket *ticket = own_ticket(call);
	int64_t patience_ms;

	if (core->mirror == NULL)
		return false;
	core->mirror->current = ticket;
	if (ticket == NULL)
		return false;
	if (ticket->state == TICKET_STORED || ticket->state == TICKET_LOST) {
		call->now_ms = ticket->now_ms;
		return false;
	}
	*err = COFFER_OK;
	if (ticket->state == TICKET_FAILED) {
		*err = tell_failure(call, ticket);
		return true;
	}
	/* Who has fetched a task may have gone, and another may bring what came of it. */
	patience_ms = ticket->fetched ? INT64_MAX : mirror_patience(core);
	if (!ticket->fetched && mirror_problem(core)[0] != '\0')
		patience_ms = 0;
	if (!wait_on(call, patience_ms))
		*err = give_up(call, ticket);
	return true;
}

const char *settle_left(const struct call *call)
{
	const struct mirror_ticket *own = own_ticket(call);

	return own != NULL && own->state == TICKET_STORED ? "the change is in the bucket alone"
							  : "nothing was changed";
}

/* The bucket has it: should this fail, it comes back from there. */
static coffer_err commit(struct call *call, struct mirror_ticket *ticket)
{
	coffer_err err = mirror_ticket_settle(call->rpc->core, ticket);

	if (err == COFFER_OK)
		return recording_commit(call);
	core_rollback(call->rpc->core);
	if (err != COFFER_ABORTED)
		return err;
	return call_fail(call, COFFER_UNAVAILABLE, "the store has changed meanwhile; %s for now",
			 settle_left(call));
}

static coffer_err refuse(struct call *call, coffer_err err)
{
	switch (err) {
	case COFFER_ABORTED:
		return call_fail(call, err, "other hosts write the same secrets all the time");
	case COFFER_INVALID_ARGUMENT:
		return call_fail(
		    call, err, "the same secret is written more often than its versions are kept");
	default:
		return err;
	}
}

/* Hands the change over to the bucket. */
static coffer_err hand_over(struct call *call)
{
	struct core *core = call->rpc->core;
	struct mirror_ticket *own = own_ticket(call);
	char why[MIRROR_TEXT_MAX];
	coffer_err err;

	if ((err = mirror_usable(core, why)) != COFFER_OK)
		return call_fail(call, err, "%s", why);
	if (call->waited_ms == RPC_ANSWER_NOW)
		return call_fail(
		    call, COFFER_UNAVAILABLE,
		    "the write would have to wait for the bucket; nothing was changed");
	if (own == NULL && call->session->ticket != NULL)
		return call_fail(call, COFFER_UNAVAILABLE,
				 "another write of this connection waits for the bucket");
	if (mirror_ticket_blocks(core))
		return wait_on(call, INT64_MAX)
			   ? COFFER_OK
			   : call_fail(call, COFFER_UNAVAILABLE,
				       "another write of the same secret waits for the bucket");
	if (own != NULL)
		err = mirror_ticket_again(core, own);
	else
		err = mirror_ticket_begin(core, call->method, call->now_ms, &call->session->ticket);
	if (err != COFFER_OK)
		return refuse(call, err);
	call->wait_ms = mirror_patience(core) < WAIT_MAX_MS ? mirror_patience(core) : WAIT_MAX_MS;
	if (call->wait_ms <= 0)
		call->wait_ms = 1;
	return COFFER_OK;
}

coffer_err settle(struct call *call)
{
	struct mirror_ticket *own = own_ticket(call);
	coffer_err err;

	if (own != NULL && own->state == TICKET_STORED)
		return commit(call, own);
	err = hand_over(call);
	core_rollback(call->rpc->core);
	if (call->wait_ms > 0)
		recording_cancel(call);
	return err;
}

void settle_end(struct call *call)
{
	struct core *core = call->rpc->core;
	struct mirror_ticket *own = own_ticket(call);

	if (core->mirror != NULL)
		core->mirror->current = NULL;
	if (own == NULL)
		return;
	mirror_ticket_end(core, own);
	call->session->ticket = NULL;
}
