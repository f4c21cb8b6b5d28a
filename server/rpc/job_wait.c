/* The Runner service: waiting for a change. */
#include "core/changes.h"
#include "core/grants.h"
#include "rpc/call.h"

#define WAIT_MAX_MS (10 * 60 * 1000)

/* Until the request must be answered: its own time, or its token's. */
static int64_t time_left(const struct call *call)
{
	const coffer_v1_WaitForChangeRequest *request = &call->request.wait_for_change;
	int64_t asked_ms = request->timeout_ms < WAIT_MAX_MS ? request->timeout_ms : WAIT_MAX_MS;
	int64_t left_ms = asked_ms - call->waited_ms;
	int64_t live_ms = call->session->grant->expires_ms - call->now_ms;

	return live_ms < left_ms ? live_ms : left_ms;
}

coffer_err job_wait_for_change(struct call *call)
{
	const struct core *core = call->rpc->core;
	coffer_v1_WaitForChangeResponse reply = { .revision = core->revision };

	/* Revision 0 is older than all that is remembered, and so never waited for. */
	reply.changed = changes_seen(&core->changes, call->session->grant,
				     call->request.wait_for_change.after_revision);
	if (!reply.changed)
		call->wait_ms = time_left(call);
	if (call->wait_ms > 0)
		return COFFER_OK;
	return codec_append(call->out, coffer_v1_WaitForChangeResponse_fields, &reply);
}
