#include "admin.h"

#include "copy.h"

static coffer_err rewrap(struct coffer_admin *admin, const coffer_v1_RewrapKeyRequest *request,
			 char **path)
{
	coffer_v1_RewrapKeyResponse reply;
	struct call call;
	coffer_err err;

	call_begin(&call, &admin->transport, "RewrapKey", CALL_CHANGES);
	call_put(&call, coffer_v1_RewrapKeyRequest_fields, request);
	err = call_exchange(&call, coffer_v1_RewrapKeyResponse_fields, &reply, sizeof(reply));
	if (err == COFFER_OK && path != NULL)
		err = copy_string(reply.key_file, path);
	return call_end(&call, err);
}

coffer_err coffer_admin_use_passphrase(struct coffer_admin *admin, const uint8_t *passphrase,
				       size_t len)
{
	const coffer_v1_RewrapKeyRequest request = { .passphrase = { passphrase, len } };
	coffer_err err = admin_arm(admin);

	return err == COFFER_OK ? rewrap(admin, &request, NULL) : err;
}

coffer_err coffer_admin_use_key_file(struct coffer_admin *admin, char **path)
{
	const coffer_v1_RewrapKeyRequest request = { .key_file = true };
	coffer_err err = admin_arm(admin);

	*path = NULL;
	return err == COFFER_OK ? rewrap(admin, &request, path) : err;
}

coffer_err coffer_admin_rotate_key(struct coffer_admin *admin, const uint8_t *passphrase,
				   size_t len, uint32_t *epoch)
{
	const coffer_v1_RotateKeyRequest request = { .passphrase = { passphrase, len } };
	coffer_v1_RotateKeyResponse reply;
	struct call call;
	coffer_err err;

	if ((err = admin_arm(admin)) != COFFER_OK)
		return err;
	call_begin(&call, &admin->transport, "RotateKey", CALL_CHANGES);
	call_put(&call, coffer_v1_RotateKeyRequest_fields, &request);
	err = call_exchange(&call, coffer_v1_RotateKeyResponse_fields, &reply, sizeof(reply));
	if (err == COFFER_OK && epoch != NULL)
		*epoch = reply.epoch;
	return call_end(&call, err);
}
