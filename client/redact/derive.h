/* derive.h - the patterns under which a value may show up in a log. Layer: client/redact.
 *
 * The value as it is, without white space at its end, without quotes around it, each in every form of escape.h and
 * encode.h. Of a value of several lines also the lines joined with LF, CRLF and a space, and each long line, in the
 * forms of escape.h. Bytes that are no text have no lines, and no form of escape.h if they are many: nobody writes
 * them so, and the engine would grow by a hundred times their size. A pattern of fewer than PATTERNS_LEN_MIN bytes,
 * white space at its ends not counted, is left out. */
#ifndef REDACT_DERIVE_H
#define REDACT_DERIVE_H

#include "patterns.h"

#include <stdbool.h>

/* A line of a value is a pattern of its own from this length on. */
#define DERIVE_LINE_MIN 16
/* Bytes that are no text are escaped up to this length. */
#define DERIVE_ESCAPED_MAX 4096

/* Whether len bytes at data are enough to be a pattern. */
bool derive_is_long_enough(const uint8_t *data, size_t len);

/* Adds the patterns of len bytes at value. COFFER_FAILED_PRECONDITION: it is too short, nothing was added.
 * COFFER_RESOURCE_EXHAUSTED: some may have been added. */
COFFER_MUST_USE coffer_err derive_patterns(struct patterns *to, const uint8_t *value, size_t len);

#endif
