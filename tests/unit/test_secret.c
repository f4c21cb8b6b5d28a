/* Secrets: the five verbs. */
#include "base/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#define ARENA_LEN ((size_t)16 * ARENA_PAGE)

static int setup(void **state)
{
	struct arena *arena;

	if (arena_create(&arena, ARENA_LEN, false) != COFFER_OK)
		return -1;
	*state = arena;
	return 0;
}

/* Each case gives back all that it took. */
static int teardown(void **state)
{
	const size_t used = arena_used(*state);

	arena_destroy(*state);
	return used == 0 ? 0 : -1;
}

static void assert_is_empty(const struct secret *s)
{
	assert_null(s->arena);
	assert_null(s->data);
	assert_int_equal(s->len, 0);
	assert_int_equal(s->cap, 0);
}

static void reserved_secret_is_empty_with_room(void **state)
{
	struct secret s = SECRET_EMPTY;

	assert_int_equal(secret_reserve(&s, *state, 100), COFFER_OK);
	assert_non_null(s.data);
	assert_int_equal(s.len, 0);
	assert_int_equal(s.cap, 100);
	secret_free(&s);
	assert_is_empty(&s);
	secret_free(&s);
}

static void copy_holds_any_bytes(void **state)
{
	static const uint8_t bytes[] = "a\0b\xff";
	struct secret s;

	assert_int_equal(secret_copy(&s, *state, bytes, sizeof(bytes)), COFFER_OK);
	assert_int_equal(s.len, sizeof(bytes));
	assert_memory_equal(s.data, bytes, sizeof(bytes));
	secret_free(&s);
}

static void copy_of_nothing_is_a_value_of_length_zero(void **state)
{
	struct secret s;

	assert_int_equal(secret_copy(&s, *state, NULL, 0), COFFER_OK);
	assert_non_null(s.data);
	assert_int_equal(s.len, 0);
	secret_free(&s);
}

static void freed_secret_is_wiped_whole(void **state)
{
	struct secret s;
	uint8_t *p;

	assert_int_equal(secret_reserve(&s, *state, 300), COFFER_OK);
	p = s.data;
	memset(p, 0xa5, 300); /* beyond len, which is still 0 */
	secret_free(&s);
	assert_ptr_equal(arena_take(*state, 300), p);
	for (size_t i = 0; i < 300; i++)
		assert_int_equal(p[i], 0);
	arena_give(*state, p, 300, 0);
}

static void full_arena_gives_an_empty_secret(void **state)
{
	struct secret s = { *state, (uint8_t *)1, 1, 1 };

	assert_int_equal(secret_reserve(&s, *state, ARENA_LEN + 1), COFFER_RESOURCE_EXHAUSTED);
	assert_is_empty(&s);
	s.len = 1;
	assert_int_equal(secret_copy(&s, *state, (const uint8_t *)"", ARENA_LEN + 1),
			 COFFER_RESOURCE_EXHAUSTED);
	assert_is_empty(&s);
	s.len = 1;
	assert_int_equal(secret_read(&s, *state, STDIN_FILENO, ARENA_LEN),
			 COFFER_RESOURCE_EXHAUSTED);
	assert_is_empty(&s);
}

/* What a reader gets when the writer, another thread, sends len bytes in pieces. */
struct writer {
	int fd;
	size_t len;
	size_t piece;
};

static void *writer_run(void *arg)
{
	const struct writer *w = arg;
	uint8_t piece[4096];

	for (size_t at = 0; at < w->len;) {
		const size_t n = w->len - at < w->piece ? w->len - at : w->piece;

		for (size_t i = 0; i < n; i++)
			piece[i] = (uint8_t)(at + i);
		if (write(w->fd, piece, n) != (ssize_t)n)
			break;
		at += n;
	}
	(void)close(w->fd);
	return NULL;
}

static void file_is_read_to_its_end_up_to_a_maximum(void **state)
{
	static const struct {
		const char *name;
		size_t len, piece, max;
		coffer_err want;
	} cases[] = {
		{ "nothing is a value of length zero", 0, 1, 10, COFFER_OK },
		{ "nothing fits into nothing", 0, 1, 0, COFFER_OK },
		{ "one byte does not fit into nothing", 1, 1, 0, COFFER_INVALID_ARGUMENT },
		{ "single bytes are gathered", 100, 1, 100, COFFER_OK },
		{ "one less than the maximum fits", 4095, 4096, 4096, COFFER_OK },
		{ "exactly the maximum fits", 4096, 1000, 4096, COFFER_OK },
		{ "one byte more is refused", 4097, 1000, 4096, COFFER_INVALID_ARGUMENT },
		{ "much more is refused", 30000, 4096, 4096, COFFER_INVALID_ARGUMENT },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct secret s = { *state, (uint8_t *)1, 1, 1 };
		struct writer w;
		pthread_t thread;
		coffer_err err;
		int fds[2];

		assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
		w = (struct writer){ fds[1], cases[i].len, cases[i].piece };
		assert_int_equal(pthread_create(&thread, NULL, writer_run, &w), 0);
		err = secret_read(&s, *state, fds[0], cases[i].max);
		/* The descriptor is still ours: the rest of it lets the writer end. */
		for (uint8_t rest[512]; read(fds[0], rest, sizeof(rest)) > 0;)
			continue;
		assert_int_equal(pthread_join(thread, NULL), 0);
		assert_int_equal(close(fds[0]), 0);
		if (err != cases[i].want)
			fail_msg("%s: %s", cases[i].name, coffer_err_name(err));
		if (err == COFFER_OK) {
			assert_int_equal(s.len, cases[i].len);
			for (size_t at = 0; at < s.len; at++)
				assert_int_equal(s.data[at], (uint8_t)at);
			secret_free(&s);
		}
		assert_is_empty(&s);
		assert_int_equal(arena_used(*state), 0);
	}
}

static void read_error_leaves_an_empty_secret_and_errno(void **state)
{
	struct secret s = { *state, (uint8_t *)1, 1, 1 };
	const int folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(folder >= 0);
	assert_int_equal(secret_read(&s, *state, folder, 10), COFFER_UNAVAILABLE);
	assert_int_equal(errno, EISDIR);
	assert_is_empty(&s);
	assert_int_equal(close(folder), 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(reserved_secret_is_empty_with_room),
		CASE(copy_holds_any_bytes),
		CASE(copy_of_nothing_is_a_value_of_length_zero),
		CASE(freed_secret_is_wiped_whole),
		CASE(full_arena_gives_an_empty_secret),
		CASE(file_is_read_to_its_end_up_to_a_maximum),
		CASE(read_error_leaves_an_empty_secret_and_errno),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
