/* values.h - values and what is told of them, on the way into a reply. Layer: rpc, inside. */
#ifndef RPC_VALUES_H
#define RPC_VALUES_H

#include "core/secrets.h"
#include "rpc/call.h"

/* Writes the row's value as a bytes field of the reply, in place. With a message: COFFER_DATA_LOSS, or
 * COFFER_FAILED_PRECONDITION if its source cannot be read; only operators are told where that is. */
COFFER_MUST_USE coffer_err values_append(struct call *call, uint32_t tag,
					 const struct store_secret *row);

/* Appends a coffer.v1.SecretInfo of the row, with what operators alone are told. COFFER_DATA_LOSS, with a
 * message. */
COFFER_MUST_USE coffer_err values_append_info(struct call *call, uint32_t tag,
					      const struct store_secret *row);

/* "unknown secret 'X'", and for the record alone whether it has expired: after a look-up that found nothing
 * and left row. */
COFFER_MUST_USE coffer_err values_unknown(struct call *call, struct slice name,
					  const struct store_secret *row);

#endif
