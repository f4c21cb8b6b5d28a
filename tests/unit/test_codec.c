/* Messages in frames: what is decoded is a view on the input, and what does not fit leaves no trace.
 * That the bytes are those of other implementations is test_vectors' and tests/vectors'. */
#include "codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "frame.h"

#define DECODE(in, type, msg) codec_decode(in, coffer_v1_##type##_fields, msg, sizeof(*(msg)))

static struct slice all(const struct buf *buf)
{
	return (struct slice){ buf->data, buf->len };
}

static void assert_text(struct slice slice, const char *want)
{
	assert_int_equal(slice.len, strlen(want));
	assert_memory_equal(slice.data, want, slice.len);
}

/* --- decoding ----------------------------------------------------------------------------------------- */

static void fields_are_slices_of_the_input(void **state)
{
	static const uint8_t in[] = "\x08\x07\x12\x03Get\x1a\x02\x0a\x00";
	coffer_v1_Request request;

	(void)state;
	assert_int_equal(DECODE(((struct slice){ in, sizeof(in) - 1 }), Request, &request),
			 COFFER_OK);
	assert_int_equal(request.id, 7);
	assert_ptr_equal(request.method.data, in + 4);
	assert_int_equal(request.method.len, 3);
	assert_ptr_equal(request.body.data, in + 9);
	assert_int_equal(request.body.len, 2);
}

static void an_empty_message_is_all_defaults(void **state)
{
	coffer_v1_Request request;

	(void)state;
	memset(&request, 0xff, sizeof(request));
	assert_int_equal(DECODE(SLICE_EMPTY, Request, &request), COFFER_OK);
	assert_int_equal(request.id, 0);
	assert_int_equal(request.method.len, 0);
	assert_null(request.method.data);
}

static void malformed_messages_are_refused_and_leave_nothing(void **state)
{
	static const struct {
		const char *name, *in;
		size_t len;
		coffer_err want;
	} cases[] = {
		{ "a tag cut short", "\x80", 1, COFFER_INVALID_ARGUMENT },
		{ "a number cut short", "\x08\x80", 2, COFFER_INVALID_ARGUMENT },
		{ "no number", "\x08", 1, COFFER_INVALID_ARGUMENT },
		{ "a number of eleven bytes", "\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
		  12, COFFER_INVALID_ARGUMENT },
		{ "a number too large for the field", "\x08\xff\xff\xff\xff\xff\x01", 7,
		  COFFER_INVALID_ARGUMENT },
		{ "a string without its length", "\x12", 1, COFFER_INVALID_ARGUMENT },
		{ "a string longer than the rest", "\x12\x04Get", 5, COFFER_INVALID_ARGUMENT },
		{ "a string of 2^32 - 1 bytes", "\x12\xff\xff\xff\xff\x0f", 6,
		  COFFER_INVALID_ARGUMENT },
		{ "a string of 2^64 - 1 bytes", "\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11,
		  COFFER_INVALID_ARGUMENT },
		{ "tag zero", "\x00\x00", 2, COFFER_INVALID_ARGUMENT },
		{ "tag zero behind a field", "\x08\x01\x00", 3, COFFER_INVALID_ARGUMENT },
		{ "a number where a string is due", "\x10\x01", 2, COFFER_INVALID_ARGUMENT },
		{ "eight bytes where a string is due", "\x11zzzzzzzz", 9, COFFER_INVALID_ARGUMENT },
		{ "a string where a number is due", "\x0a\x01z", 3, COFFER_INVALID_ARGUMENT },
		{ "the start of a group", "\x0b", 1, COFFER_INVALID_ARGUMENT },
		{ "an unknown group", "\x63", 1, COFFER_INVALID_ARGUMENT },
		{ "wire type 6", "\x66", 1, COFFER_INVALID_ARGUMENT },
		{ "wire type 7", "\x67", 1, COFFER_INVALID_ARGUMENT },
		{ "an unknown string longer than the rest", "\x62\x05z", 3,
		  COFFER_INVALID_ARGUMENT },
		{ "an unknown number", "\x60\x05", 2, COFFER_OK },
		{ "an unknown string", "\x62\x01z", 3, COFFER_OK },
		{ "unknown four bytes", "\x65zzzz", 5, COFFER_OK },
		{ "unknown eight bytes", "\x61zzzzzzzz", 9, COFFER_OK },
		{ "the greatest tag", "\xf8\xff\xff\xff\x0f\x01", 6, COFFER_OK },
	};
	static const coffer_v1_Request empty;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		/* Behind good fields, which must be gone after the error. */
		uint8_t in[64] = "\x08\x07\x12\x03Get";
		coffer_v1_Request request;
		coffer_err err;

		memcpy(in + 7, cases[i].in, cases[i].len);
		err = DECODE(((struct slice){ in, 7 + cases[i].len }), Request, &request);
		if (err != cases[i].want)
			fail_msg("%s: %s", cases[i].name, coffer_err_name(err));
		if (err != COFFER_OK)
			assert_memory_equal(&request, &empty, sizeof(request));
		else
			assert_text(request.method, "Get");
	}
}

