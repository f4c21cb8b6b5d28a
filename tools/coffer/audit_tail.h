/* audit_tail.h - the last lines of a text that comes in pieces. Layer: tools. */
#ifndef AUDIT_TAIL_H
#define AUDIT_TAIL_H

#include "bytes.h"

/* Zero it, but for max, to begin. The memory is that of the lines that are kept, and no more than a
 * multiple of them. */
struct audit_tail {
	size_t max; /* lines to keep */
	size_t lines;
	size_t start; /* of the first kept line in text */
	struct bytes text;
};

/* Adds whole lines, with their newlines. text.failed is set if there is no memory. */
void audit_tail_add(struct audit_tail *tail, const char *lines);

#endif
