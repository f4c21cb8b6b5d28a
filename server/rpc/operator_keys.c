/* The Operator service: what opens the store. */
#include "core/keys.h"
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

coffer_err operator_rewrap_key(struct call *call)
{
	struct core *core = call->rpc->core;
	coffer_v1_RewrapKeyResponse reply = { .slot = 0 };
	struct slice passphrase;
	coffer_err err;

	if ((err = check(call, &passphrase)) != COFFER_OK)
		return err;
	err = keys_change(core, passphrase, &reply.slot);
	if (err == COFFER_FAILED_PRECONDITION && core->key_file == NULL)
		return call_fail(call, err, "the store is in memory: no key opens it");
	if (err == COFFER_FAILED_PRECONDITION)
		return call_fail(call, err,
				 "the key file %s cannot be used: the daemon's log says why",
				 core->key_file);
	if (err != COFFER_OK)
		return err;
	if (call->request.rewrap_key.key_file)
		reply.key_file = slice_str(core->key_file);
	return codec_append(call->out, coffer_v1_RewrapKeyResponse_fields, &reply);
}