static void of_a_field_that_comes_twice_the_last_one_counts(void **state)
{
	static const uint8_t in[] = "\x08\x01\x12\x01z\x08\x02\x12\x02zz\x12\x00";
	coffer_v1_Request request;

	(void)state;
	assert_int_equal(DECODE(((struct slice){ in, sizeof(in) - 1 }), Request, &request),
			 COFFER_OK);
	assert_int_equal(request.id, 2);
	assert_int_equal(request.method.len, 0);
	assert_int_equal(DECODE(((struct slice){ in, sizeof(in) - 3 }), Request, &request),
			 COFFER_OK);
	assert_text(request.method, "zz");
}

/* Copied to memory of just its size, so that the sanitizer sees a byte read behind it. */
static void a_message_that_is_cut_anywhere_is_decoded_or_refused_within_its_bytes(void **state)
{
	uint8_t room[512];
	struct buf out = { room, 0, sizeof(room) };
	coffer_v1_CreateRunRequest request = { .git_dir = SLICE_LITERAL("/srv/git"),
					       .ttl_ms = -1,
					       .bind_uid = true,
					       .uid = UINT32_MAX };

	(void)state;
	assert_int_equal(codec_append(&out, coffer_v1_CreateRunRequest_fields, &request),
			 COFFER_OK);
	for (int i = 0; i < 3; i++)
		assert_int_equal(codec_append_bytes(&out, coffer_v1_CreateRunRequest_allow_tag,
						    SLICE_LITERAL("AWS_*")),
				 COFFER_OK);
	for (size_t cut = 0; cut < out.len; cut++) {
		uint8_t *in = malloc(cut + (cut == 0));
		struct slice rest = { in, cut }, element;

		assert_non_null(in);
		memcpy(in, room, cut);
		(void)!DECODE(rest, CreateRunRequest, &request);
		while (codec_next(&rest, coffer_v1_CreateRunRequest_allow_tag, &element))
			assert_text(element, "AWS_*");
		free(in);
	}
}

/* --- repeated fields ------------------------------------------------------------------------------------ */

static void elements_come_in_order_among_other_fields(void **state)
{
	static const uint8_t in[] = "\x0a\x01"
				    "a"
				    "\x10\x01"
				    "\x1a\x01x"
				    "\x0a\x00"
				    "\x65zzzz"
				    "\x61zzzzzzzz"
				    "\x0a\x03"
				    "bcd"
				    "\x10\x02";
	struct slice rest = { in, sizeof(in) - 1 }, element;

	(void)state;
	assert_true(codec_next(&rest, 1, &element));
	assert_text(element, "a");
	assert_true(codec_next(&rest, 1, &element));
	assert_int_equal(element.len, 0);
	assert_true(codec_next(&rest, 1, &element));
	assert_text(element, "bcd");
	assert_false(codec_next(&rest, 1, &element));
	assert_int_equal(element.len, 0);
	assert_null(element.data);
	assert_false(codec_next(&rest, 1, &element));
}

static void nothing_has_no_elements(void **state)
{
	struct slice rest = SLICE_EMPTY, element;

	(void)state;
	assert_false(codec_next(&rest, 1, &element));
}

