/* pages.h - memory of its own for what must not outlive its use: locked as far as the system lets it be,
 * left out of core dumps, empty in a forked child. Layer: client. */
#ifndef CLIENT_PAGES_H
#define CLIENT_PAGES_H

#include <stddef.h>
#include <stdint.h>

/* len bytes of zeros, or NULL. The caller frees them with pages_free. */
uint8_t *pages_map(size_t len);

/* Wipes and unmaps. pages may be NULL. */
void pages_free(uint8_t *pages, size_t len);

#endif
