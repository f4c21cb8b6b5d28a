/* One audit record: a line of JSON that reads back as what was put in. */
#include "audit/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include <coffer/limits.h>
#include <jansson.h>

#define RUN "0190b6b5-9d3e-7c1a-8f00-0123456789ab"

static uint8_t room[RECORD_LINE_MAX];

static const struct record_subject plain = {
	.op = { (const uint8_t *)"GetSecret", 9 },
	.grant = { (const uint8_t *)RUN, 36 },
	.is_run = true,
	.uid = 4294967295u,
	.gid = 0,
	.pid = 4711,
	.time_ms = 1795311608123,
};

static struct buf begin(uint64_t seq, const struct record_subject *subject)
{
	struct buf out = { room, 0, sizeof(room) };

	record_begin(&out, seq, subject);
	return out;
}

static void end(struct buf *out, bool has_items, coffer_err outcome, const char *reason)
{
	static const uint8_t mac[CHAIN_MAC_LEN] = { 0x00, 0x0f, 0xf0, 0xff };

	record_outcome(out, has_items, outcome, slice_str(reason));
	record_mac(out, mac);
}

/* The line by an independent parser, which must take all of it. The caller owns the object. */
static json_t *parse(const struct buf *out)
{
	json_error_t error;
	json_t *json;

	assert_true(out->len > 0 && out->data[out->len - 1] == '\n');
	assert_null(memchr(out->data, '\n', out->len - 1));
	json = json_loadb((const char *)out->data, out->len, JSON_REJECT_DUPLICATES, &error);
	if (json == NULL)
		fail_msg("not JSON: %s in %.*s", error.text, (int)out->len, out->data);
	return json;
}

static void assert_line(const struct buf *out, const char *want)
{
	char text[1024];

	assert_true(out->len < sizeof(text));
	memcpy(text, out->data, out->len);
	text[out->len] = '\0';
	assert_string_equal(text, want);
}

#define MAC_HEX "000ff0ff00000000000000000000000000000000000000000000000000000000"

static void a_read_of_a_secret_is_one_line_with_its_fields_in_order(void **state)
{
	struct buf out = begin(7, &plain);

	(void)state;
	record_secret(&out, SLICE_LITERAL("pipeline/app"), SLICE_LITERAL("X"), 3);
	end(&out, false, COFFER_OK, "");
	assert_line(&out, "{\"seq\":7,\"time\":\"2026-11-22T01:40:08.123Z\",\"op\":\"GetSecret\","
			  "\"run\":\"" RUN "\",\"uid\":4294967295,\"gid\":0,\"pid\":4711,"
			  "\"scope\":\"pipeline/app\",\"name\":\"X\",\"version\":3,"
			  "\"outcome\":\"OK\",\"mac\":\"" MAC_HEX "\"}\n");
}

static void what_does_not_apply_does_not_stand_in_the_line(void **state)
{
	struct record_subject nobody = { .op = SLICE_LITERAL("Hello"), .pid = 1 };
	struct buf out = begin(UINT64_MAX, &nobody);

	(void)state;
	record_secret(&out, SLICE_EMPTY, SLICE_LITERAL("X"), 0);
	end(&out, false, COFFER_UNAUTHENTICATED, "expired");
	assert_line(&out, "{\"seq\":18446744073709551615,\"time\":\"1970-01-01T00:00:00.000Z\","
			  "\"op\":\"Hello\",\"uid\":0,\"gid\":0,\"pid\":1,\"name\":\"X\","
			  "\"outcome\":\"UNAUTHENTICATED\",\"reason\":\"expired\","
			  "\"mac\":\"" MAC_HEX "\"}\n");
}

static void a_service_is_named_as_a_grant(void **state)
{
	struct record_subject service = plain;
	struct buf out;
	json_t *json;

	(void)state;
	service.is_run = false;
	out = begin(1, &service);
	end(&out, false, COFFER_OK, "");
	json = parse(&out);
	assert_string_equal(json_string_value(json_object_get(json, "grant")), RUN);
	assert_null(json_object_get(json, "run"));
	json_decref(json);
}

static void a_process_that_cannot_be_seen_has_pid_zero(void **state)
{
	struct record_subject unseen = plain;
	struct buf out;
	json_t *json;

	(void)state;
	unseen.pid = -1;
	out = begin(1, &unseen);
	end(&out, false, COFFER_OK, "");
	json = parse(&out);
	assert_int_equal(json_integer_value(json_object_get(json, "pid")), 0);
	json_decref(json);
}

