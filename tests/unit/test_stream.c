/* Chunks that are sealed one after the other. */
#include "vault/stream.h"

#include "test_store.h"

#define CHUNKS 3
#define LEN    5

struct made {
	struct arena *arena;
	uint8_t header[STREAM_HEADER_LEN];
	uint8_t sealed[CHUNKS][LEN + STREAM_OVERHEAD];
};

static const uint8_t key[STREAM_KEY_LEN] = "a key of thirty-two bytes, this.";
static const char *const texts[CHUNKS] = { "one..", "two..", "three" };

static struct slice with(void)
{
	return slice_str("in front");
}

static int set_up(void **state)
{
	struct made *made = calloc(1, sizeof(*made));
	struct stream *stream;

	must(arena_create(&made->arena, 1 << 16, true));
	must(stream_write_begin(&stream, made->arena, key, made->header));
	for (int i = 0; i < CHUNKS; i++)
		stream_push(stream, slice_str(texts[i]), with(), i == CHUNKS - 1, made->sealed[i]);
	stream_end(stream);
	*state = made;
	return 0;
}

static int tear_down(void **state)
{
	struct made *made = *state;

	assert_int_equal(arena_used(made->arena), 0);
	arena_destroy(made->arena);
	free(made);
	return 0;
}

static coffer_err pull(struct stream *stream, struct made *made, int which, bool *last,
		       char out[LEN + 1])
{
	out[LEN] = '\0';
	return stream_pull(stream, (struct slice){ made->sealed[which], LEN + STREAM_OVERHEAD },
			   with(), last, (uint8_t *)out);
}

static void chunks_open_in_their_order_and_the_last_one_says_so(void **state)
{
	struct made *made = *state;
	struct stream *stream;
	char out[LEN + 1];
	bool last;

	must(stream_read_begin(&stream, made->arena, key, made->header));
	for (int i = 0; i < CHUNKS; i++) {
		must(pull(stream, made, i, &last, out));
		assert_string_equal(out, texts[i]);
		assert_int_equal(last, i == CHUNKS - 1);
	}
	stream_end(stream);
}

static void a_chunk_that_is_left_out_or_repeated_does_not_open(void **state)
{
	struct made *made = *state;
	struct stream *stream;
	char out[LEN + 1];
	bool last;

	must(stream_read_begin(&stream, made->arena, key, made->header));
	assert_int_equal(pull(stream, made, 1, &last, out), COFFER_DATA_LOSS);
	must(pull(stream, made, 0, &last, out));
	assert_int_equal(pull(stream, made, 0, &last, out), COFFER_DATA_LOSS);
	assert_false(last);
	stream_end(stream);
}

static void what_stands_in_front_is_authenticated(void **state)
{
	struct made *made = *state;
	struct stream *stream;
	char out[LEN + 1];
	bool last;

	must(stream_read_begin(&stream, made->arena, key, made->header));
	assert_int_equal(stream_pull(stream,
				     (struct slice){ made->sealed[0], LEN + STREAM_OVERHEAD },
				     slice_str("in Front"), &last, (uint8_t *)out),
			 COFFER_DATA_LOSS);
	stream_end(stream);
}

static void less_than_a_chunk_can_be_is_damage(void **state)
{
	struct made *made = *state;
	struct stream *stream;
	uint8_t out[1];
	bool last;

	must(stream_read_begin(&stream, made->arena, key, made->header));
	for (size_t len = 0; len <= STREAM_OVERHEAD; len++)
		assert_int_equal(stream_pull(stream, (struct slice){ made->sealed[0], len }, with(),
					     &last, out),
				 COFFER_DATA_LOSS);
	stream_end(stream);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(chunks_open_in_their_order_and_the_last_one_says_so),
		TEST(a_chunk_that_is_left_out_or_repeated_does_not_open),
		TEST(what_stands_in_front_is_authenticated),
		TEST(less_than_a_chunk_can_be_is_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
