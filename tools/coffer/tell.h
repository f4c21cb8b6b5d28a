/* tell.h - telling a token's holder its environment, as lines for a shell. Layer: tools. */
#ifndef TELL_H
#define TELL_H

#include "bytes.h"

/* Appends "KEY=value", quoted where a shell needs it, and a newline. */
void tell_line(struct bytes *out, const char *key, const char *value);

/* Appends the path, made absolute, and a NUL: who is told of it may start in another folder than ours. */
void tell_path(struct bytes *out, const char *path);

#endif