static void a_batch_is_a_list_of_secrets(void **state)
{
	struct buf out = begin(7, &plain);
	json_t *json, *secrets, *item;

	(void)state;
	record_item(&out, true, SLICE_LITERAL("global"), SLICE_LITERAL("A"), 1);
	record_item(&out, false, SLICE_EMPTY, SLICE_LITERAL("B"), 0);
	record_item(&out, false, SLICE_LITERAL("run/x"), SLICE_LITERAL("C"), 4294967295u);
	end(&out, true, COFFER_NOT_FOUND, "");
	json = parse(&out);
	secrets = json_object_get(json, "secrets");
	assert_int_equal(json_array_size(secrets), 3);
	item = json_array_get(secrets, 2);
	assert_string_equal(json_string_value(json_object_get(item, "scope")), "run/x");
	assert_string_equal(json_string_value(json_object_get(item, "name")), "C");
	assert_int_equal(json_integer_value(json_object_get(item, "version")), 4294967295u);
	assert_null(json_object_get(json_array_get(secrets, 1), "version"));
	json_decref(json);
}

static void every_byte_in_every_text_gives_valid_json(void **state)
{
	(void)state;
	for (unsigned c = 0; c < 256; c++) {
		const uint8_t text[3] = { '<', (uint8_t)c, '>' };
		const struct slice slice = { text, sizeof(text) };
		struct record_subject subject = { .op = slice, .grant = slice, .via = slice };
		struct buf out = begin(1, &subject);
		const char *want = c < 0x80 ? (const char[]){ '<', (char)c, '>', 0 } : "<\ufffd>";
		size_t want_len = c < 0x80 ? 3 : strlen(want);
		json_t *json, *via;

		record_secret(&out, slice, slice, 1);
		record_outcome(&out, false, COFFER_OK, slice);
		record_mac(&out, (const uint8_t[CHAIN_MAC_LEN]){ 0 });
		assert_null(memchr(out.data, 0x7f, out.len));
		if (c == 0) {
			/* jansson keeps a zero byte only when it is asked to. */
			assert_non_null(memmem(out.data, out.len, "<\\u0000>", 8));
			continue;
		}
		json = parse(&out);
		via = json_object_get(json, "via");
		assert_int_equal(json_string_length(via), want_len);
		assert_memory_equal(json_string_value(via), want, want_len);
		json_decref(json);
	}
}

static void every_byte_is_seen_wherever_it_stands_in_a_longer_text(void **state)
{
	(void)state;
	for (unsigned c = 1; c < 256; c++)
		for (size_t at = 0; at < 18; at++) {
			uint8_t text[18];
			struct record_subject subject = { .via = { text, sizeof(text) } };
			struct buf out;
			json_t *json;

			memset(text, '~', sizeof(text));
			text[at] = (uint8_t)c;
			out = begin(1, &subject);
			end(&out, false, COFFER_OK, "");
			assert_null(memchr(out.data, 0x7f, out.len));
			json = parse(&out);
			if (c < 0x80)
				assert_memory_equal(json_string_value(json_object_get(json, "via")),
						    text, sizeof(text));
			else
				assert_memory_equal(
				    json_string_value(json_object_get(json, "via")) + at, "\ufffd",
				    3);
			json_decref(json);
		}
}

