/* join.h - a new store that is in a bucket from its beginning: this host's share of the one that is there, or the first.
 * Layer: main. */
#ifndef JOIN_H
#define JOIN_H

#include <coffer/error.h>

#include "config.h"
#include "server.h"

/* In the open transaction of a store that was made: puts it into the bucket, last of all before it is committed.
 * COFFER_ALREADY_EXISTS if there is one by now. Failures are logged. */
COFFER_MUST_USE coffer_err join_begin(struct server *server, const struct config *config,
				      int64_t now_ms);

/* Fills the new store: with that which the bucket has, if the key file or the passphrase opens it, else with one of its
 * own. On failure nothing was changed, here or there; the cause is logged. */
COFFER_MUST_USE coffer_err join_init(struct server *server, const struct config *config);

#endif