static void elements_that_are_messages_can_be_decoded(void **state)
{
	uint8_t room[256];
	struct buf out = { room, 0, sizeof(room) };
	coffer_v1_Pair pairs[3] = {
		{ SLICE_LITERAL("a"), SLICE_LITERAL("1") },
		{ SLICE_EMPTY, SLICE_EMPTY },
		{ SLICE_LITERAL("c"), SLICE_LITERAL("333") },
	};
	struct slice rest, element;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(codec_append_message(&out, coffer_v1_BootstrapResponse_extras_tag,
						      coffer_v1_Pair_fields, &pairs[i]),
				 COFFER_OK);
	rest = all(&out);
	for (size_t i = 0; i < 3; i++) {
		coffer_v1_Pair pair;

		assert_true(codec_next(&rest, coffer_v1_BootstrapResponse_extras_tag, &element));
		assert_int_equal(DECODE(element, Pair, &pair), COFFER_OK);
		assert_true(slice_equal(pair.key, pairs[i].key));
		assert_true(slice_equal(pair.value, pairs[i].value));
	}
	assert_false(codec_next(&rest, coffer_v1_BootstrapResponse_extras_tag, &element));
}

/* --- appending ------------------------------------------------------------------------------------------ */

static const coffer_v1_GetSecretResponse secret = {
	.value = { (const uint8_t *)"sesame", 6 },
	.version = 3,
	.scope = { (const uint8_t *)"global", 6 },
};

/* One appending function with fixed arguments, for the cases that run over all of them. */
typedef coffer_err (*append)(struct buf *out);

static coffer_err append_fields(struct buf *out)
{
	return codec_append(out, coffer_v1_GetSecretResponse_fields, &secret);
}
static coffer_err append_bytes(struct buf *out)
{
	return codec_append_bytes(out, 2, SLICE_LITERAL("sesame, open"));
}
static coffer_err append_empty(struct buf *out)
{
	return codec_append_bytes(out, 2, SLICE_EMPTY);
}
static coffer_err append_message(struct buf *out)
{
	return codec_append_message(out, 300, coffer_v1_GetSecretResponse_fields, &secret);
}
static coffer_err append_reserved(struct buf *out)
{
	uint8_t *at;
	coffer_err err = codec_reserve_bytes(out, 2, 6, &at);

	if (err == COFFER_OK)
		memcpy(at, "sesame", 6);
	else
		assert_null(at);
	return err;
}
static coffer_err append_request(struct buf *out)
{
	return codec_append_request(out, 7, SLICE_LITERAL("GetSecret"), SLICE_LITERAL("sesame"));
}
static const append appends[] = { append_fields,  append_bytes,    append_empty,
				  append_message, append_reserved, append_request };

/* The caller wipes what it knows of: a value must not stand behind the end. */
static void what_does_not_fit_is_refused_and_leaves_no_byte(void **state)
{
	static const uint8_t clean[128];
	uint8_t room[128], whole[128];

	(void)state;
	for (size_t i = 0; i < sizeof(appends) / sizeof(appends[0]); i++) {
		struct buf out = { whole, 5, sizeof(whole) };
		size_t need;

		memset(whole, 0, sizeof(whole));
		assert_int_equal(appends[i](&out), COFFER_OK);
		need = out.len;
		for (size_t cap = 5; cap < need; cap++) {
			memset(room, 0, sizeof(room));
			out = (struct buf){ room, 5, cap };
			assert_int_equal(appends[i](&out), COFFER_RESOURCE_EXHAUSTED);
			assert_int_equal(out.len, 5);
			assert_memory_equal(room, clean, sizeof(room));
		}
		/* A frame's length is written into more room than it needs. */
		if (appends[i] == append_request)
			need += FRAME_HEADER_MAX - 1;
		out = (struct buf){ room, 5, need };
		assert_int_equal(appends[i](&out), COFFER_OK);
		assert_memory_equal(room, whole, out.len);
	}
}