static void text_comes_back_as_it_was_or_with_what_is_not_utf8_replaced(void **state)
{
	static const struct {
		const char *name, *in, *want;
	} cases[] = {
		{ "plain", "plain", "plain" },
		{ "quotes and backslashes", "a\"b\\c", "a\"b\\c" },
		{ "controls", "a\r\n\t\x1b[0m\x7f", "a\r\n\t\x1b[0m\x7f" },
		{ "two, three and four bytes", "\u00e9\u20ac\U0001f512", "\u00e9\u20ac\U0001f512" },
		{ "a lone continuation", "a\x80z", "a\ufffdz" },
		{ "a sequence cut short", "a\xe2\x82", "a\ufffd\ufffd" },
		{ "an overlong slash", "\xc0\xaf", "\ufffd\ufffd" },
		{ "a surrogate", "\xed\xa0\x80", "\ufffd\ufffd\ufffd" },
		{ "above the last character", "\xf4\x90\x80\x80", "\ufffd\ufffd\ufffd\ufffd" },
		{ "the last character", "\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct record_subject subject = plain;
		struct buf out;
		json_t *json;

		subject.via = slice_str(cases[i].in);
		out = begin(1, &subject);
		end(&out, false, COFFER_OK, "");
		json = parse(&out);
		if (strcmp(json_string_value(json_object_get(json, "via")), cases[i].want) != 0)
			fail_msg("%s", cases[i].name);
		json_decref(json);
	}
}

/* A peer must not be able to make a record that is larger than its line may be. */
static void the_worst_texts_in_the_largest_batch_fit_into_a_line(void **state)
{
	static uint8_t worst[65536], longest[65536];
	const struct slice text = { worst, sizeof(worst) }, item = { longest, sizeof(longest) };
	struct record_subject subject = { .op = text,
					  .grant = text,
					  .via = { worst, COFFER_TEXT_MAX },
					  .uid = UINT32_MAX,
					  .gid = UINT32_MAX,
					  .pid = INT32_MAX,
					  .time_ms = INT64_MAX };
	struct buf out;
	json_t *json;

	(void)state;
	memset(worst, 1, sizeof(worst));
	memset(longest, 'x', sizeof(longest));
	out = begin(INT64_MAX, &subject);
	for (size_t i = 0; i < RECORD_SECRETS_MAX; i++)
		record_item(&out, i == 0, item, item, UINT32_MAX);
	record_outcome(&out, true, COFFER_FAILED_PRECONDITION, text);
	record_mac(&out, (const uint8_t[CHAIN_MAC_LEN]){ 0 });
	json = parse(&out);
	assert_int_equal(json_string_length(json_object_get(json, "via")), COFFER_TEXT_MAX);
	json_decref(json);
}

static void the_longest_valid_names_are_not_cut(void **state)
{
	char scope[COFFER_SCOPE_MAX + 1] = { 0 }, name[COFFER_NAME_MAX + 1] = { 0 };
	struct buf out = begin(7, &plain);
	json_t *json;

	(void)state;
	memset(scope, 's', COFFER_SCOPE_MAX);
	memset(name, 'n', COFFER_NAME_MAX);
	record_secret(&out, slice_str(scope), slice_str(name), 3);
	end(&out, false, COFFER_OK, "");
	json = parse(&out);
	assert_string_equal(json_string_value(json_object_get(json, "scope")), scope);
	assert_string_equal(json_string_value(json_object_get(json, "name")), name);
	json_decref(json);
}

static void a_record_parses_into_its_number_text_and_mac(void **state)
{
	struct buf out = begin(UINT64_MAX, &plain);
	const uint8_t want[CHAIN_MAC_LEN] = { 0x00, 0x0f, 0xf0, 0xff };
	uint8_t mac[CHAIN_MAC_LEN];
	struct slice text;
	uint64_t seq;
	size_t text_len;

	(void)state;
	record_outcome(&out, false, COFFER_OK, SLICE_EMPTY);
	text_len = out.len;
	record_mac(&out, want);
	assert_int_equal(record_parse((struct slice){ out.data, out.len }, &seq, &text, mac),
			 COFFER_OK);
	assert_true(seq == UINT64_MAX);
	assert_ptr_equal(text.data, out.data);
	assert_int_equal(text.len, text_len);
	assert_memory_equal(mac, want, sizeof(want));
}

#define TAIL ",\"mac\":\"" MAC_HEX "\"}\n"

static void what_has_not_the_form_of_a_record_is_refused(void **state)
{
	static const struct {
		const char *name, *line;
		coffer_err want;
	} cases[] = {
		{ "the shortest form", "{\"seq\":1," TAIL, COFFER_OK },
		{ "nothing", "", COFFER_DATA_LOSS },
		{ "a newline alone", "\n", COFFER_DATA_LOSS },
		{ "no number", "{\"seq\":," TAIL, COFFER_DATA_LOSS },
		{ "number zero", "{\"seq\":0," TAIL, COFFER_DATA_LOSS },
		{ "a leading zero", "{\"seq\":01," TAIL, COFFER_DATA_LOSS },
		{ "a sign", "{\"seq\":-1," TAIL, COFFER_DATA_LOSS },
		{ "no comma behind the number", "{\"seq\":1}" TAIL, COFFER_DATA_LOSS },
		{ "the greatest number", "{\"seq\":18446744073709551615," TAIL, COFFER_OK },
		{ "one more", "{\"seq\":18446744073709551616," TAIL, COFFER_DATA_LOSS },
		{ "far more", "{\"seq\":99999999999999999999999," TAIL, COFFER_DATA_LOSS },
		{ "another key first", "{\"sea\":1," TAIL, COFFER_DATA_LOSS },
		{ "a space in front", " {\"seq\":1," TAIL, COFFER_DATA_LOSS },
		{ "a newline in the middle", "{\"seq\":1,\n" TAIL, COFFER_DATA_LOSS },
		{ "no newline", "{\"seq\":1,,\"mac\":\"" MAC_HEX "\"}", COFFER_DATA_LOSS },
		{ "a carriage return", "{\"seq\":1,,\"mac\":\"" MAC_HEX "\"}\r\n",
		  COFFER_DATA_LOSS },
		{ "a mac in upper case",
		  "{\"seq\":1,,\"mac\":\""
		  "000FF0FF00000000000000000000000000000000000000000000000000000000\"}\n",
		  COFFER_DATA_LOSS },
		{ "a digit of the mac too few",
		  "{\"seq\":1,,\"mac\":\""
		  "00ff0ff00000000000000000000000000000000000000000000000000000000\"}\n",
		  COFFER_DATA_LOSS },
		{ "a letter that is no digit in the mac",
		  "{\"seq\":1,,\"mac\":\""
		  "00gff0ff00000000000000000000000000000000000000000000000000000000\"}\n",
		  COFFER_DATA_LOSS },
		{ "something behind the mac", "{\"seq\":1,,\"mac\":\"" MAC_HEX "\",}\n",
		  COFFER_DATA_LOSS },
		{ "nothing but a mac", TAIL, COFFER_DATA_LOSS },
	};
	uint8_t mac[CHAIN_MAC_LEN];
	struct slice text;
	uint64_t seq;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		coffer_err err = record_parse(slice_str(cases[i].line), &seq, &text, mac);
		if (err != cases[i].want)
			fail_msg("%s: %s", cases[i].name, coffer_err_name(err));
		if (err != COFFER_OK)
			assert_true(seq == 0 && text.data == NULL && text.len == 0);
	}
}

