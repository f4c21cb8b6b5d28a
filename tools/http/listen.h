/* listen.h - the socket that requests come in at. Layer: tools. */
#ifndef HTTP_LISTEN_H
#define HTTP_LISTEN_H

#include <stdbool.h>

#include "address.h"

/* Listens on text, "ADDRESS:PORT" (port 0: any that is free), and says where in *address. plain tells whether what
 * is sent there can be read on the way, and only a loopback address will do. COFFER_INVALID_ARGUMENT or
 * COFFER_UNAVAILABLE, with the reason logged; *fd is -1 then. */
COFFER_MUST_USE coffer_err listen_open(int *fd, struct address *address, const char *text,
				       bool plain);

/* The same checks of a socket that listens already. */
COFFER_MUST_USE coffer_err listen_adopt(int fd, struct address *address, bool plain);

#endif
