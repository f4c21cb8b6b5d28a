/* Goal of this test: each rule of redaction, by itself. */
#include "redact_support.h"

#include <stdio.h>
#include <sys/mman.h>

#define case_of(name) cmocka_unit_test_setup_teardown(name, redaction_open, redaction_close)

static coffer_err add(struct redaction *r, const char *name, const char *value)
{
	return coffer_redactor_add(r->redactor, name, (const uint8_t *)value, strlen(value));
}

static void add_exact(struct redaction *r, const char *bytes)
{
	assert_int_equal(coffer_redactor_add_exact(r->redactor, "A", (const uint8_t *)bytes,
						   strlen(bytes)),
			 COFFER_OK);
}

static void feed(struct redaction *r, const char *text)
{
	redaction_feed(r, text, strlen(text));
}

static void end(struct redaction *r)
{
	assert_int_equal(coffer_redact_end(r->out), COFFER_OK);
}

static void idle(struct redaction *r)
{
	assert_int_equal(coffer_redact_idle(r->out), COFFER_OK);
}

static void fewer_than_eight_bytes_are_refused_and_named_once(void **state)
{
	static const char *const values[] = { "", "1234567", "  1234567 \n", " \t\r\n\v\f      ",
					      "\n\n\n\n\n\n\n\n\n" };
	struct redaction *r = *state;

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		char name[] = { 'N', (char)('0' + i), '\0' };
		assert_int_equal(add(r, name, values[i]), COFFER_FAILED_PRECONDITION);
		assert_non_null(strstr(coffer_redactor_message(r->redactor), name));
		assert_null(strstr(coffer_redactor_message(r->redactor), "1234567"));
		assert_int_equal(add(r, name, values[i]), COFFER_FAILED_PRECONDITION);
		assert_string_equal(coffer_redactor_message(r->redactor), "");
	}
	assert_int_equal(add(r, "GOOD", "12345678"), COFFER_OK);
	assert_string_equal(coffer_redactor_message(r->redactor), "");
	feed(r, "1234567 \n\n\n\n\n\n\n\n\n\n 12345678.");
	redaction_expect(r, "1234567 \n\n\n\n\n\n\n\n\n\n " M ".");
}

static void without_patterns_all_passes_at_once(void **state)
{
	struct redaction *r = *state;

	feed(r, "text");
	redaction_expect(r, "text");
	end(r);
	redaction_expect(r, "");
}

static void the_union_of_matches_is_one_marker(void **state)
{
	static const struct {
		const char *what, *patterns[3], *text, *want;
	} cases[] = {
		{ "overlapping", { "abcdefgh", "efghijkl" }, "<abcdefghijkl>", "<" M ">" },
		{ "touching", { "abcdefgh", "efghijkl" }, "<abcdefghefghijkl>", "<" M ">" },
		{ "a byte between", { "abcdefgh" }, "<abcdefgh-abcdefgh>", "<" M "-" M ">" },
		{ "nested", { "1abcdefgh2", "abcdefgh" }, "<1abcdefgh2>", "<" M ">" },
		{ "nested, the outer one fails",
		  { "1abcdefgh2", "abcdefgh" },
		  "<1abcdefgh3>",
		  "<1" M "3>" },
		{ "a prefix of another", { "abcdefgh", "abcdefghij" }, "<abcdefghij>", "<" M ">" },
		{ "a prefix of another that fails",
		  { "abcdefgh", "abcdefghij" },
		  "<abcdefghix>",
		  "<" M "ix>" },
		{ "the tail of one begins another",
		  { "secretsecret1", "secret1234" },
		  "<secretsecret1234>",
		  "<" M ">" },
		{ "it overlaps itself", { "abababab" }, "<ababababab>b", "<" M ">b" },
		{ "three in a chain",
		  { "aaaabbbb", "bbbbcccc", "ccccdddd" },
		  "<aaaabbbbccccdddd>",
		  "<" M ">" },
		{ "bridged by a long one",
		  { "aaaabbbb", "ccccdddd", "bcc-----" },
		  "<aaaabbbb-ccccdddd>",
		  "<" M "-" M ">" },
		{ "two within a long one",
		  { "aaaabbbb", "ccccdddd", "(aaaabbbb--ccccdddd)" },
		  "(aaaabbbb--ccccdddd) (aaaabbbb--ccccdddd",
		  M " " M },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t step = 1; step <= strlen(cases[i].text); step++) {
			void *own;
			redaction_open(&own);
			for (size_t k = 0; k < 3 && cases[i].patterns[k]; k++)
				add_exact(own, cases[i].patterns[k]);
			for (size_t at = 0, len = strlen(cases[i].text); at < len; at += step)
				redaction_feed(own, cases[i].text + at,
					       step < len - at ? step : len - at);
			end(own);
			redaction_expect(own, cases[i].want);
			redaction_close(&own);
		}
	}
}

