/* admin.h - what an operator's connection is made of. Layer: client; its public face is coffer/admin.h. */
#ifndef CLIENT_ADMIN_H
#define CLIENT_ADMIN_H

#include <coffer/admin.h>

#include "call.h"
#include "transport.h"

struct coffer_admin {
	struct transport transport;
	bool opened;
};

/* Begins a public call. COFFER_FAILED_PRECONDITION if admin was never opened, or in a forked child. */
COFFER_MUST_USE coffer_err admin_arm(struct coffer_admin *admin);

/* Adds one secret to write to the request. */
void admin_put_write(struct call *call, uint32_t tag, const struct coffer_write *write);

/* The part of a status that is about a bucket. COFFER_INTERNAL if a text has not its length. */
COFFER_MUST_USE coffer_err admin_copy_mirror(const coffer_v1_MirrorStatus *from,
					     struct coffer_status *out);

#endif
