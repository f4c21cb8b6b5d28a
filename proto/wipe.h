/* wipe.h - zeroing that the optimiser keeps. Layer: wire. */
#ifndef WIPE_H
#define WIPE_H

#include <stddef.h>

/* Overwrites len bytes at p with zeros. p may be NULL if len is 0. */
void wipe(void *p, size_t len);

#endif
