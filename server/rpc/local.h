/* local.h - what the daemon asks of itself: through the same steps as a peer's request, so it is
 * authorized, transacted and audited like one. Layer: rpc. */
#ifndef RPC_LOCAL_H
#define RPC_LOCAL_H

#include <coffer/error.h>

#include "base/secret.h"
#include "rpc/dispatch.h"
#include "slice.h"

struct method;

/* Runs one method with an encoded body; its reply's body goes to out. For rpc's own use. */
COFFER_MUST_USE coffer_err local_run(struct rpc *rpc, const struct method *method,
				     struct slice body, struct buf *out);

/* Stores a global secret; value is arena memory. A failure is logged with the secret's name. */
COFFER_MUST_USE coffer_err local_put(struct rpc *rpc, struct slice name, struct slice value);

/* Creates a run for tests. id and token are the run's; the caller frees token. */
COFFER_MUST_USE coffer_err local_create_run(struct rpc *rpc, char id[COFFER_ID_LEN + 1],
					    struct secret *token);

/* Moves the secrets of a flat store, unless it was done before. Where that fails it is logged and left to the next
 * start: they stay reachable where they are. COFFER_INTERNAL and COFFER_DATA_LOSS as of the store. */
COFFER_MUST_USE coffer_err local_migrate(struct rpc *rpc);

/* Records that the store is that of a backup, made at that time when record audit_seq was the newest. With damaged
 * above 0, so many records in it do not open: of those, it erases what is not the newest version of a secret. */
COFFER_MUST_USE coffer_err local_restored(struct rpc *rpc, int64_t created_ms, uint64_t audit_seq,
					  uint64_t damaged);

#endif
