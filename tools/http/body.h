/* body.h - the bytes of a reply, which leave nothing behind. Layer: tools.
 *
 * Growth copies and wipes, as realloc would leave the old bytes in the heap. A failure sticks: a caller may
 * append at will and look once. */
#ifndef HTTP_BODY_H
#define HTTP_BODY_H

#include <stdbool.h>
#include <stddef.h>

/* Zero it to begin. data is NULL until something was appended. */
struct body {
	char *data;
	size_t len;
	size_t cap;
	bool failed;
};

void body_append(struct body *body, const char *data, size_t len);
void body_print(struct body *body, const char *format, ...) __attribute__((format(printf, 2, 3)));
void body_free(struct body *body); /* wipes and empties */

#endif
