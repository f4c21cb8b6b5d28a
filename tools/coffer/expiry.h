/* expiry.h - when a secret ends, as it is typed. Layer: tools. */
#ifndef EXPIRY_H
#define EXPIRY_H

#include <stdbool.h>
#include <stdint.h>

/* Reads a duration from now on ("30d") or a time of RFC 3339 ("2026-12-24T00:00:00Z") as milliseconds since
 * 1970. False if text is neither. */
bool expiry_read(const char *text, int64_t *at_ms);

#endif
