/* writes.h - a list of coffer.v1.SecretWrite, as PutSecret and CreateRun carry it. Layer: rpc, inside. */
#ifndef RPC_WRITES_H
#define RPC_WRITES_H

#include "core/secrets.h"
#include "rpc/call.h"

/* Is told of each secret that was written. */
typedef coffer_err (*writes_told)(struct call *call, const struct secrets_target *target,
				  uint32_t version);

/* Writes the secrets in the request's field of that tag to scope, in the open transaction: all of them,
 * or an error with its message. None is an error unless told is NULL. */
COFFER_MUST_USE coffer_err writes_put(struct call *call, uint32_t tag, struct slice scope,
				      writes_told told);

/* The message for what a write of that secret came to; returns err. */
COFFER_MUST_USE coffer_err writes_fail(struct call *call, coffer_err err, struct slice name);

#endif
