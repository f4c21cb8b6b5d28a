/* bound.h - what the daemon does by itself about runs that are bound to a process. Layer: rpc. */
#ifndef RPC_BOUND_H
#define RPC_BOUND_H

#include "rpc/dispatch.h"

/* At the start, before anybody is served: binds live runs to their processes again, and revokes those whose
 * process is gone, or whose number is another's by now. Errors of the store. */
COFFER_MUST_USE coffer_err bound_restore(struct rpc *rpc);

/* Readable when a process has exited. */
int bound_descriptor(const struct rpc *rpc);

/* Revokes the runs whose processes have exited, each in a transaction and with a record of its own. What
 * cannot be stored now is dead all the same, and is tried again by the next call. */
void bound_end(struct rpc *rpc);

#endif
