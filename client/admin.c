#include "admin.h"

#include "wipe.h"

#include <stdlib.h>

coffer_err coffer_admin_open(struct coffer_admin **out, const char *socket, int timeout_ms)
{
	struct coffer_admin *admin = calloc(1, sizeof(*admin));
	coffer_err err;

	*out = admin;
	if (admin == NULL)
		return COFFER_RESOURCE_EXHAUSTED;
	if ((err = transport_init(&admin->transport, timeout_ms)) != COFFER_OK ||
	    (err = transport_address(&admin->transport, socket)) != COFFER_OK)
		return err;
	/* No Hello tells the daemon's own limit here. */
	admin->transport.frame_max = COFFER_VALUE_MAX_CEILING + COFFER_FRAME_OVERHEAD;
	if ((err = transport_arm(&admin->transport)) == COFFER_OK)
		err = transport_connect(&admin->transport);
	admin->opened = err == COFFER_OK;
	return err;
}

void coffer_admin_close(struct coffer_admin *admin)
{
	if (admin == NULL)
		return;
	transport_destroy(&admin->transport);
	wipe(admin, sizeof(*admin));
	free(admin);
}

const char *coffer_admin_message(const struct coffer_admin *admin)
{
	return admin != NULL ? admin->transport.message : "out of memory";
}

coffer_err admin_arm(struct coffer_admin *admin)
{
	coffer_err err = transport_arm(&admin->transport);

	if (err == COFFER_OK && !admin->opened)
		return transport_fail(&admin->transport, COFFER_FAILED_PRECONDITION,
				      "the connection could not be opened");
	return err;
}

void admin_put_write(struct call *call, uint32_t tag, const struct coffer_write *write)
{
	coffer_v1_SecretWrite message = {
		.name = slice_str(write->name),
		.value = { write->data, write->len },
		.check_version = write->if_version.check,
		.if_version = write->if_version.version,
		.source = slice_str(write->source),
		.set_note = write->note != NULL,
		.note = slice_str(write->note),
		.expires_at_ms = write->expires_at_ms,
	};

	call_put_message(call, tag, coffer_v1_SecretWrite_fields, &message);
}
