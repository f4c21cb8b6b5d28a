/* The Operator service: backups. */
#include "core/backup.h"
#include "base/clock.h"
#include "rpc/call.h"

coffer_err operator_begin_backup(struct call *call)
{
	struct rpc *rpc = call->rpc;
	coffer_v1_BeginBackupResponse reply;
	coffer_err err;

	rpc_drop_backup(rpc);
	err = backup_begin(&rpc->backup.open, rpc->core, &rpc->backup_places,
			   trail_head(rpc->trail)->seq, call->now_ms);
	if (err == COFFER_FAILED_PRECONDITION && rpc->core->key_file == NULL)
		return call_fail(call, err, "the store is in memory: no key opens it");
	if (err == COFFER_FAILED_PRECONDITION || err == COFFER_UNAVAILABLE)
		return call_fail(call, err,
				 "the copy cannot be made in the home: the daemon's log says why");
	if (err != COFFER_OK)
		return err;
	/* A client of the daemon that was here before must not go on with another's. */
	if (rpc->backup.id < (uint64_t)call->now_ms)
		rpc->backup.id = (uint64_t)call->now_ms;
	rpc->backup.id++;
	rpc->backup.step = 0;
	rpc->backup.whole = false;
	rpc->backup.created_ms = call->now_ms;
	rpc->backup.used_ms = clock_mono_ms();
	reply = (coffer_v1_BeginBackupResponse){
		.backup = rpc->backup.id,
		.created_at_ms = backup_created_ms(rpc->backup.open),
		.audit_seq = backup_audit_seq(rpc->backup.open),
	};
	return codec_append(call->out, coffer_v1_BeginBackupResponse_fields, &reply);
}

static coffer_err fail(struct call *call, coffer_err err)
{
	rpc_drop_backup(call->rpc);
	if (err == COFFER_ABORTED)
		return call_fail(call, err,
				 "files of the audit log were dropped meanwhile; begin again");
	if (err == COFFER_UNAVAILABLE)
		return call_fail(call, err,
				 "the backup cannot go on, the disk may be full: the daemon's "
				 "log says why");
	return err;
}

coffer_err operator_read_backup(struct call *call)
{
	const coffer_v1_ReadBackupRequest *request = &call->request.read_backup;
	struct rpc *rpc = call->rpc;
	coffer_v1_ReadBackupResponse reply = { .done = false };
	uint8_t room[BACKUP_STEP_MAX];
	struct buf piece = { room, 0, sizeof(room) };
	coffer_err err;

	if (rpc->backup.open == NULL || request->backup != rpc->backup.id)
		return call_fail(call, COFFER_ABORTED,
				 "that backup is no longer being made; begin again");
	if (request->step != rpc->backup.step)
		return call_fail(call, COFFER_INVALID_ARGUMENT, "the next step is %llu",
				 (unsigned long long)rpc->backup.step);
	if ((err = backup_step(rpc->backup.open, &piece, &reply.done)) != COFFER_OK)
		return fail(call, err);
	rpc->backup.step++;
	rpc->backup.used_ms = clock_mono_ms();
	rpc->backup.whole = reply.done;
	rpc->backup.count = *backup_count(rpc->backup.open);
	if (reply.done)
		rpc_drop_backup(rpc);
	reply.data = (struct slice){ piece.data, piece.len };
	return codec_append(call->out, coffer_v1_ReadBackupResponse_fields, &reply);
}

coffer_err operator_finish_backup(struct call *call)
{
	const struct rpc *rpc = call->rpc;
	const struct recheck_count *count = &rpc->backup.count;
	const coffer_v1_FinishBackupResponse reply = { .secrets = count->secrets,
						       .versions = count->versions,
						       .runs = count->runs,
						       .damaged = count->damaged };
	coffer_err err;

	if (call->request.finish_backup.backup != rpc->backup.id || !rpc->backup.whole)
		return call_fail(call, COFFER_FAILED_PRECONDITION,
				 "that is not the last backup, or it was not read to its end");
	err = store_mark_put(rpc->core->store, STORE_MARK_BACKUP, rpc->backup.created_ms);
	if (err != COFFER_OK)
		return err;
	if (count->damaged > 0)
		call_reason(call, "%llu records in it do not open",
			    (unsigned long long)count->damaged);
	return codec_append(call->out, coffer_v1_FinishBackupResponse_fields, &reply);
}

/* The store is there already: what is left to do is to say where it comes from, which stands in the body. */
coffer_err operator_restore(struct call *call)
{
	call_reason(call, "%.*s", SLICE_ARG(call->body));
	return COFFER_OK;
}

/* Of what does not open, only the newest version of a secret stays: it goes on to answer that it is damaged, where an
 * older value, or another scope's, would be taken for its own. The record names as many as it has room for. */
coffer_err operator_restore_rest(struct call *call)
{
	struct core *core = call->rpc->core;
	struct recheck walk = { .bytes = 0 };
	struct slice scope, name;
	size_t named = 0;
	bool opens;
	coffer_err err;

	while ((err = recheck_next(core, &walk, &opens)) == COFFER_OK) {
		if (opens || !recheck_secret(&walk, &scope, &name))
			continue;
		if (named++ < RECORD_SECRETS_MAX)
			call_about_item(call, scope, name, walk.version);
		if (!walk.newest && (err = recheck_erase(core, &walk)) != COFFER_OK)
			return err;
	}
	return err == COFFER_NOT_FOUND ? operator_restore(call) : err;
}
