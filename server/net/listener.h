/* listener.h - a listening Unix socket: passed on, or bound to a path. Layer: net, inside. */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include "net/net.h"

/* Binds path with that mode (and group, if it is not -1) and listens. A socket that nobody answers on is
 * replaced. COFFER_ALREADY_EXISTS: a daemon answers there, or something else than a socket is in the way.
 * COFFER_UNAVAILABLE: it cannot be bound. The reason is logged; on error *fd is -1. */
COFFER_MUST_USE coffer_err listener_bind(const char *path, unsigned mode, int64_t group, int *fd);

/* Opens what net_options says of that service: a socket that was passed on, or one that is bound here, of which
 * *path is what must be removed in the end (borrowed; else NULL). Errors as of listener_bind and
 * activation_take. */
COFFER_MUST_USE coffer_err listener_open(const struct net_options *options, rpc_service service,
					 int *fd, const char **path);

#endif
