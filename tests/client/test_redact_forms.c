/* Goal of this test: each form in which a value may show up is redacted whole. The known answers were made by other
 * programs: Python's json, shlex, html, xml.sax.saxutils, urllib.parse and base64, bash's printf and export, and
 * node's encodeURIComponent. */
#include "redact_support.h"

#include <stdio.h>

#define case_of(name) cmocka_unit_test_setup_teardown(name, redaction_open, redaction_close)
#define BYTES(text)                    \
	{                              \
		text, sizeof(text) - 1 \
	}

struct bytes {
	const char *data;
	size_t len;
};

static const struct form {
	const char *what;
	struct bytes value, text;
	const char *want;
} forms[] = {
	{ "as it is", BYTES("pa'ss\"w\\o<r>d&/ \303\251$!~"),
	  BYTES("<pa'ss\"w\\o<r>d&/ \303\251$!~>"), "<" M ">" },
	{ "JSON, json.dumps(ensure_ascii=False)", BYTES("pa'ss\"w\\o<r>d&/ \303\251$!~"),
	  BYTES("<pa'ss\\\"w\\\\o<r>d&/ \303\251$!~>"), "<" M ">" },
	{ "JSON for a page", BYTES("pa'ss\"w\\o<r>d&/ \303\251$!~"),
	  BYTES("<pa'ss\\\"w\\\\o\\u003cr\\u003ed\\u0026/ \303\251$!~>"), "<" M ">" },
	{ "JSON with \\/", BYTES("pa'ss\"w\\o<r>d&/ \303\251$!~"),
	  BYTES("<pa'ss\\\"w\\\\o<r>d&\\/ \303\251$!~>"), "<" M ">" },
	{ "JSON, json.dumps", BYTES("pa'ss\"w\\o<r>d&/ \303\251$!~"),
	  BYTES("<pa'ss\\\"w\\\\o<r>d&/ \\u00e9$!~>"), "<" M ">" },
	{ "JSON, json.dumps with \\/", BYTES("pa'ss\"w\\o<r>d&/ \303\251$!~"),
	  BYTES("<pa'ss\\\"w\\\\o<r>d&\\/ \\u00e9$!~>"), "<" M ">" },
	{ "JSON of control characters",
	  BYTES("ctl\010\014\011\015\001\033\037\177:\342\200\250:\360\237\224\221:end"),
	  BYTES("<ctl\\b\\f\\t\\r\\u0001\\u001b\\u001f\177:\342\200\250:\360\237\224\221:end>"),
	  "<" M ">" },
	{ "JSON for a page of line separators",
	  BYTES("ctl\010\014\011\015\001\033\037\177:\342\200\250:\360\237\224\221:end"),
	  BYTES("<ctl\\b\\f\\t\\r\\u0001\\u001b\\u001f\177:\\u2028:\360\237\224\221:end>"),
	  "<" M ">" },
	{ "JSON of a character of four bytes",
	  BYTES("ctl\010\014\011\015\001\033\037\177:\342\200\250:\360\237\224\221:end"),
	  BYTES("<ctl\\b\\f\\t\\r\\u0001\\u001b\\u001f\177:\\u2028:\\ud83d\\udd11:end>"),
	  "<" M ">" },
	{ "JSON of what is no UTF-8", BYTES("bad\377\303\"utf8\342\200"),
	  BYTES("<bad\377\303\\\"utf8\342\200>"), "<" M ">" },
	{ "shell, '\\'' between quotes", BYTES("pa'ss\"w\\o<r>d&/ \303\251$!~"),
	  BYTES("<pa'\\''ss\"w\\o<r>d&/ \303\251$!~>"), "<" M ">" },
	{ "shell, shlex.quote", BYTES("pa'ss\"w\\o<r>d&/ \303\251$!~"),
	  BYTES("<pa'\"'\"'ss\"w\\o<r>d&/ \303\251$!~>"), "<" M ">" },
	{ "shell, export -p", BYTES("pa'ss\"w\\o<r>d&/ \303\251$!~"),
	  BYTES("<pa'ss\\\"w\\\\o<r>d&/ \303\251\\$!~>"), "<" M ">" },
	{ "shell, printf %q", BYTES("pa'ss\"w\\o<r>d&/ \303\251$!~"),
	  BYTES("<pa\\'ss\\\"w\\\\o\\<r\\>d\\&/\\ \303\251\\$\\!~>"), "<" M ">" },
	{ "shell, printf %q with # in front", BYTES("#pa'ss\"w\\o<r>d&/ \303\251$!~"),
	  BYTES("<\\#pa\\'ss\\\"w\\\\o\\<r\\>d\\&/\\ \303\251\\$\\!~>"), "<" M ">" },
	{ "shell, printf %q with ~ in front", BYTES("~pa'ss\"w\\o<r>d&/ \303\251$!~"),
	  BYTES("<\\~pa\\'ss\\\"w\\\\o\\<r\\>d\\&/\\ \303\251\\$\\!~>"), "<" M ">" },
	{ "shell, $'...' of control characters",
	  BYTES("ctl\010\014\011\015\001\033\007\013\177:\342\200\250:\360\237\224\221:end"),
	  BYTES("<ctl\\b\\f\\t\\r\\001\\E\\a\\v\\177:\\342\\200\\250:\\360\\237\\224\\221:end>"),
	  "<" M ">" },
	{ "shell, $'...' with UTF-8", BYTES("pa'ss\"w\\o<r>d&/ \303\251$!~\011"),
	  BYTES("<pa\\'ss\"w\\\\o<r>d&/ \303\251$!~\\t>"), "<" M ">" },
	{ "percent, quote(safe='')", BYTES("pa'ss\"w\\o<r>d&/ \303\251$!~"),
	  BYTES("<pa%27ss%22w%5Co%3Cr%3Ed%26%2F%20%C3%A9%24%21~>"), "<" M ">" },
	{ "percent in lower case", BYTES("pa'ss\"w\\o<r>d&/ \303\251$!~"),
	  BYTES("<pa%27ss%22w%5co%3cr%3ed%26%2f%20%c3%a9%24%21~>"), "<" M ">" },
	{ "percent, quote_plus", BYTES("pa'ss\"w\\o<r>d&/ \303\251$!~"),
	  BYTES("<pa%27ss%22w%5Co%3Cr%3Ed%26%2F+%C3%A9%24%21~>"), "<" M ">" },
	{ "percent, quote", BYTES("pa'ss\"w\\o<r>d&/ \303\251$!~"),
	  BYTES("<pa%27ss%22w%5Co%3Cr%3Ed%26/%20%C3%A9%24%21~>"), "<" M ">" },
	{ "percent, encodeURIComponent", BYTES("pa'ss\"w\\o<r>d&/ \303\251$!~"),
	  BYTES("<pa'ss%22w%5Co%3Cr%3Ed%26%2F%20%C3%A9%24!~>"), "<" M ">" },
	{ "XML, escape", BYTES("pa'ss\"w\\o<r>d&/ \303\251$!~"),
	  BYTES("<pa'ss\"w\\o&lt;r&gt;d&amp;/ \303\251$!~>"), "<" M ">" },
	{ "XML, of an attribute", BYTES("pa'ss\"w\\o<r>d&/ \303\251$!~"),
	  BYTES("<pa'ss&quot;w\\o&lt;r&gt;d&amp;/ \303\251$!~>"), "<" M ">" },
	{ "XML with &apos;", BYTES("pa'ss\"w\\o<r>d&/ \303\251$!~"),
	  BYTES("<pa&apos;ss&quot;w\\o&lt;r&gt;d&amp;/ \303\251$!~>"), "<" M ">" },
	{ "XML with &#39;", BYTES("pa'ss\"w\\o<r>d&/ \303\251$!~"),
	  BYTES("<pa&#39;ss&quot;w\\o&lt;r&gt;d&amp;/ \303\251$!~>"), "<" M ">" },
	{ "XML, html.escape", BYTES("pa'ss\"w\\o<r>d&/ \303\251$!~"),
	  BYTES("<pa&#x27;ss&quot;w\\o&lt;r&gt;d&amp;/ \303\251$!~>"), "<" M ">" },
	{ "XML with &#34;", BYTES("pa'ss\"w\\o<r>d&/ \303\251$!~"),
	  BYTES("<pa&#39;ss&#34;w\\o&lt;r&gt;d&amp;/ \303\251$!~>"), "<" M ">" },
	{ "hexadecimal", BYTES("pa'ss\"w\\o<r>d&/ \303\251$!~"),
	  BYTES("<706127737322775c6f3c723e64262f20c3a924217e>"), "<" M ">" },
	{ "hexadecimal in upper case", BYTES("pa'ss\"w\\o<r>d&/ \303\251$!~"),
	  BYTES("<706127737322775C6F3C723E64262F20C3A924217E>"), "<" M ">" },
	{ "base64 behind 0 bytes", BYTES("\373\377\277>>>???~~~\376\373\357\276\377"),
	  BYTES("<+/+/Pj4+Pz8/fn5+/vvvvv8hISEh>"), "<" M "8hISEh>" },
	{ "base64url behind 0 bytes", BYTES("\373\377\277>>>???~~~\376\373\357\276\377"),
	  BYTES("<-_-_Pj4-Pz8_fn5-_vvvvv8hISEh>"), "<" M "8hISEh>" },
	{ "base64 behind 1 bytes", BYTES("\373\377\277>>>???~~~\376\373\357\276\377"),
	  BYTES("<ePv/vz4+Pj8/P35+fv77777/ISEh>"), "<eP" M "ISEh>" },
	{ "base64url behind 1 bytes", BYTES("\373\377\277>>>???~~~\376\373\357\276\377"),
	  BYTES("<ePv_vz4-Pj8_P35-fv77777_ISEh>"), "<eP" M "ISEh>" },
	{ "base64 behind 2 bytes", BYTES("\373\377\277>>>???~~~\376\373\357\276\377"),
	  BYTES("<eHn7/78+Pj4/Pz9+fn7+++++/yEhISEh>"), "<eHn" M "yEhISEh>" },
	{ "base64url behind 2 bytes", BYTES("\373\377\277>>>???~~~\376\373\357\276\377"),
	  BYTES("<eHn7_78-Pj4_Pz9-fn7-----_yEhISEh>"), "<eHn" M "yEhISEh>" },
	{ "without the newline at its end", BYTES("s3cret-value \n"), BYTES("<s3cret-value>"),
	  "<" M ">" },
	{ "without its quotes", BYTES("\"s3cret-value\""), BYTES("<s3cret-value>"), "<" M ">" },
	{ "without its single quotes", BYTES("'s3cret-value'\n"), BYTES("<s3cret-value' "),
	  "<" M "' " },
	{ "without its quotes, in hexadecimal", BYTES("\"s3cret-value\""),
	  BYTES("<7333637265742d76616c7565>"), "<" M ">" },
};

