/* bytes.h - a growing buffer that leaves nothing behind. Layer: tools.
 *
 * Growth copies and wipes, for realloc would leave the old bytes in the heap. A failure sticks:
 * after one, appends do nothing and failed is true, so that a caller may append at will and look
 * once. */
#ifndef BYTES_H
#define BYTES_H

#include <stdbool.h>
#include <stddef.h>

/* Zero it to begin. data is NULL until something was reserved. */
struct bytes {
	char *data;
	size_t len;
	size_t cap;
	bool failed;
};

/* Makes room for more bytes behind len. False, and failed, if there is no memory. */
bool bytes_reserve(struct bytes *bytes, size_t more);
void bytes_append(struct bytes *bytes, const char *data, size_t len);
void bytes_print(struct bytes *bytes, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Appends text as one word of a POSIX shell, in single quotes. */
void bytes_quote(struct bytes *bytes, const char *text);
/* Appends text with its control characters replaced, for terminals. */
void bytes_clean(struct bytes *bytes, const char *text);
void bytes_free(struct bytes *bytes); /* wipes and empties */

#endif
