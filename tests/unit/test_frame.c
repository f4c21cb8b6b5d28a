/* The length in front of every message: the first bytes of a peer that coffer interprets. */
#include "frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void lengths_are_read_or_refused_by_the_table(void **state)
{
	static const struct {
		const char *name, *in;
		size_t len, max;
		coffer_err want;
		size_t header, body;
	} cases[] = {
		{ "nothing yet", "", 0, 100, COFFER_UNAVAILABLE, 0, 0 },
		{ "one", "\x01", 1, 100, COFFER_OK, 1, 1 },
		{ "the message may follow", "\x02\xff\xff\xff", 4, 100, COFFER_OK, 1, 2 },
		{ "127 in one byte", "\x7f", 1, 1000, COFFER_OK, 1, 127 },
		{ "128 in two bytes", "\x80\x01", 2, 1000, COFFER_OK, 2, 128 },
		{ "16383 in two bytes", "\xff\x7f", 2, 20000, COFFER_OK, 2, 16383 },
		{ "16384 in three bytes", "\x80\x80\x01", 3, 20000, COFFER_OK, 3, 16384 },
		{ "the largest", "\xff\xff\x7f", 3, FRAME_BODY_MAX, COFFER_OK, 3, FRAME_BODY_MAX },
		{ "length split over two reads waits", "\x80", 1, 100, COFFER_UNAVAILABLE, 0, 0 },
		{ "over three as well", "\x80\x80", 2, 100000, COFFER_UNAVAILABLE, 0, 0 },
		{ "zero", "\x00", 1, 100, COFFER_INVALID_ARGUMENT, 0, 0 },
		{ "zero in two bytes", "\x80\x00", 2, 100, COFFER_INVALID_ARGUMENT, 0, 0 },
		{ "zero in three bytes", "\x80\x80\x00", 3, 100, COFFER_INVALID_ARGUMENT, 0, 0 },
		{ "one in two bytes", "\x81\x00", 2, 100, COFFER_INVALID_ARGUMENT, 0, 0 },
		{ "128 in three bytes", "\x80\x81\x00", 3, 1000, COFFER_INVALID_ARGUMENT, 0, 0 },
		{ "four bytes", "\x80\x80\x80\x01", 4, SIZE_MAX, COFFER_INVALID_ARGUMENT, 0, 0 },
		{ "four bytes, of which three are here", "\xff\xff\xff", 3, SIZE_MAX,
		  COFFER_INVALID_ARGUMENT, 0, 0 },
		{ "2^31", "\x80\x80\x80\x80\x08", 5, SIZE_MAX, COFFER_INVALID_ARGUMENT, 0, 0 },
		{ "the maximum", "\x64", 1, 100, COFFER_OK, 1, 100 },
		{ "one above the maximum", "\x65", 1, 100, COFFER_INVALID_ARGUMENT, 0, 0 },
		{ "a maximum of nothing", "\x01", 1, 0, COFFER_INVALID_ARGUMENT, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t header = 99, body = 99;
		struct slice in = { cases[i].len > 0 ? (const uint8_t *)cases[i].in : NULL,
				    cases[i].len };
		coffer_err err = frame_parse(in, cases[i].max, &header, &body);

		if (err != cases[i].want || header != cases[i].header || body != cases[i].body)
			fail_msg("%s: %s, %zu, %zu", cases[i].name, coffer_err_name(err), header,
				 body);
	}
}

static void every_length_comes_back_and_waits_until_its_last_byte(void **state)
{
	(void)state;
	for (size_t body = 1; body <= FRAME_BODY_MAX; body++) {
		uint8_t out[FRAME_HEADER_MAX];
		size_t n = frame_header(out, body), header, found;

		for (size_t part = 0; part < n; part++)
			if (frame_parse((struct slice){ out, part }, FRAME_BODY_MAX, &header,
					&found) != COFFER_UNAVAILABLE)
				fail_msg("%zu, %zu bytes of %zu", body, part, n);
		if (frame_parse((struct slice){ out, n }, body, &header, &found) != COFFER_OK ||
		    header != n || found != body)
			fail_msg("%zu", body);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lengths_are_read_or_refused_by_the_table),
		cmocka_unit_test(every_length_comes_back_and_waits_until_its_last_byte),
	};

	return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
