/* Goal of this test: whatever the patterns, the text and the cuts between chunks, what is written is the union that
 * the oracle finds, and after each chunk nothing more is held back than must be. */
#include <coffer/redact.h>

#include "redact_oracle.h"
#include "support.h"

#include <stdio.h>
#include <string.h>

#define CASES 100000

struct output {
	uint8_t data[ORACLE_OUT_MAX];
	size_t len;
};

static coffer_err gather(void *context, const uint8_t *data, size_t len)
{
	struct output *output = context;

	if (len == 0 || len > sizeof(output->data) - output->len)
		return COFFER_INTERNAL;
	memcpy(output->data + output->len, data, len);
	output->len += len;
	return COFFER_OK;
}

/* xorshift64*: the same cases in each run, told apart by their number. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dU;
}

static size_t below(uint64_t *state, size_t limit)
{
	return (size_t)((next_random(state) >> 33) % limit);
}

static void fill(uint64_t *random, uint8_t *out, size_t len, size_t letters)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)below(random, letters);
}

/* A pattern of its own, or one that shares its beginning with, lies within, repeats or ends with an earlier one. */
static void make_pattern(uint64_t *random, struct oracle *oracle, size_t letters, size_t len_max)
{
	struct oracle_pattern *made = &oracle->patterns[oracle->patterns_len];
	const struct oracle_pattern *other =
	    oracle->patterns_len ? &oracle->patterns[below(random, oracle->patterns_len)] : made;
	size_t kind = oracle->patterns_len ? below(random, 5) : 0, from;

	made->len = 8 + below(random, len_max - 7);
	fill(random, made->data, made->len, letters);
	if (kind == 1) {
		from = 1 + below(random, other->len);
		memcpy(made->data, other->data, from < made->len ? from : made->len);
	} else if (kind == 2) {
		made->len = 8 + below(random, other->len - 7);
		memcpy(made->data, other->data + below(random, other->len - made->len + 1),
		       made->len);
	} else if (kind == 3) {
		from = 1 + below(random, 8);
		for (size_t i = 0; i < made->len; i++)
			made->data[i] = other->data[i % from];
	} else if (kind == 4) {
		from = below(random, other->len - 3);
		memcpy(made->data, other->data + from,
		       other->len - from < made->len ? other->len - from : made->len);
	}
	oracle->patterns_len++;
}

/* Noise, and pieces of patterns in between. */
static void make_text(uint64_t *random, struct oracle *oracle, size_t letters, size_t len)
{
	fill(random, oracle->text, len, letters);
	oracle->text_len = len;
	for (size_t at = below(random, 60); at < len; at += below(random, 60)) {
		const struct oracle_pattern *pattern =
		    &oracle->patterns[below(random, oracle->patterns_len)];
		size_t from = below(random, 4) ? 0 : below(random, pattern->len);
		size_t part =
		    below(random, 2) ? pattern->len - from : below(random, pattern->len - from);

		if (part > len - at)
			part = len - at;
		memcpy(oracle->text + at, pattern->data + from, part);
		at += part;
	}
}

static void make_case(uint64_t *random, struct oracle *oracle)
{
	static const size_t alphabets[] = { 1, 2, 3, 16, 256 };
	size_t letters = alphabets[below(random, 5)];
	size_t len_max = below(random, 4) ? 24 : 64;
	size_t count = 1 + below(random, below(random, 8) ? 5 : ORACLE_PATTERNS_MAX);

	oracle->patterns_len = 0;
	while (oracle->patterns_len < count)
		make_pattern(random, oracle, letters, len_max);
	make_text(random, oracle, letters, below(random, below(random, 4) ? 120 : 400));
}

static void expect_output(uint64_t number, const struct oracle *oracle, const struct output *output)
{
	if (output->len != oracle->out_len || memcmp(output->data, oracle->out, output->len) != 0)
		fail_msg("case %llu, after %zu bytes: %zu bytes were written, %zu are right",
			 (unsigned long long)number, oracle->seen, output->len, oracle->out_len);
}

static void run_case(uint64_t number, struct oracle *oracle, struct output *output)
{
	uint64_t random = (number + 1) * 0x9e3779b97f4a7c15U;
	struct coffer_redactor *redactor;
	struct coffer_redact_stream *stream;
	size_t step_max;
	bool look;

	make_case(&random, oracle);
	memset(oracle->covered, 0, sizeof(oracle->covered));
	output->len = 0;
	step_max = (size_t)1 << below(&random, 10);
	look = below(&random, 4) == 0; /* the oracle is slow */
	assert_int_equal(coffer_redactor_new(&redactor), COFFER_OK);
	for (size_t i = 0; i < oracle->patterns_len; i++) {
		coffer_err err = coffer_redactor_add_exact(redactor, "A", oracle->patterns[i].data,
							   oracle->patterns[i].len);
		/* White space alone: the oracle must not look for it either. */
		if (err == COFFER_FAILED_PRECONDITION)
			oracle->patterns[i--] = oracle->patterns[--oracle->patterns_len];
		else
			assert_int_equal(err, COFFER_OK);
	}
	assert_int_equal(coffer_redact_stream_new(&stream, redactor, gather, output), COFFER_OK);
	for (size_t at = 0, step; at < oracle->text_len; at += step) {
		step = 1 + below(&random, step_max);
		if (step > oracle->text_len - at)
			step = oracle->text_len - at;
		/* In a block of its own, so that a look beyond it is found. */
		uint8_t *chunk = test_malloc(step);
		memcpy(chunk, oracle->text + at, step);
		assert_int_equal(coffer_redact_feed(stream, chunk, step), COFFER_OK);
		test_free(chunk);
		if (look) {
			oracle_feed(oracle, at + step);
			expect_output(number, oracle, output);
		}
	}
	assert_int_equal(coffer_redact_end(stream), COFFER_OK);
	oracle_feed(oracle, oracle->text_len);
	oracle_end(oracle);
	expect_output(number, oracle, output);
	coffer_redact_stream_free(stream);
	coffer_redactor_free(redactor);
}

static void agrees_with_the_oracle(void **state)
{
	static struct oracle oracle;
	static struct output output;

	(void)state;
	for (uint64_t number = 0; number < CASES; number++)
		run_case(number, &oracle, &output);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_the_oracle),
	};

	return cmocka_run_group_tests_name("redaction of 100,000 random texts in random chunks",
					   tests, NULL, NULL);
}