static void reserved_bytes_read_back(void **state)
{
	uint8_t room[64];
	struct buf out = { room, 0, sizeof(room) };
	coffer_v1_GetSecretResponse reply;
	uint8_t *at;

	(void)state;
	assert_int_equal(codec_reserve_bytes(&out, coffer_v1_GetSecretResponse_value_tag, 6, &at),
			 COFFER_OK);
	memcpy(at, "sesame", 6);
	assert_int_equal(DECODE(all(&out), GetSecretResponse, &reply), COFFER_OK);
	assert_text(reply.value, "sesame");
	assert_int_equal(codec_reserve_bytes(&out, 1, SIZE_MAX, &at), COFFER_RESOURCE_EXHAUSTED);
	assert_int_equal(codec_reserve_bytes(&out, 1, SIZE_MAX - 8, &at),
			 COFFER_RESOURCE_EXHAUSTED);
}

static void brackets_of_any_content_give_what_a_whole_message_gives(void **state)
{
	static uint8_t room[70000], content[66000];

	(void)state;
	for (size_t len = 0; len < sizeof(content); len = len < 300 ? len + 1 : len * 2 - 1) {
		struct buf out = { room, 0, sizeof(room) };
		struct slice rest, element, value;
		size_t mark;

		assert_int_equal(codec_open_message(&out, 5, &mark), COFFER_OK);
		if (len > 0)
			assert_int_equal(
			    codec_append_bytes(&out, 1, (struct slice){ content, len }), COFFER_OK);
		assert_int_equal(codec_close_message(&out, mark), COFFER_OK);
		rest = all(&out);
		assert_true(codec_next(&rest, 5, &element));
		assert_int_equal(rest.len, 0);
		if (len > 0) {
			assert_true(codec_next(&element, 1, &value));
			assert_int_equal(value.len, len);
		}
		assert_int_equal(element.len, 0);
	}
}

/* A value is moved to the front as a gap is closed: what it leaves behind is beyond the end. */
static void a_closed_gap_leaves_no_byte_behind_the_end(void **state)
{
	static const uint8_t clean[16];
	uint8_t room[128] = { 0 };
	struct buf out = { room, 0, sizeof(room) };
	size_t mark;

	(void)state;
	assert_int_equal(codec_open_message(&out, 1, &mark), COFFER_OK);
	assert_int_equal(append_bytes(&out), COFFER_OK);
	assert_int_equal(codec_close_message(&out, mark), COFFER_OK);
	assert_memory_equal(room + out.len, clean, sizeof(clean));
	assert_int_equal(codec_reply_begin(&out, &mark), COFFER_OK);
	assert_int_equal(append_bytes(&out), COFFER_OK);
	assert_int_equal(codec_reply_end(&out, mark, 1, COFFER_OK, SLICE_EMPTY), COFFER_OK);
	assert_memory_equal(room + out.len, clean, sizeof(clean));
	assert_int_equal(append_request(&out), COFFER_OK);
	assert_memory_equal(room + out.len, clean, sizeof(clean));
}

static void brackets_nest(void **state)
{
	uint8_t room[64];
	struct buf out = { room, 0, sizeof(room) };
	struct slice rest, outer, inner, text;
	size_t first, second;

	(void)state;
	assert_int_equal(codec_open_message(&out, 1, &first), COFFER_OK);
	assert_int_equal(codec_open_message(&out, 2, &second), COFFER_OK);
	assert_int_equal(codec_append_bytes(&out, 3, SLICE_LITERAL("in")), COFFER_OK);
	assert_int_equal(codec_close_message(&out, second), COFFER_OK);
	assert_int_equal(codec_append_bytes(&out, 4, SLICE_LITERAL("out")), COFFER_OK);
	assert_int_equal(codec_close_message(&out, first), COFFER_OK);
	rest = all(&out);
	assert_true(codec_next(&rest, 1, &outer));
	assert_int_equal(rest.len, 0);
	rest = outer;
	assert_true(codec_next(&rest, 2, &inner));
	assert_true(codec_next(&inner, 3, &text));
	assert_text(text, "in");
	assert_true(codec_next(&rest, 4, &text));
	assert_text(text, "out");
}

static void a_bracket_that_does_not_fit_is_refused(void **state)
{
	uint8_t room[4];
	size_t mark;

	(void)state;
	for (size_t cap = 0; cap < sizeof(room); cap++) {
		struct buf out = { room, 0, cap };

		assert_int_equal(codec_open_message(&out, 1, &mark), COFFER_RESOURCE_EXHAUSTED);
		assert_int_equal(out.len, 0);
	}
}

