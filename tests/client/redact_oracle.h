/* redact_oracle.h - what redaction must give, found in the plainest way: every pattern at every position. */
#ifndef REDACT_ORACLE_H
#define REDACT_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ORACLE_PATTERNS_MAX 16
#define ORACLE_TEXT_MAX     1024
/* A byte of a text can become one marker; two cannot, for markers do not touch. */
#define ORACLE_OUT_MAX (14 * ORACLE_TEXT_MAX)

struct oracle_pattern {
	uint8_t data[ORACLE_TEXT_MAX];
	size_t len; /* at least 8 */
};

struct oracle {
	struct oracle_pattern patterns[ORACLE_PATTERNS_MAX];
	size_t patterns_len;
	uint8_t text[ORACLE_TEXT_MAX];
	size_t text_len;
	bool covered[ORACLE_TEXT_MAX]; /* by a match in the text so far */
	size_t seen;                   /* as much of the text is so far */
	size_t out_len;
	uint8_t out[ORACLE_OUT_MAX];
};

/* Sees the text up to len, which grows from call to call, 0 at the first; out becomes all that must have been
 * written by then: all but what a live partial match holds back. */
void oracle_feed(struct oracle *oracle, size_t len);

/* out becomes what must have been written once the text has ended where it was seen up to. */
void oracle_end(struct oracle *oracle);

#endif
