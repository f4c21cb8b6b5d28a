/* registry.h - what a registry tells about its last call. Layer: client; its public face is
 * coffer/registry.h. */
#ifndef CLIENT_REGISTRY_H
#define CLIENT_REGISTRY_H

#include <coffer/registry.h>

/* Writes the message of a failure and returns err. */
COFFER_MUST_USE coffer_err registry_fail(struct coffer_registry *registry, coffer_err err,
					 const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Begins a public call: clears the message. */
void registry_begin(struct coffer_registry *registry);

#endif
