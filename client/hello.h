/* hello.h - what a session says first, as an encoded Hello frame that is kept for reconnecting. Layer:
 * client. */
#ifndef CLIENT_HELLO_H
#define CLIENT_HELLO_H

#include <coffer/client.h>

#include "transport.h"

/* Room for one Hello frame. */
#define HELLO_ROOM 4096

/* Encodes the Hello frame into pages of its own (see pages.h), for it holds the token. The caller frees
 * *out with hello_free. Failures are written to t's message, never with the token: COFFER_INVALID_ARGUMENT
 * if there is no token or a setting is not of its form, COFFER_RESOURCE_EXHAUSTED. */
COFFER_MUST_USE coffer_err hello_make(struct slice *out, const struct coffer_options *options,
				      struct transport *t);

/* Wipes and unmaps; *hello becomes empty. An empty one is fine. */
void hello_free(struct slice *hello);

#endif
