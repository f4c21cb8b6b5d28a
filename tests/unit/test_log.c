/* Log lines, as they arrive on standard error. */
#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Standard error is a temporary file between begin and end. */
struct capture {
	FILE *file;
	int stderr_copy;
	char text[8192];
	size_t len;
};

static void capture_begin(struct capture *c)
{
	c->file = tmpfile();
	assert_non_null(c->file);
	c->stderr_copy = dup(STDERR_FILENO);
	assert_true(c->stderr_copy >= 0);
	assert_int_equal(dup2(fileno(c->file), STDERR_FILENO), STDERR_FILENO);
}

static void capture_end(struct capture *c)
{
	assert_int_equal(dup2(c->stderr_copy, STDERR_FILENO), STDERR_FILENO);
	(void)close(c->stderr_copy);
	rewind(c->file);
	c->len = fread(c->text, 1, sizeof(c->text) - 1, c->file);
	c->text[c->len] = '\0';
	(void)fclose(c->file);
}

static void each_call_is_one_line_with_its_level(void **state)
{
	struct capture c;

	(void)state;
	log_set_level(LOG_DEBUG);
	capture_begin(&c);
	log_error("no %s", "luck");
	log_warn("%d left", 3);
	log_info("started");
	log_debug("%%");
	capture_end(&c);
	assert_string_equal(c.text, "error: no luck\nwarning: 3 left\ninfo: started\ndebug: %\n");
}

static void levels_above_the_maximum_are_dropped(void **state)
{
	static const struct {
		log_level max;
		const char *text;
	} cases[] = {
		{ LOG_ERROR, "error: e\n" },
		{ LOG_WARN, "error: e\nwarning: w\n" },
		{ LOG_INFO, "error: e\nwarning: w\ninfo: i\n" },
		{ LOG_DEBUG, "error: e\nwarning: w\ninfo: i\ndebug: d\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct capture c;

		log_set_level(cases[i].max);
		capture_begin(&c);
		log_error("e");
		log_warn("w");
		log_info("i");
		log_debug("d");
		capture_end(&c);
		assert_string_equal(c.text, cases[i].text);
	}
	log_set_level(LOG_INFO);
}

/* A peer's text must not forge a line, move the cursor or colour the terminal. */
static void control_characters_are_replaced(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "a\nerror: forged", "info: a?error: forged\n" },
		{ "\r\t\v\x1b[31m\x7f", "info: ????[31m?\n" },
		{ "\xc2\x9b"
		  "31m",
		  "info: ??31m\n" },
		{ "\xc3\xa9 \xe2\x82\xac", "info: \xc3\xa9 \xe2\x82\xac\n" },
		{ "\xc2", "info: \xc2\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct capture c;

		capture_begin(&c);
		log_info("%s", cases[i].in);
		capture_end(&c);
		assert_string_equal(c.text, cases[i].out);
	}
}

static void long_text_is_cut_and_says_so(void **state)
{
	static char text[5000];
	struct capture c;

	(void)state;
	for (size_t len = 2030; len < 2060; len++) {
		memset(text, 'x', len);
		text[len] = '\0';
		capture_begin(&c);
		log_info("%s", text);
		capture_end(&c);
		assert_int_equal(c.text[c.len - 1], '\n');
		assert_ptr_equal(strchr(c.text, '\n'), c.text + c.len - 1);
		if (strlen("info: ") + len + 1 != c.len)
			assert_string_equal(c.text + c.len - 7, " [cut]\n");
	}
}

static void errno_survives_and_can_be_printed(void **state)
{
	struct capture c;

	(void)state;
	capture_begin(&c);
	errno = ENOSPC;
	log_error("%m");
	assert_int_equal(errno, ENOSPC);
	capture_end(&c);
	assert_string_equal(c.text, "error: No space left on device\n");
}

static void errno_survives_a_line_that_cannot_be_written(void **state)
{
	struct capture c;
	int after;

	(void)state;
	capture_begin(&c);
	(void)close(STDERR_FILENO);
	errno = ENOSPC;
	log_error("lost");
	after = errno;
	capture_end(&c);
	assert_int_equal(after, ENOSPC);
	assert_string_equal(c.text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_call_is_one_line_with_its_level),
		cmocka_unit_test(levels_above_the_maximum_are_dropped),
		cmocka_unit_test(control_characters_are_replaced),
		cmocka_unit_test(long_text_is_cut_and_says_so),
		cmocka_unit_test(errno_survives_and_can_be_printed),
		cmocka_unit_test(errno_survives_a_line_that_cannot_be_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
