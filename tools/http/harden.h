/* harden.h - what the process gives up, and how its memory is kept. Layer: tools. */
#ifndef HTTP_HARDEN_H
#define HTTP_HARDEN_H

#include <coffer/error.h>
#include <stddef.h>

/* Before anything is opened but what was passed on: no core dump, no tracing by others of the uid, no new
 * privileges, no authority of the parent's environment, and of the parent's descriptors those up to keep alone, of
 * which 0, 1 and 2 are there afterwards. Blocks that are freed are overwritten. COFFER_INTERNAL, with the reason
 * logged. */
COFFER_MUST_USE coffer_err harden_process(int keep);

/* Lets so many descriptors be open for connections and calls, beside those of the process itself. COFFER_INVALID_ARGUMENT,
 * with the reason logged: the hard limit is lower. */
COFFER_MUST_USE coffer_err harden_files(size_t wanted);

/* Keeps memory out of the swap, where the limits allow it; else says so. */
void harden_memory(void);

#endif
