/* Patterns, a text and its cuts out of one input, against the oracle of the property test: whatever is fed, what
 * has been written is what must have been, after each chunk and at the end. */
#include <coffer/redact.h>

#include "client/redact_oracle.h"

#include "check.h"
#include <string.h>

struct input {
	const uint8_t *data;
	size_t len;
};

struct output {
	uint8_t data[ORACLE_OUT_MAX];
	size_t len;
};

static uint8_t take(struct input *in)
{
	if (in->len == 0)
		return 0;
	in->len--;
	return *in->data++;
}

static coffer_err gather(void *context, const uint8_t *data, size_t len)
{
	struct output *output = context;

	CHECK(len > 0 && len <= sizeof(output->data) - output->len);
	memcpy(output->data + output->len, data, len);
	output->len += len;
	return COFFER_OK;
}

static void read_patterns(struct input *in, struct oracle *oracle, struct coffer_redactor *redactor)
{
	size_t count = 1 + take(in) % ORACLE_PATTERNS_MAX;

	oracle->patterns_len = 0;
	while (count-- > 0 && in->len > 0) {
		struct oracle_pattern *pattern = &oracle->patterns[oracle->patterns_len];
		coffer_err err;

		pattern->len = take(in);
		if (pattern->len > in->len)
			pattern->len = in->len;
		memcpy(pattern->data, in->data, pattern->len);
		in->data += pattern->len;
		in->len -= pattern->len;
		err = coffer_redactor_add_exact(redactor, "A", pattern->data, pattern->len);
		CHECK(err == COFFER_OK || err == COFFER_FAILED_PRECONDITION);
		CHECK(err != COFFER_OK || pattern->len >= 8);
		if (err == COFFER_OK)
			oracle->patterns_len++;
	}
}

static void expect(const struct oracle *oracle, const struct output *output)
{
	CHECK(output->len == oracle->out_len);
	CHECK(memcmp(output->data, oracle->out, output->len) == 0);
}

static void read_text(struct input *in, struct oracle *oracle, struct coffer_redact_stream *stream,
		      const struct output *output)
{
	size_t step = take(in);

	oracle->text_len = in->len < ORACLE_TEXT_MAX ? in->len : ORACLE_TEXT_MAX;
	if (oracle->text_len > 0)
		memcpy(oracle->text, in->data, oracle->text_len);
	memset(oracle->covered, 0, sizeof(oracle->covered));
	for (size_t at = 0; at < oracle->text_len;) {
		size_t len = 1 + step % 64;

		if (len > oracle->text_len - at)
			len = oracle->text_len - at;
		CHECK(coffer_redact_feed(stream, in->data + at, len) == COFFER_OK);
		at += len;
		step = step * 5 + 3;
		oracle_feed(oracle, at);
		expect(oracle, output);
	}
	CHECK(coffer_redact_end(stream) == COFFER_OK);
	oracle_feed(oracle, oracle->text_len);
	oracle_end(oracle);
	expect(oracle, output);
}

/* The same bytes as a value: every form of it is made without harm, and none is found in nothing. */
static void derive(const uint8_t *data, size_t len)
{
	static struct output output;
	struct coffer_redactor *redactor;
	struct coffer_redact_stream *stream;
	coffer_err err;

	output.len = 0;
	CHECK(coffer_redactor_new(&redactor) == COFFER_OK);
	CHECK(coffer_redact_stream_new(&stream, redactor, gather, &output) == COFFER_OK);
	err = coffer_redactor_add(redactor, "A", data, len);
	CHECK(err == COFFER_OK || err == COFFER_FAILED_PRECONDITION);
	CHECK(coffer_redact_feed(stream, data, len < ORACLE_TEXT_MAX ? len : ORACLE_TEXT_MAX) ==
	      COFFER_OK);
	CHECK(coffer_redact_end(stream) == COFFER_OK);
	if (err == COFFER_OK && len <= ORACLE_TEXT_MAX)
		CHECK(output.len == strlen(COFFER_REDACT_MARKER));
	coffer_redact_stream_free(stream);
	coffer_redactor_free(redactor);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct oracle oracle;
	static struct output output;
	struct input in = { data, len };
	struct coffer_redactor *redactor;
	struct coffer_redact_stream *stream;

	output.len = 0;
	CHECK(coffer_redactor_new(&redactor) == COFFER_OK);
	CHECK(coffer_redact_stream_new(&stream, redactor, gather, &output) == COFFER_OK);
	read_patterns(&in, &oracle, redactor);
	read_text(&in, &oracle, stream, &output);
	coffer_redact_stream_free(stream);
	coffer_redactor_free(redactor);
	derive(data, len);
	return 0;
}
