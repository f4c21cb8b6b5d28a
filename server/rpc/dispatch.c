#include "rpc/dispatch.h"

#include <assert.h>
#include <stdlib.h>

#include "base/ballast.h"
#include "base/clock.h"
#include "core/grants.h"
#include "core/mirror/ticket.h"
#include "rpc/methods.h"
#include "rpc/recording.h"
#include "rpc/settle.h"
#include "wipe.h"

void rpc_session_open(struct rpc *rpc, struct session *session, const gid_t *groups,
		      size_t groups_len)
{
	session->grant = NULL;
	session->via = NULL;
	session->ticket = NULL;
	session->list = 0;
	session->operator= session->service == SERVICE_OPERATOR &&
	    policy_is_operator(&rpc->operators, session->uid, session->gid, groups, groups_len);
	rpc->connections++;
}

void rpc_session_close(struct rpc *rpc, struct session *session)
{
	grants_release(rpc->core, session->grant);
	free(session->via);
	/* What the bucket has got of it by now comes with the next look at it. */
	mirror_ticket_end(rpc->core, session->ticket);
	mirror_detach(rpc->core, session);
	session->ticket = NULL;
	session->grant = NULL;
	session->via = NULL;
	rpc->connections--;
}

bool rpc_session_ready(const struct session *session)
{
	return session->operator|| session->grant != NULL;
}

static coffer_err authorize(struct call *call)
{
	const struct method *method = call->method;
	const struct session *session = call->session;
	grant_end end;

	if (method->service != session->service)
		return call_fail(call, COFFER_PERMISSION_DENIED, "%s is not served on this socket",
				 method->name);
	switch (method->needs) {
	case NEEDS_NOTHING:
		return COFFER_OK;
	case NEEDS_OPERATOR:
		if (session->operator)
			return COFFER_OK;
		return call_fail(call, COFFER_PERMISSION_DENIED,
				 "uid %u is not an operator: only the superuser, the daemon's own "
				 "uid and members of its admin_group are",
				 session->uid);
	case NEEDS_GRANT:
		if (session->grant == NULL)
			return call_fail(call, COFFER_UNAUTHENTICATED, "say Hello first");
		end = grants_state(session->grant, call->now_ms);
		if (end == GRANT_LIVE)
			return COFFER_OK;
		call_reason(call, "%s", grants_end_name(end));
		return call_fail(call, COFFER_UNAUTHENTICATED, "the token is not valid");
	}
	return call_fail(call, COFFER_PERMISSION_DENIED, "%s is not open to anybody", method->name);
}

static coffer_err decode(struct call *call)
{
	const struct method *method = call->method;

	if (method->request == NULL || codec_decode(call->body, method->request, &call->request,
						    sizeof(call->request)) == COFFER_OK)
		return COFFER_OK;
	return call_fail(call, COFFER_INVALID_ARGUMENT, "the body is not a %s request",
			 method->name);
}

static coffer_err change_once(struct call *call)
{
	coffer_err err;

	if ((err = core_begin(call->rpc->core)) != COFFER_OK)
		return err;
	err = call->method->handle(call);
	if (err == COFFER_OK && call->wait_ms == 0)
		return mirror_pending(call->rpc->core) ? settle(call) : recording_commit(call);
	core_rollback(call->rpc->core);
	return err;
}

/* A change that finds the disk full, and would free space, is tried again with the ballast's. */
static coffer_err change(struct call *call)
{
	size_t mark = call->out->len;
	coffer_err err;

	err = change_once(call);
	if (err == COFFER_UNAVAILABLE && call->message_len == 0 && call->method->frees &&
	    ballast_release(call->rpc->ballast)) {
		wipe(call->out->data + mark, call->out->len - mark);
		call->out->len = mark;
		err = change_once(call);
	}
	if (err == COFFER_UNAVAILABLE && call->message_len == 0)
		return call_fail(call, err, "the disk is full; %s", settle_left(call));
	return err;
}

static coffer_err unrecordable(struct call *call)
{
	return call_fail(call, COFFER_UNAVAILABLE, "the audit log cannot be written");
}

static coffer_err finish(struct call *call, bool recording, coffer_err err)
{
	if (recording && call->wait_ms == 0 && !call->record.done)
		recording_end(call, err);
	return err;
}

/* The steps of every request. A change's record becomes the store's anchor, so what stands before it in
 * the log must be on disk first. */