static void add(struct redaction *r, const char *value, size_t len)
{
	assert_int_equal(coffer_redactor_add(r->redactor, "A", (const uint8_t *)value, len),
			 COFFER_OK);
}

static void each_form_is_redacted(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		const struct form *form = &forms[i];
		size_t want = strlen(form->want);
		struct redaction *r;
		void *own;

		redaction_open(&own);
		r = own;
		add(r, form->value.data, form->value.len);
		redaction_feed(r, form->text.data, form->text.len);
		assert_int_equal(coffer_redact_end(r->out), COFFER_OK);
		if (r->to_out.len != want || memcmp(r->to_out.data, form->want, want) != 0)
			fail_msg("%s: written was %.*s", form->what, (int)r->to_out.len,
				 (char *)r->to_out.data);
		redaction_close(&own);
	}
}

/* Seven letters in quotes are nine bytes: long enough with them, too short without. */
static void a_form_that_is_too_short_is_left_out(void **state)
{
	struct redaction *r = *state;

	add(r, "'1234567'", 9);
	redaction_feed(r, "1234567 31323334353637 '1234567'.", 33);
	redaction_expect(r, "1234567 31323334353637 " M ".");
}

#define PEM                                                                                       \
	"-----BEGIN KEY-----\n  MIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n\nBKcwggSjAgEAAA=\n-----END " \
	"KEY-----\n"

