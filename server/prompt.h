/* prompt.h - asking a person for a secret on the terminal. Layer: main. */
#ifndef PROMPT_H
#define PROMPT_H

#include <coffer/error.h>

#include "base/secret.h"

/* Shows text on the controlling terminal and reads one line of at most max bytes without echo, with its
 * newline. COFFER_NOT_FOUND if there is no terminal; COFFER_UNAVAILABLE if no line came, also because a signal
 * that ends the process did: the terminal is then as it was before, and the signal takes effect. */
COFFER_MUST_USE coffer_err prompt_secret(const char *text, struct arena *arena, size_t max,
					 struct secret *out);

#endif
