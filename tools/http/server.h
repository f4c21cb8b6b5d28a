/* server.h - libmicrohttpd, and what it calls. Layer: tools. */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include <stdatomic.h>

#include "routes.h"
#include "settings.h"
#include "tls.h"

/* Each connection has a thread of its own, so that one that waits holds up no other. */
struct server {
	struct MHD_Daemon *daemon; /* NULL: not started */
	struct shim shim;
	bool requires_client;
	atomic_bool draining;
	MHD_socket quiet; /* the listening socket, once nothing is accepted on it */
};

/* Serves on fd, which it owns from then on, also after a failure. settings is borrowed until server_stop; tls can be
 * freed when this returns. COFFER_INTERNAL, with the reason logged. */
COFFER_MUST_USE coffer_err server_start(struct server *server, const struct settings *settings,
					const struct tls *tls, int fd);

/* Accepts no more, and lets each connection end when what has arrived on it is answered, for some seconds at most. */
void server_drain(struct server *server);

/* Closes what is still open. False: some threads still wait for the daemon. Nothing was freed: end the process. */
COFFER_MUST_USE bool server_stop(struct server *server);

#endif
