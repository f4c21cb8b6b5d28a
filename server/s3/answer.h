/* answer.h - what a reply of the store means: a code, whether to try again, and words for people. Layer: s3. */
#ifndef S3_ANSWER_H
#define S3_ANSWER_H

#include <coffer/error.h>
#include <stdbool.h>

#include "s3/settings.h"
#include "slice.h"

#define ANSWER_TEXT_MAX 400

struct answer {
	coffer_err code;
	bool again; /* it may come out otherwise in a moment */
	char text[ANSWER_TEXT_MAX];
};

/* Empties *out and sets it to err with that text. */
void answer_set(struct answer *out, coffer_err err, bool again, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Of a whole reply: COFFER_OK for 2xx; COFFER_NOT_FOUND: no such object, in S3's words; COFFER_ALREADY_EXISTS: the
 * condition of a write did not hold; COFFER_PERMISSION_DENIED: the keys; COFFER_FAILED_PRECONDITION: the bucket, the
 * region, or that it is no S3 server; COFFER_UNIMPLEMENTED: conditional writes; COFFER_UNAVAILABLE, to be tried
 * again: the store is too busy. What the reply says is cleaned before it goes into the text. */
void answer_read(struct answer *out, const struct settings *settings, long status,
		 struct slice body);

#endif