/* --- replies -------------------------------------------------------------------------------------------- */

/* Takes the one frame in out apart. */
static coffer_v1_Response response_in(const struct buf *out, size_t mark)
{
	struct slice in = { out->data + mark, out->len - mark };
	coffer_v1_Response response;
	size_t header, body;

	assert_int_equal(frame_parse(in, FRAME_BODY_MAX, &header, &body), COFFER_OK);
	assert_int_equal(header + body, in.len);
	in = (struct slice){ in.data + header, body };
	assert_int_equal(DECODE(in, Response, &response), COFFER_OK);
	return response;
}

static void a_reply_keeps_its_body(void **state)
{
	static uint8_t room[80000], value[66000];
	const uint32_t ids[] = { 0, 1, 127, 128, UINT32_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		for (size_t len = 0; len < sizeof(value); len = len < 300 ? len + 1 : len * 3) {
			struct buf out = { room, 9, sizeof(room) };
			coffer_v1_GetSecretResponse reply = { .value = { value, len } };
			coffer_v1_Response response;
			size_t mark;

			assert_int_equal(codec_reply_begin(&out, &mark), COFFER_OK);
			assert_int_equal(codec_append(&out, coffer_v1_GetSecretResponse_fields,
						      &reply),
					 COFFER_OK);
			assert_int_equal(codec_reply_end(&out, mark, ids[i], COFFER_OK,
							 SLICE_LITERAL("not sent")),
					 COFFER_OK);
			response = response_in(&out, 9);
			assert_int_equal(response.id, ids[i]);
			assert_int_equal(response.code, coffer_v1_Code_OK);
			assert_int_equal(response.message.len, 0);
			assert_int_equal(DECODE(response.body, GetSecretResponse, &reply),
					 COFFER_OK);
			assert_int_equal(reply.value.len, len);
		}
	}
}

/* A client that leaves out its ids, calling a method whose reply is empty: a frame of no bytes would be
 * malformed, and no reply at all would leave it waiting. */
static void an_empty_reply_to_id_zero_is_still_a_frame(void **state)
{
	uint8_t room[32];
	struct buf out = { room, 0, sizeof(room) };
	coffer_v1_Response response;
	size_t mark;

	(void)state;
	assert_int_equal(codec_reply_begin(&out, &mark), COFFER_OK);
	assert_int_equal(codec_reply_end(&out, mark, 0, COFFER_OK, SLICE_EMPTY), COFFER_OK);
	response = response_in(&out, 0);
	assert_int_equal(response.id, 0);
	assert_int_equal(response.code, coffer_v1_Code_OK);
	assert_int_equal(response.body.len, 0);
}

static void an_error_sends_its_message_and_wipes_the_body(void **state)
{
	uint8_t room[128] = { 0 };
	struct buf out = { room, 3, sizeof(room) };
	coffer_v1_Response response;
	size_t mark;

	(void)state;
	assert_int_equal(codec_reply_begin(&out, &mark), COFFER_OK);
	assert_int_equal(append_fields(&out), COFFER_OK);
	assert_int_equal(codec_reply_end(&out, mark, 9, COFFER_NOT_FOUND, SLICE_LITERAL("no X")),
			 COFFER_OK);
	response = response_in(&out, 3);
	assert_int_equal(response.id, 9);
	assert_int_equal(response.code, coffer_v1_Code_NOT_FOUND);
	assert_text(response.message, "no X");
	assert_int_equal(response.body.len, 0);
	assert_null(memmem(room, sizeof(room), "same", 4));
}

static void a_reply_without_room_is_as_if_it_had_never_begun(void **state)
{
	static const uint8_t clean[64];
	uint8_t room[64];
	size_t mark;

	(void)state;
	for (size_t cap = 0; cap < sizeof(room); cap++) {
		struct buf out = { room, 0, cap };

		memset(room, 0, sizeof(room));
		if (codec_reply_begin(&out, &mark) != COFFER_OK) {
			assert_int_equal(out.len, 0);
			continue;
		}
		if (codec_reply_end(&out, mark, 1, COFFER_NOT_FOUND,
				    SLICE_LITERAL("a message of forty bytes, no less of it.")) !=
		    COFFER_OK) {
			assert_int_equal(out.len, 0);
			assert_memory_equal(room, clean, sizeof(room));
		}
	}
}

