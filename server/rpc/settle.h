/* settle.h - a change that a bucket must hold before it is made here: its request waits, and is dispatched again.
 * Layer: rpc, inside. */
#ifndef RPC_SETTLE_H
#define RPC_SETTLE_H

#include "rpc/methods.h"

/* Before the handler: whether it is not to be called, as what the request waits for is not there yet (call->wait_ms is
 * set) or has failed (*err, with its message). */
bool settle_waits(struct call *call, coffer_err *err);

/* In the open transaction, after the handler, whose change is to be in the bucket: commits it if the bucket has it. Else
 * the transaction is rolled back, and the request has to wait (call->wait_ms) or has failed. */
COFFER_MUST_USE coffer_err settle(struct call *call);

/* What is left of a change that could not be committed. */
const char *settle_left(const struct call *call);

/* The request has its answer. */
void settle_end(struct call *call);

#endif
