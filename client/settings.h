/* settings.h - what a session is opened with: an option, else a variable of the environment. Layer: client.
 *
 * Empty is as good as not given. In a set-user-ID program no variable is read, for the environment is the
 * caller's. Failures are COFFER_INVALID_ARGUMENT, written to t's message, never with the token. */
#ifndef CLIENT_SETTINGS_H
#define CLIENT_SETTINGS_H

#include <coffer/client.h>

#include "transport.h"

/* NULL if neither is set. */
const char *settings_get(const char *option, const char *variable);

/* The path of the runner socket. */
COFFER_MUST_USE coffer_err settings_socket(const char **path, const struct coffer_options *options,
					   struct transport *t);

/* The token, which stands in *tokens: the caller frees them in any case. */
COFFER_MUST_USE coffer_err settings_token(struct slice *token, struct coffer_tokens *tokens,
					  const struct coffer_options *options,
					  struct transport *t);

#endif
