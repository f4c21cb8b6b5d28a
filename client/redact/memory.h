/* memory.h - memory that held a secret, given back wiped. Layer: client/redact.
 *
 * Patterns, and every table made of them, tell secrets. They live in the heap of libc alone, never pass through
 * realloc, and are freed with these. */
#ifndef REDACT_MEMORY_H
#define REDACT_MEMORY_H

#include <stddef.h>

/* count zeroed items of size bytes, as calloc gives them; NULL if there is no memory. Never of 0 bytes. */
void *memory_take(size_t count, size_t size);

/* Wipes and frees what memory_take gave for the same count and size. p may be NULL. */
void memory_give(void *p, size_t count, size_t size);

#endif