static void a_record_that_is_cut_anywhere_is_refused(void **state)
{
	struct buf out = begin(7, &plain);
	uint8_t mac[CHAIN_MAC_LEN];
	struct slice text;
	uint64_t seq;

	(void)state;
	record_secret(&out, SLICE_LITERAL("global"), SLICE_LITERAL("X"), 3);
	end(&out, false, COFFER_OK, "");
	for (size_t cut = 0; cut < out.len; cut++) {
		assert_int_equal(record_parse((struct slice){ room, cut }, &seq, &text, mac),
				 COFFER_DATA_LOSS);
		assert_int_equal(record_parse((struct slice){ room + out.len - cut, cut }, &seq,
					      &text, mac),
				 COFFER_DATA_LOSS);
	}
}

static void a_line_that_is_too_long_is_refused(void **state)
{
	static uint8_t line[RECORD_LINE_MAX + 1];
	const char head[] = "{\"seq\":1,", tail[] = TAIL;
	uint8_t mac[CHAIN_MAC_LEN];
	struct slice text;
	uint64_t seq;

	(void)state;
	memset(line, 'x', sizeof(line));
	memcpy(line, head, sizeof(head) - 1);
	memcpy(line + sizeof(line) - (sizeof(tail) - 1), tail, sizeof(tail) - 1);
	assert_int_equal(record_parse((struct slice){ line, sizeof(line) }, &seq, &text, mac),
			 COFFER_DATA_LOSS);
	memmove(line + 100, line + 101, sizeof(line) - 101);
	assert_int_equal(record_parse((struct slice){ line, sizeof(line) - 1 }, &seq, &text, mac),
			 COFFER_OK);
}

/* --- the first record of a file ------------------------------------------------------------------ */

static void what_a_file_begins_with_comes_back(void **state)
{
	const uint64_t numbers[] = { 1, 9, 405, INT64_MAX };
	uint8_t mac[CHAIN_MAC_LEN];
	struct slice text;
	uint64_t seq;

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		struct record_border border = { .oldest = numbers[i], .after = { 1, 2, 0xff } };
		struct record_border got;
		struct buf out = begin(500, &plain);

		record_outcome(&out, false, COFFER_DATA_LOSS, slice_str("a reason"));
		record_border(&out, &border);
		record_mac(&out, border.after);
		json_decref(parse(&out));
		assert_int_equal(
		    record_parse((struct slice){ out.data, out.len }, &seq, &text, mac), COFFER_OK);
		assert_true(record_parse_border(text, &got));
		assert_int_equal(got.oldest, numbers[i]);
		assert_memory_equal(got.after, border.after, CHAIN_MAC_LEN);
		for (size_t cut = 1; cut <= text.len; cut++)
			assert_false(
			    record_parse_border((struct slice){ text.data, text.len - cut }, &got));
	}
}

