/* unknown.h - the text about secrets that nobody knows, the same as the daemon's. Layer: client. */
#ifndef CLIENT_UNKNOWN_H
#define CLIENT_UNKNOWN_H

#include <coffer/limits.h>
#include <stddef.h>

/* Adds a name to the text, which has count of them: "unknown secret 'A'", "unknown secrets 'A', 'B'". There
 * is room for those of a batch; "..." stands for what goes beyond. */
void unknown_add(char text[COFFER_MESSAGE_MAX + 1], size_t count, const char *name);

#endif
