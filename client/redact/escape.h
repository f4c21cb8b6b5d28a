/* escape.h - a value as programs write it into other text: JSON, shell, URL, XML. Layer: client/redact.
 *
 * Each form is what stands between the quotes, never the quotes themselves. */
#ifndef REDACT_ESCAPE_H
#define REDACT_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Forms, and how many bytes one byte can become at most in any of them. */
#define ESCAPE_FORMS  22
#define ESCAPE_GROWTH 6

/* Writes form (below ESCAPE_FORMS) of len bytes at in to out, which has room for ESCAPE_GROWTH * len, and returns
 * its length. */
size_t escape_form(size_t form, uint8_t *out, const uint8_t *in, size_t len);

/* Whether it is text: UTF-8 without a NUL. */
bool escape_is_text(const uint8_t *in, size_t len);

#endif