static void a_value_of_lines_is_found_however_they_are_joined(void **state)
{
	static const char *const texts[] = {
		"<-----BEGIN KEY-----\n  MIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n\nBKcwggSjAgEAAA=\n"
		"-----END KEY----->",
		"<-----BEGIN KEY-----\r\n  MIIEvQIBADANBgkq\r\nhkiG9w0BAQEFAASC\r\n\r\n"
		"BKcwggSjAgEAAA=\r\n-----END KEY----->",
		"<-----BEGIN KEY----- MIIEvQIBADANBgkq hkiG9w0BAQEFAASC BKcwggSjAgEAAA= "
		"-----END KEY----->",
		"<-----BEGIN KEY-----\\n  MIIEvQIBADANBgkq\\nhkiG9w0BAQEFAASC\\n\\n"
		"BKcwggSjAgEAAA=\\n-----END KEY----->",
		"<-----BEGIN KEY-----\\r\\n  MIIEvQIBADANBgkq\\r\\nhkiG9w0BAQEFAASC\\r\\n\\r\\n"
		"BKcwggSjAgEAAA=\\r\\n-----END KEY----->",
		"<-----BEGIN%20KEY-----%0A%20%20MIIEvQIBADANBgkq%0AhkiG9w0BAQEFAASC%0A%0A"
		"BKcwggSjAgEAAA%3D%0A-----END%20KEY----->",
	};
	struct redaction *r = *state;

	add(r, PEM, sizeof(PEM) - 1);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		redaction_feed(r, texts[i], strlen(texts[i]));
		redaction_expect(r, "<" M ">");
	}
}