static void the_marker_is_not_searched(void **state)
{
	struct redaction *r = *state;

	add_exact(r, "abcdefgh");
	add_exact(r, "REDACTED***xyz");
	add_exact(r, "***REDACTED***");
	feed(r, "abcdefghxyz");
	end(r);
	redaction_expect(r, M "xyz");
}

static void nothing_but_the_beginning_of_a_pattern_is_held_back(void **state)
{
	struct redaction *r = *state;

	add_exact(r, "abcdefgh");
	feed(r, "half a line, then abcabc");
	redaction_expect(r, "half a line, then abc");
	feed(r, "x");
	redaction_expect(r, "abcx");
}

static void a_certain_match_goes_out_at_once(void **state)
{
	struct redaction *r = *state;

	add_exact(r, "abcdefgh");
	add_exact(r, "abcdefghijklmnop");
	feed(r, "<abcdefgh");
	redaction_expect(r, "<" M);
	feed(r, "ijklmno");
	redaction_expect(r, "");
	feed(r, "-");
	redaction_expect(r, "ijklmno-");
}

static void a_match_within_a_partial_one_waits_for_it(void **state)
{
	struct redaction *r = *state;

	add_exact(r, "12abcdefgh34");
	add_exact(r, "abcdefgh");
	feed(r, "12abcdefgh");
	redaction_expect(r, "");
	feed(r, "3");
	redaction_expect(r, "");
	feed(r, "5");
	redaction_expect(r, "12" M "35");
	feed(r, "12abcdefgh");
	feed(r, "34.");
	redaction_expect(r, M ".");
}