static void a_reply_larger_than_a_frame_may_be_is_refused_and_wiped(void **state)
{
	size_t cap = FRAME_BODY_MAX + 64, mark;
	struct buf out = { calloc(1, cap), 0, cap };
	uint8_t *at;

	(void)state;
	assert_non_null(out.data);
	assert_int_equal(codec_reply_begin(&out, &mark), COFFER_OK);
	assert_int_equal(codec_reserve_bytes(&out, 1, FRAME_BODY_MAX - 4, &at), COFFER_OK);
	memset(at, 's', FRAME_BODY_MAX - 4);
	assert_int_equal(codec_reply_end(&out, mark, 1, COFFER_OK, SLICE_EMPTY),
			 COFFER_RESOURCE_EXHAUSTED);
	assert_int_equal(out.len, 0);
	assert_null(memchr(out.data, 's', cap));
	free(out.data);
}

static void replies_stand_one_behind_the_other(void **state)
{
	uint8_t room[256];
	struct buf out = { room, 0, sizeof(room) };
	size_t mark, second;

	(void)state;
	assert_int_equal(codec_reply_begin(&out, &mark), COFFER_OK);
	assert_int_equal(append_fields(&out), COFFER_OK);
	assert_int_equal(codec_reply_end(&out, mark, 1, COFFER_OK, SLICE_EMPTY), COFFER_OK);
	second = out.len;
	assert_int_equal(codec_reply_begin(&out, &mark), COFFER_OK);
	assert_int_equal(codec_reply_end(&out, mark, 2, COFFER_GONE, SLICE_EMPTY), COFFER_OK);
	assert_int_equal(response_in(&out, second).id, 2);
	out.len = second;
	assert_int_equal(response_in(&out, 0).id, 1);
}

static void a_request_reads_back(void **state)
{
	uint8_t room[128];
	struct buf out = { room, 0, sizeof(room) };
	coffer_v1_Request request;
	size_t header, body;

	(void)state;
	assert_int_equal(append_request(&out), COFFER_OK);
	assert_int_equal(frame_parse(all(&out), 100, &header, &body), COFFER_OK);
	assert_int_equal(DECODE(((struct slice){ room + header, body }), Request, &request),
			 COFFER_OK);
	assert_int_equal(request.id, 7);
	assert_text(request.method, "GetSecret");
	assert_text(request.body, "sesame");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_slices_of_the_input),
		cmocka_unit_test(an_empty_message_is_all_defaults),
		cmocka_unit_test(malformed_messages_are_refused_and_leave_nothing),
		cmocka_unit_test(of_a_field_that_comes_twice_the_last_one_counts),
		cmocka_unit_test(
		    a_message_that_is_cut_anywhere_is_decoded_or_refused_within_its_bytes),
		cmocka_unit_test(elements_come_in_order_among_other_fields),
		cmocka_unit_test(nothing_has_no_elements),
		cmocka_unit_test(elements_that_are_messages_can_be_decoded),
		cmocka_unit_test(what_does_not_fit_is_refused_and_leaves_no_byte),
		cmocka_unit_test(reserved_bytes_read_back),
		cmocka_unit_test(brackets_of_any_content_give_what_a_whole_message_gives),
		cmocka_unit_test(a_closed_gap_leaves_no_byte_behind_the_end),
		cmocka_unit_test(brackets_nest),
		cmocka_unit_test(a_bracket_that_does_not_fit_is_refused),
		cmocka_unit_test(a_reply_keeps_its_body),
		cmocka_unit_test(an_empty_reply_to_id_zero_is_still_a_frame),
		cmocka_unit_test(an_error_sends_its_message_and_wipes_the_body),
		cmocka_unit_test(a_reply_without_room_is_as_if_it_had_never_begun),
		cmocka_unit_test(a_reply_larger_than_a_frame_may_be_is_refused_and_wiped),
		cmocka_unit_test(replies_stand_one_behind_the_other),
		cmocka_unit_test(a_request_reads_back),
	};

	return cmocka_run_group_tests_name("codec", tests, NULL, NULL);
}