static void a_value_with_crlf_is_found_with_lf(void **state)
{
	struct redaction *r = *state;

	add(r, "one line\r\nanother\r\n", 19);
	redaction_feed(r, "<one line\nanother>", 18);
	redaction_expect(r, "<" M ">");
}

static void each_long_line_is_a_pattern_but_for_begin_and_end(void **state)
{
	struct redaction *r = *state;
	const char *text =
	    "1 MIIEvQIBADANBgkq 2 hkiG9w0BAQEFAASC 3 BKcwggSjAgEAAA= 4 -----BEGIN KEY----- 5 "
	    "-----END KEY----- 6";

	add(r, PEM, sizeof(PEM) - 1);
	redaction_feed(r, text, strlen(text));
	redaction_expect(r, "1 " M " 2 " M " 3 BKcwggSjAgEAAA= 4 -----BEGIN KEY----- 5 "
			    "-----END KEY----- 6");
}

#define OBJECT "{\n  \"id\": \"long-enough\",\n}"
#define LINE   "log: \\\"id\\\": \\\"long-enough\\\",."

static void a_line_is_found_escaped(void **state)
{
	struct redaction *r = *state;

	add(r, OBJECT, sizeof(OBJECT) - 1);
	redaction_feed(r, LINE, sizeof(LINE) - 1);
	redaction_expect(r, "log: " M ".");
}

/* A key store, say: raw, in hexadecimal and in base64, within a bounded engine; its newlines make no lines. */
static void a_large_value_that_is_no_text_is_found(void **state)
{
	struct redaction *r = *state;
	static uint8_t value[16384], text[2 * sizeof(value) + 1];

	for (size_t i = 0; i < sizeof(value); i++) {
		value[i] = (uint8_t)(i * i * 2654435761U >> 13);
		snprintf((char *)text + 2 * i, 3, "%02x", value[i]);
	}
	add(r, (char *)value, sizeof(value));
	redaction_feed(r, value, sizeof(value));
	redaction_feed(r, ";", 1);
	redaction_feed(r, text, sizeof(text) - 1);
	redaction_expect(r, M ";" M);
	redaction_feed(r, value + 1000, 1000);
	assert_int_equal(coffer_redact_end(r->out), COFFER_OK);
	assert_in_range(r->to_out.len, 900, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_form_is_redacted),
		case_of(a_form_that_is_too_short_is_left_out),
		case_of(a_value_of_lines_is_found_however_they_are_joined),
		case_of(a_value_with_crlf_is_found_with_lf),
		case_of(each_long_line_is_a_pattern_but_for_begin_and_end),
		case_of(a_line_is_found_escaped),
		case_of(a_large_value_that_is_no_text_is_found),
	};

	return cmocka_run_group_tests_name("forms of a value", tests, NULL, NULL);
}
