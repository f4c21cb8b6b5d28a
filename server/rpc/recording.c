#include "rpc/recording.h"

#include "base/ballast.h"

bool recording_possible(struct call *call, bool use_reserve)
{
	struct trail *trail = call->rpc->trail;

	if (trail_ready(trail, use_reserve) == COFFER_OK)
		return true;
	return use_reserve && ballast_release(call->rpc->ballast) &&
	       trail_ready(trail, true) == COFFER_OK;
}

void recording_begin(struct call *call)
{
	const struct session *session = call->session;
	struct record_subject subject = { .op = slice_str(call->method->name),
					  .grant = slice_str(call->record.grant),
					  .is_run = call->record.is_run,
					  .via = call->record.via,
					  .uid = session->uid,
					  .gid = session->gid,
					  .pid = session->pid,
					  .time_ms = call->now_ms };

	if (call->record.begun)
		return;
	trail_begin(call->rpc->trail, &subject);
	call->record.begun = true;
}

void recording_end(struct call *call, coffer_err outcome)
{
	struct trail *trail = call->rpc->trail;

	recording_begin(call);
	if (outcome != COFFER_OK)
		trail_restart(trail);
	if (call->record.scope.len > 0 || call->record.name.len > 0)
		trail_secret(trail, call->record.scope, call->record.name, call->record.version);
	trail_end(trail, outcome, slice_str(call->record.reason));
	call->record.done = true;
}

void recording_cancel(struct call *call)
{
	if (!call->record.begun)
		return;
	recording_end(call, COFFER_OK);
	trail_undo(call->rpc->trail);
	call->record.begun = call->record.done = false;
}

coffer_err recording_commit(struct call *call)
{
	struct rpc *rpc = call->rpc;
	struct store_anchor anchor;
	coffer_err err;

	recording_end(call, COFFER_OK);
	anchor.seq = trail_head(rpc->trail)->seq;
	memcpy(anchor.mac, trail_head(rpc->trail)->mac, sizeof(anchor.mac));
	anchor.line = trail_last(rpc->trail);
	if ((err = store_anchor_put(rpc->core->store, &anchor)) == COFFER_OK &&
	    (err = core_commit(rpc->core)) == COFFER_OK)
		return COFFER_OK;
	core_rollback(rpc->core);
	trail_undo(rpc->trail);
	/* Whether the change is on disk is not known then, and the daemon ends. Another record of this number
	 * in the log would contradict the anchor, if the next start finds the change. */
	call->record.begun = call->record.done = err == COFFER_INTERNAL;
	return err;
}