static void text_that_overlaps_itself_is_swallowed(void **state)
{
	struct redaction *r = *state;
	char text[4096];

	memset(text, 'a', sizeof(text));
	add_exact(r, "aaaaaaaa");
	add_exact(r, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab");
	for (int i = 0; i < 256; i++)
		redaction_feed(r, text, sizeof(text));
	redaction_expect(r, M);
	feed(r, "c");
	redaction_expect(r, "c");
	assert_int_equal(r->to_out.calls, 2);
}

static void a_pause_lets_three_bytes_go_and_the_rest_is_redacted(void **state)
{
	struct redaction *r = *state;

	add_exact(r, "abcdefgh");
	feed(r, "$ abc");
	redaction_expect(r, "$ ");
	assert_true(coffer_redact_waits(r->out));
	idle(r);
	redaction_expect(r, "abc");
	assert_false(coffer_redact_waits(r->out));
	feed(r, "de");
	assert_false(coffer_redact_waits(r->out));
	idle(r);
	redaction_expect(r, "");
	feed(r, "fgh.");
	redaction_expect(r, M ".");
}

static void a_pause_within_more_than_three_bytes_changes_nothing(void **state)
{
	struct redaction *r = *state;

	add_exact(r, "abcdefgh");
	feed(r, "abcd");
	assert_false(coffer_redact_waits(r->out));
	for (int i = 0; i < 100; i++)
		idle(r);
	redaction_expect(r, "");
	feed(r, "x");
	redaction_expect(r, "abcdx");
}

static void typed_one_by_one_with_pauses_no_more_than_three_bytes_are_seen(void **state)
{
	struct redaction *r = *state;

	add_exact(r, "abcdefgh");
	for (const char *at = "abcdefgh."; *at; at++) {
		redaction_feed(r, at, 1);
		idle(r);
	}
	redaction_expect(r, "abc" M ".");
}

static void what_fails_after_a_pause_is_not_written_twice(void **state)
{
	struct redaction *r = *state;

	add_exact(r, "abcdefgh");
	feed(r, "abc");
	idle(r);
	feed(r, "dabcdeabc");
	idle(r);
	feed(r, "x");
	redaction_expect(r, "abcdabcdeabcx");
}

static void at_the_end_eight_held_bytes_become_a_marker_and_seven_do_not(void **state)
{
	static const struct {
		const char *what, *text, *want;
	} cases[] = {
		{ "seven", "<0123456", "<0123456" },
		{ "eight", "<01234567", "<" M },
		{ "fifteen", "<0123456789abcde", "<" M },
		{ "eight that touch a match", "<0123456789abcdef01234567", "<" M },
		{ "seven that touch a match", "<0123456789abcdef0123456", "<" M "0123456" },
		{ "a match in what is held", "<(01234567890123456789abcdef", "<" M },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		void *own;
		redaction_open(&own);
		add_exact(own, "0123456789abcdef");
		add_exact(own, "(01234567890123456789abcdef)");
		feed(own, cases[i].text);
		end(own);
		redaction_expect(own, cases[i].want);
		redaction_close(&own);
	}
}

static void an_ended_stream_takes_no_more(void **state)
{
	struct redaction *r = *state;

	end(r);
	assert_int_equal(coffer_redact_feed(r->out, (const uint8_t *)"x", 1),
			 COFFER_FAILED_PRECONDITION);
	assert_int_equal(coffer_redact_end(r->out), COFFER_FAILED_PRECONDITION);
	assert_int_equal(coffer_redact_idle(r->out), COFFER_FAILED_PRECONDITION);
	redaction_expect(r, "");
}

static void an_addition_acts_on_later_bytes(void **state)
{
	struct redaction *r = *state;

	feed(r, "firstsecret ");
	assert_int_equal(add(r, "A", "firstsecret"), COFFER_OK);
	feed(r, "firstsecret other-secret ");
	assert_int_equal(add(r, "B", "other-secret"), COFFER_OK);
	feed(r, "firstsecret other-secret ");
	redaction_expect(r, "firstsecret " M " other-secret " M " " M " ");
}

static void an_addition_leaves_a_partial_match_alive(void **state)
{
	struct redaction *r = *state;

	add_exact(r, "m-secret-value");
	feed(r, "<m-secret");
	for (int i = 0; i < 3000; i++) {
		/* Registered again and again, as each fetch does it. */
		assert_int_equal(add(r, "A", "m-secret-value"), COFFER_OK);
		assert_int_equal(add(r, "B", i % 2 ? "a-sorted-before" : "z-sorted-behind"),
				 COFFER_OK);
	}
	feed(r, "-val");
	add_exact(r, "lueandmore");
	feed(r, "ueandmore>");
	/* It began in what was held back. */
	redaction_expect(r, "<" M ">");
}

static void two_streams_keep_their_own_state(void **state)
{
	struct redaction *r = *state;

	add_exact(r, "abcdefgh");
	feed(r, "abcd");
	assert_int_equal(coffer_redact_feed(r->err, (const uint8_t *)"efgh", 4), COFFER_OK);
	assert_memory_equal(r->to_err.data, "efgh", 4);
	feed(r, "efgh");
	redaction_expect(r, M);
	assert_int_equal(r->to_err.len, 4);
}

static void any_bytes_are_found_among_any_bytes(void **state)
{
	static const uint8_t value[] = { 0, 1, 0, 0xff, 0xfe, 0, '\n', 0x80, 0, 0, 7 };
	struct redaction *r = *state;
	uint8_t text[600] = { 0 };

	assert_int_equal(coffer_redactor_add_exact(r->redactor, "A", value, sizeof(value)),
			 COFFER_OK);
	memcpy(text + 300, value, sizeof(value));
	redaction_feed(r, text, sizeof(text));
	end(r);
	assert_int_equal(r->to_out.len, sizeof(text) - sizeof(value) + strlen(M));
	assert_memory_equal(r->to_out.data + 300, M, strlen(M));
	assert_memory_equal(r->to_out.data + 300 + strlen(M), text, 600 - 300 - sizeof(value));
}

static void a_writer_that_fails_ends_the_stream(void **state)
{
	struct redaction *r = *state;

	add_exact(r, "abcdefgh");
	r->to_out.answer = COFFER_UNAVAILABLE;
	assert_int_equal(coffer_redact_feed(r->out, (const uint8_t *)"x abcdefgh y", 12),
			 COFFER_UNAVAILABLE);
	assert_int_equal(r->to_out.calls, 1);
	r->to_out.answer = COFFER_OK;
	assert_int_equal(coffer_redact_feed(r->out, (const uint8_t *)"more", 4),
			 COFFER_UNAVAILABLE);
	assert_int_equal(coffer_redact_idle(r->out), COFFER_UNAVAILABLE);
	assert_int_equal(coffer_redact_end(r->out), COFFER_UNAVAILABLE);
	assert_false(coffer_redact_waits(r->out));
	assert_int_equal(r->to_out.calls, 1);
}

static void a_value_that_cannot_be_registered_ends_every_stream(void **state)
{
	struct redaction *r = *state;
	size_t len = ((size_t)1 << 30) + 4096;
	uint8_t *huge =
	    mmap(NULL, len, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	assert_ptr_not_equal(huge, MAP_FAILED);
	add_exact(r, "abcdefgh");
	feed(r, "before abc");
	assert_int_equal(coffer_redactor_add(r->redactor, "HUGE", huge, len),
			 COFFER_RESOURCE_EXHAUSTED);
	assert_string_not_equal(coffer_redactor_message(r->redactor), "");
	assert_int_equal(coffer_redact_feed(r->out, (const uint8_t *)"x", 1),
			 COFFER_RESOURCE_EXHAUSTED);
	assert_int_equal(coffer_redact_end(r->out), COFFER_RESOURCE_EXHAUSTED);
	assert_int_equal(coffer_redact_end(r->err), COFFER_RESOURCE_EXHAUSTED);
	redaction_expect(r, "before ");
	assert_int_equal(r->to_err.calls, 0);
	munmap(huge, len);
}

static void many_patterns_are_found_in_long_text(void **state)
{
	struct redaction *r = *state;
	char text[32];

	for (int i = 0; i < 2000; i++) {
		snprintf(text, sizeof(text), "common-header-%04d-tail%d", i * 7919 % 10000, i % 10);
		add_exact(r, text);
	}
	for (int i = 0; i < 2000; i++) {
		snprintf(text, sizeof(text), "common-header-%04d-tail%d", i * 7919 % 10000, i % 10);
		feed(r, "a line of a log that holds nothing; common-header-; then: ");
		feed(r, text);
		feed(r, "\n");
		redaction_expect(r, "a line of a log that holds nothing; common-header-; then: " M
				    "\n");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		case_of(fewer_than_eight_bytes_are_refused_and_named_once),
		case_of(without_patterns_all_passes_at_once),
		cmocka_unit_test(the_union_of_matches_is_one_marker),
		case_of(the_marker_is_not_searched),
		case_of(nothing_but_the_beginning_of_a_pattern_is_held_back),
		case_of(a_certain_match_goes_out_at_once),
		case_of(a_match_within_a_partial_one_waits_for_it),
		case_of(text_that_overlaps_itself_is_swallowed),
		case_of(a_pause_lets_three_bytes_go_and_the_rest_is_redacted),
		case_of(a_pause_within_more_than_three_bytes_changes_nothing),
		case_of(typed_one_by_one_with_pauses_no_more_than_three_bytes_are_seen),
		case_of(what_fails_after_a_pause_is_not_written_twice),
		cmocka_unit_test(at_the_end_eight_held_bytes_become_a_marker_and_seven_do_not),
		case_of(an_ended_stream_takes_no_more),
		case_of(an_addition_acts_on_later_bytes),
		case_of(an_addition_leaves_a_partial_match_alive),
		case_of(two_streams_keep_their_own_state),
		case_of(any_bytes_are_found_among_any_bytes),
		case_of(a_writer_that_fails_ends_the_stream),
		case_of(a_value_that_cannot_be_registered_ends_every_stream),
		case_of(many_patterns_are_found_in_long_text),
	};

	return cmocka_run_group_tests_name("redaction", tests, NULL, NULL);
}
