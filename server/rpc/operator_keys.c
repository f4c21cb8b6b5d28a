/* The Operator service: what opens the store. */
#include "core/keys.h"
#include "core/mirror/mirror.h"
#include "core/rotation.h"
#include "rpc/call.h"

/* One of the two, and a passphrase that a start will take as it is. */
static coffer_err check(struct call *call, struct slice *passphrase)
{
	const coffer_v1_RewrapKeyRequest *rewrap = &call->request.rewrap_key;

	*passphrase = keys_trim(rewrap->passphrase);
	if (rewrap->key_file && rewrap->passphrase.len > 0)
		return call_fail(call, COFFER_INVALID_ARGUMENT,
				 "either a passphrase or the key file");
	if (!rewrap->key_file && passphrase->len == 0)
		return call_fail(call, COFFER_INVALID_ARGUMENT, "the passphrase is empty");
	if (passphrase->len > KEYS_PASSPHRASE_MAX)
		return call_fail(call, COFFER_INVALID_ARGUMENT,
				 "the passphrase is longer than %d bytes", KEYS_PASSPHRASE_MAX);
	call_reason(call, rewrap->key_file ? "to a key file" : "to a passphrase");
	return COFFER_OK;
}

/* There is a key, and nothing is under way that needs it to stay. */
static coffer_err check_state(struct call *call)
{
	coffer_err err;

	if (call->rpc->core->key_file == NULL)
		return call_fail(call, COFFER_FAILED_PRECONDITION,
				 "the store is in memory: no key opens it");
	/* Other hosts have it too, and open it as it was when they joined. */
	if (call->rpc->core->mirror != NULL)
		return call_fail(call, COFFER_FAILED_PRECONDITION,
				 "the key of a store that has a bucket cannot be changed");
	/* It has the slots of its beginning, and would end with a database that they do not open. */
	if (call->rpc->backup.open != NULL)
		return call_fail(call, COFFER_FAILED_PRECONDITION,
				 "a backup is being made: wait until that is done");
	err = rotation_find(call->rpc->core);
	if (err == COFFER_OK)
		return call_fail(call, COFFER_FAILED_PRECONDITION,
				 "the key is being rotated: wait until that is done");
	return err == COFFER_NOT_FOUND ? COFFER_OK : err;
}

static coffer_err unusable_file(struct call *call, coffer_err err)
{
	return call_fail(call, err, "the key file %s cannot be used: the daemon's log says why",
			 call->rpc->core->key_file);
}

coffer_err operator_rewrap_key(struct call *call)
{
	struct core *core = call->rpc->core;
	coffer_v1_RewrapKeyResponse reply = { .slot = 0 };
	struct slice passphrase;
	coffer_err err;

	if ((err = check(call, &passphrase)) != COFFER_OK || (err = check_state(call)) != COFFER_OK)
		return err;
	err = keys_change(core, passphrase, &reply.slot);
	if (err == COFFER_FAILED_PRECONDITION)
		return unusable_file(call, err);
	if (err != COFFER_OK)
		return err;
	if (call->request.rewrap_key.key_file)
		reply.key_file = slice_str(core->key_file);
	return codec_append(call->out, coffer_v1_RewrapKeyResponse_fields, &reply);
}

coffer_err operator_rotate_key(struct call *call)
{
	const struct slice passphrase = keys_trim(call->request.rotate_key.passphrase);
	struct core *core = call->rpc->core;
	coffer_v1_RotateKeyResponse reply = { .epoch = 0 };
	coffer_err err;

	if ((err = check_state(call)) != COFFER_OK)
		return err;
	err = rotation_begin(core, passphrase);
	if (err == COFFER_INVALID_ARGUMENT)
		return call_fail(call, err,
				 passphrase.len > 0 ? "a key file opens the store, no passphrase"
						    : "it takes the passphrase of the store");
	if (err == COFFER_PERMISSION_DENIED)
		return call_fail(call, COFFER_INVALID_ARGUMENT,
				 passphrase.len > 0
				     ? "the passphrase is wrong: give the one that was set last"
				     : "the key file is not this store's any more");
	if (err == COFFER_FAILED_PRECONDITION)
		return unusable_file(call, err);
	if (err != COFFER_OK)
		return err;
	call->rpc->chores_due = true;
	reply.epoch = rotation_epoch(core);
	call_reason(call, "epoch %u", reply.epoch);
	return codec_append(call->out, coffer_v1_RotateKeyResponse_fields, &reply);
}

coffer_err operator_end_rotation(struct call *call)
{
	call_reason(call, "epoch %u", rotation_epoch(call->rpc->core));
	return rotation_end(call->rpc->core);
}
