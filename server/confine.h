/* confine.h - the sandbox that fits a daemon: which folders it goes on using. Layer: main. */
#ifndef CONFINE_H
#define CONFINE_H

#include <coffer/error.h>

#include "net/net.h"
#include "server.h"

/* Enters the sandbox as the setting says: the home, the database's folder and, of sockets that are removed at the
 * end, their folders; files are readable everywhere, or in source_dirs and the folder of the settings file alone.
 * After all is opened and before anybody is served. Source folders are kept to or the daemon does not start, also
 * without a sandbox. COFFER_FAILED_PRECONDITION: the kernel cannot do what is required. Failures are logged. */
COFFER_MUST_USE coffer_err confine_enter(const struct config *config, const struct server *server,
					 const struct net *net);

#endif
