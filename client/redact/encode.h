/* encode.h - a value as hexadecimal digits and as base64, wherever it stands in what was encoded.
 * Layer: client/redact. */
#ifndef REDACT_ENCODE_H
#define REDACT_ENCODE_H

#include <stddef.h>
#include <stdint.h>

/* Hexadecimal in lower and upper case; base64 and base64url, each behind 0, 1 and 2 unknown bytes. */
#define ENCODE_FORMS 8

/* Writes form (below ENCODE_FORMS) of len bytes at in to out, which has room for 2 * len, and returns its length.
 * Of base64 only the characters that do not depend on what stands before and behind the value. */
size_t encode_form(size_t form, uint8_t *out, const uint8_t *in, size_t len);

#endif
