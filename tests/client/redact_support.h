/* redact_support.h - a redactor, two streams over it, and what they have written. */
#ifndef REDACT_SUPPORT_H
#define REDACT_SUPPORT_H

#include <coffer/redact.h>
#include <string.h>

#include "support.h"

#define M COFFER_REDACT_MARKER

struct written {
	uint8_t data[65536];
	size_t len;
	coffer_err answer; /* what the writer returns */
	int calls;
};

struct redaction {
	struct coffer_redactor *redactor;
	struct coffer_redact_stream *out, *err;
	struct written to_out, to_err;
};

static inline coffer_err redaction_write(void *context, const uint8_t *data, size_t len)
{
	struct written *to = context;

	to->calls++;
	if (to->answer != COFFER_OK)
		return to->answer;
	assert_in_range(len, 1, sizeof(to->data) - to->len);
	memcpy(to->data + to->len, data, len);
	to->len += len;
	return COFFER_OK;
}

/* For cmocka: each case has its own in *state. */
static inline int redaction_open(void **state)
{
	struct redaction *r = test_calloc(1, sizeof(*r));

	assert_int_equal(coffer_redactor_new(&r->redactor), COFFER_OK);
	assert_int_equal(
	    coffer_redact_stream_new(&r->out, r->redactor, redaction_write, &r->to_out), COFFER_OK);
	assert_int_equal(
	    coffer_redact_stream_new(&r->err, r->redactor, redaction_write, &r->to_err), COFFER_OK);
	*state = r;
	return 0;
}

static inline int redaction_close(void **state)
{
	struct redaction *r = *state;

	coffer_redact_stream_free(r->out);
	coffer_redact_stream_free(r->err);
	coffer_redactor_free(r->redactor);
	test_free(r);
	return 0;
}

static inline void redaction_feed(struct redaction *r, const void *text, size_t len)
{
	assert_int_equal(coffer_redact_feed(r->out, text, len), COFFER_OK);
}

/* All that was written since the last call, and nothing else. */
static inline void redaction_expect(struct redaction *r, const char *want)
{
	r->to_out.data[r->to_out.len] = '\0';
	assert_string_equal((char *)r->to_out.data, want);
	r->to_out.len = 0;
}

#endif