static coffer_err run(struct call *call)
{
	const struct method *method = call->method;
	bool recording = method->audit != AUDIT_NONE && recording_possible(call, method->frees);
	coffer_err err;

	if (method->audit == AUDIT_REQUIRED && !recording)
		return unrecordable(call);
	if ((err = authorize(call)) != COFFER_OK) {
		/* An attempt leaves a record also where success leaves none. */
		if (method->audit == AUDIT_NONE)
			recording = recording_possible(call, false);
	} else if ((err = decode(call)) == COFFER_OK) {
		if (!method->changes)
			err = method->handle(call);
		else if (settle_waits(call, &err))
			return finish(call, recording, err);
		else if (trail_sync(call->rpc->trail) != COFFER_OK)
			return unrecordable(call);
		else
			err = change(call);
	}
	return finish(call, recording, err);
}

coffer_err dispatch_run(struct call *call)
{
	coffer_err err = run(call);

	if (call->method->changes && call->wait_ms == 0)
		settle_end(call);
	return err;
}

void dispatch_prepare(struct call *call, struct rpc *rpc, struct session *session,
		      const struct method *method)
{
	call->rpc = rpc;
	call->session = session;
	call->method = method;
	call->now_ms = clock_wall_ms();
	call->waited_ms = 0;
	call->wait_ms = 0;
	call->message_len = 0;
	memset(&call->record, 0, sizeof(call->record));
	call->record.via = slice_str(session->via);
	if (session->grant == NULL)
		return;
	memcpy(call->record.grant, session->grant->id, sizeof(call->record.grant));
	call->record.is_run = session->grant->kind == GRANT_RUN;
}

static void count(struct rpc *rpc, const struct method *method, coffer_err err, int64_t took_ns)
{
	size_t len, i = (size_t)(method - methods_all(&len));

	latency_add(&rpc->counters[i].latency, took_ns);
	rpc->counters[i].calls++;
	if (err != COFFER_OK)
		rpc->counters[i].errors++;
	if (err == COFFER_INTERNAL)
		rpc->fatal = true;
}

static struct slice message_of(const struct call *call, coffer_err err)
{
	if (err == COFFER_OK || call->message_len == 0)
		return slice_str(err == COFFER_OK ? NULL : coffer_err_text(err));
	return (struct slice){ (const uint8_t *)call->message, call->message_len };
}

void rpc_refuse(struct buf *out, coffer_err code, const char *text)
{
	size_t mark;
	coffer_err err;

	if ((err = codec_reply_begin(out, &mark)) == COFFER_OK)
		err = codec_reply_end(out, mark, 0, code, slice_str(text));
	assert(err == COFFER_OK); /* out has room for any reply */
	(void)err;
}

/* method is NULL if there is none of that name. */
static coffer_err answer(struct call *call, struct rpc *rpc, struct session *session,
			 const struct method *method, int64_t waited_ms)
{
	call->wait_ms = 0;
	if (method == NULL)
		return call_fail(call, COFFER_UNIMPLEMENTED, "there is no such method");
	dispatch_prepare(call, rpc, session, method);
	call->waited_ms = waited_ms;
	return dispatch_run(call);
}

struct rpc_outcome rpc_dispatch(struct rpc *rpc, struct session *session, struct slice message,
				int64_t waited_ms, struct buf *out)
{
	coffer_v1_Request request;
	const struct method *method;
	struct call call;
	coffer_err err;
	size_t mark, begin = out->len;
	int64_t begun_ns = clock_mono_ns(), now_ns;
	uint64_t made = trail_made(rpc->trail);

	if (codec_decode(message, coffer_v1_Request_fields, &request, sizeof(request)) !=
		COFFER_OK ||
	    request.id == 0) {
		rpc_refuse(out, COFFER_INVALID_ARGUMENT, "not a coffer.v1.Request with an id");
		return (struct rpc_outcome){ .close = true };
	}
	if (codec_reply_begin(out, &mark) != COFFER_OK)
		return (struct rpc_outcome){ .close = true };
	method = methods_find(request.method);
	call.body = request.body;
	call.out = out;
	err = answer(&call, rpc, session, method, waited_ms);
	if (call.wait_ms > 0) {
		out->len = begin;
		return (struct rpc_outcome){ .wait_ms = call.wait_ms };
	}
	now_ns = clock_mono_ns();
	if (method != NULL)
		count(rpc, method, err, now_ns - begun_ns);
	if (codec_reply_end(out, mark, request.id, err, message_of(&call, err)) != COFFER_OK)
		return (struct rpc_outcome){ .close = true };
	/* Each leaves a record: without a limit on them, anybody could fill the disk. */
	return (struct rpc_outcome){ .refused = err == COFFER_UNAUTHENTICATED ||
						(err != COFFER_OK && !rpc_session_ready(session)),
				     .now_ms = now_ns / 1000000,
				     .recorded = trail_made(rpc->trail) - made };
}
