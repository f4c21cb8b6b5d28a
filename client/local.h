/* local.h - a session over what was handed over in a file: the library answers each call itself, with the
 * errors and the words of the daemon. Layer: client. */
#ifndef CLIENT_LOCAL_H
#define CLIENT_LOCAL_H

#include "session.h"

extern const struct session_ops local_ops;

#endif
