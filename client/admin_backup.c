#include "admin.h"

coffer_err coffer_admin_begin_backup(struct coffer_admin *admin, struct coffer_backup *out)
{
	coffer_v1_BeginBackupResponse reply;
	struct call call;
	coffer_err err = admin_arm(admin);

	*out = (struct coffer_backup){ .id = 0 };
	if (err != COFFER_OK)
		return err;
	call_begin(&call, &admin->transport, "BeginBackup", CALL_CHANGES);
	err = call_exchange(&call, coffer_v1_BeginBackupResponse_fields, &reply, sizeof(reply));
	if (err == COFFER_OK)
		*out = (struct coffer_backup){ .id = reply.backup,
					       .created_at_ms = reply.created_at_ms,
					       .audit_seq = reply.audit_seq };
	return call_end(&call, err);
}

coffer_err coffer_admin_read_backup(struct coffer_admin *admin, struct coffer_backup *backup,
				    uint8_t *data, size_t *len, bool *done)
{
	const coffer_v1_ReadBackupRequest request = { .backup = backup->id, .step = backup->step };
	coffer_v1_ReadBackupResponse reply;
	struct call call;
	coffer_err err = admin_arm(admin);

	*len = 0;
	*done = false;
	if (err != COFFER_OK)
		return err;
	call_begin(&call, &admin->transport, "ReadBackup", CALL_CHANGES);
	call_put(&call, coffer_v1_ReadBackupRequest_fields, &request);
	err = call_exchange(&call, coffer_v1_ReadBackupResponse_fields, &reply, sizeof(reply));
	if (err == COFFER_OK && reply.data.len > COFFER_BACKUP_PIECE_MAX)
		err = COFFER_INTERNAL;
	if (err == COFFER_OK) {
		if (reply.data.len > 0)
			memcpy(data, reply.data.data, reply.data.len);
		*len = reply.data.len;
		*done = reply.done;
		backup->step++;
	}
	return call_end(&call, err);
}

coffer_err coffer_admin_finish_backup(struct coffer_admin *admin, struct coffer_backup *backup)
{
	const coffer_v1_FinishBackupRequest request = { .backup = backup->id };
	coffer_v1_FinishBackupResponse reply;
	struct call call;
	coffer_err err = admin_arm(admin);

	if (err != COFFER_OK)
		return err;
	call_begin(&call, &admin->transport, "FinishBackup", CALL_CHANGES);
	call_put(&call, coffer_v1_FinishBackupRequest_fields, &request);
	err = call_exchange(&call, coffer_v1_FinishBackupResponse_fields, &reply, sizeof(reply));
	if (err == COFFER_OK) {
		backup->secrets = reply.secrets;
		backup->versions = reply.versions;
		backup->runs = reply.runs;
		backup->damaged = reply.damaged;
	}
	return call_end(&call, err);
}