#define HEX64 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void what_is_not_quite_a_files_beginning_is_none(void **state)
{
	static const char *const cases[] = {
		"",
		",\"oldest\":1,\"after\":\"",
		"\"oldest\":5,\"after\":\"" HEX64 "\"",
		",\"oldest\":,\"after\":\"" HEX64 "\"",
		",\"oldest\":0,\"after\":\"" HEX64 "\"",
		",\"oldest\":05,\"after\":\"" HEX64 "\"",
		",\"oldest\":-5,\"after\":\"" HEX64 "\"",
		",\"oldest\":18446744073709551616,\"after\":\"" HEX64 "\"",
		",\"oldest\":5,\"after\":\"" HEX64 "0\"",
		",\"oldest\":5,\"after\":\"A" HEX64 "\"",
		",\"oldest\":5,\"after\":\"" HEX64 "'",
		",\"oldest\":5, \"after\":\"" HEX64 "\"",
		",\"oldest\":5,\"after\":\"" HEX64 "\"}",
	};
	struct record_border border;

	(void)state;
	assert_true(
	    record_parse_border(slice_str(",\"oldest\":5,\"after\":\"" HEX64 "\""), &border));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (record_parse_border(slice_str(cases[i]), &border) || border.oldest != 0)
			fail_msg("%s", cases[i]);
}

/* An attack: a text of a peer's that looks like what a file begins with. */
static void a_text_of_a_peer_cannot_pass_for_it(void **state)
{
	static const char *const texts[] = {
		"\",\"oldest\":5,\"after\":\"" HEX64,
		",\"oldest\":5,\"after\":\"" HEX64 "\"",
		"x\\\",\"oldest\":5,\"after\":\"" HEX64,
	};
	struct record_border border;
	uint8_t mac[CHAIN_MAC_LEN];
	struct slice text;
	uint64_t seq;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct record_subject subject = plain;
		struct buf out;

		subject.via = slice_str(texts[i]);
		out = begin(3, &subject);
		end(&out, false, COFFER_OK, texts[i]);
		assert_int_equal(
		    record_parse((struct slice){ out.data, out.len }, &seq, &text, mac), COFFER_OK);
		assert_false(record_parse_border(text, &border));
	}
}

static void the_time_stands_behind_the_number(void **state)
{
	const uint64_t seqs[] = { 1, 12345, UINT64_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(seqs) / sizeof(seqs[0]); i++) {
		struct buf out = begin(seqs[i], &plain);
		struct slice time = record_time((struct slice){ out.data, out.len });

		assert_int_equal(time.len, 24);
		assert_memory_equal(time.data, "2026-11-22T01:40:08.123Z", 24);
		for (size_t cut = out.len - 20; cut <= out.len; cut++)
			assert_true(record_time((struct slice){ out.data, out.len - cut }).len ==
				    0);
	}
	assert_int_equal(
	    record_time(slice_str("{\"seq\":1,\"tame\":\"2026-11-22T01:40:08.123Z\"")).len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_read_of_a_secret_is_one_line_with_its_fields_in_order),
		cmocka_unit_test(what_does_not_apply_does_not_stand_in_the_line),
		cmocka_unit_test(a_service_is_named_as_a_grant),
		cmocka_unit_test(a_process_that_cannot_be_seen_has_pid_zero),
		cmocka_unit_test(a_batch_is_a_list_of_secrets),
		cmocka_unit_test(every_byte_in_every_text_gives_valid_json),
		cmocka_unit_test(every_byte_is_seen_wherever_it_stands_in_a_longer_text),
		cmocka_unit_test(text_comes_back_as_it_was_or_with_what_is_not_utf8_replaced),
		cmocka_unit_test(the_worst_texts_in_the_largest_batch_fit_into_a_line),
		cmocka_unit_test(the_longest_valid_names_are_not_cut),
		cmocka_unit_test(a_record_parses_into_its_number_text_and_mac),
		cmocka_unit_test(what_has_not_the_form_of_a_record_is_refused),
		cmocka_unit_test(a_record_that_is_cut_anywhere_is_refused),
		cmocka_unit_test(a_line_that_is_too_long_is_refused),
		cmocka_unit_test(what_a_file_begins_with_comes_back),
		cmocka_unit_test(what_is_not_quite_a_files_beginning_is_none),
		cmocka_unit_test(a_text_of_a_peer_cannot_pass_for_it),
		cmocka_unit_test(the_time_stands_behind_the_number),
	};

	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
