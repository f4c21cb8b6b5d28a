/* The cache of exec: a file that is good for its token alone, and for nobody if a bit of it is another. (F4) */
#include "client/support.h"

#include "coffer/exec/cache.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOKEN    "0123456789abcdefghijklmnopqrstuv"
#define FILE_MAX 4096

struct folder {
	char path[64];
	char cache[80];
	char other[80];
};

static const struct cache_about about = { 1000, 5000, true };

static int make_folder(void **state)
{
	struct folder *folder = calloc(1, sizeof(*folder));

	assert_non_null(folder);
	strcpy(folder->path, "/tmp/coffer-cache.XXXXXX");
	assert_non_null(mkdtemp(folder->path));
	snprintf(folder->cache, sizeof(folder->cache), "%s/cache", folder->path);
	snprintf(folder->other, sizeof(folder->other), "%s/other", folder->path);
	*state = folder;
	return 0;
}

static int remove_folder(void **state)
{
	struct folder *folder = *state;

	(void)unlink(folder->cache);
	(void)unlink(folder->other);
	(void)rmdir(folder->other);
	/* Nothing else was left in it. */
	assert_int_equal(rmdir(folder->path), 0);
	free(folder);
	return 0;
}

static void write_cache(const struct folder *folder)
{
	struct values values = { NULL };

	assert_true(values_copy(&values, "A", "a\0value", 7));
	assert_true(values_copy(&values, "EMPTY", "", 0));
	values.first->secret.version = UINT32_MAX;
	strcpy(values.first->secret.scope, "pipeline/app");
	assert_null(cache_write(folder->cache, TOKEN, &about, &values));
	values_free(&values);
}

/* Why the file cannot be used, or NULL. It never gives a part of the values. */
static const char *read_cache(const char *path, const char *token, int64_t now_ms)
{
	struct values values = { NULL };
	struct cache_about got;
	const char *why = cache_read(path, token, now_ms, &got, &values);

	assert_true(why ? values.first == NULL : values.first != NULL);
	values_free(&values);
	return why;
}

static size_t load(const char *path, uint8_t *out)
{
	int fd = open(path, O_RDONLY);
	ssize_t len = read(fd, out, FILE_MAX);

	assert_true(len > 0 && len < FILE_MAX);
	close(fd);
	return (size_t)len;
}

static void store(const char *path, const uint8_t *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	close(fd);
}

static void what_was_written_is_read(void **state)
{
	struct folder *folder = *state;
	struct values values = { NULL };
	struct cache_about got;
	const struct value *value;

	write_cache(folder);
	assert_null(cache_read(folder->cache, TOKEN, 4999, &got, &values));
	assert_int_equal(got.fetched_at_ms, about.fetched_at_ms);
	assert_int_equal(got.expires_at_ms, about.expires_at_ms);
	assert_true(got.all);
	value = values_find(&values, "A");
	assert_non_null(value);
	assert_int_equal(value->secret.len, 7);
	assert_memory_equal(value->secret.data, "a\0value", 7);
	assert_int_equal(value->secret.version, UINT32_MAX);
	assert_string_equal(value->secret.scope, "pipeline/app");
	value = values_find(&values, "EMPTY");
	assert_non_null(value);
	assert_int_equal(value->secret.len, 0);
	assert_null(value->hh.next);
	values_free(&values);
}

static void each_file_is_sealed_anew(void **state)
{
	struct folder *folder = *state;
	uint8_t first[FILE_MAX], second[FILE_MAX];
	size_t len, same = 0;

	write_cache(folder);
	len = load(folder->cache, first);
	write_cache(folder);
	assert_int_equal(load(folder->cache, second), len);
	/* Behind the magic, which is the same. */
	for (size_t i = 16; i < len; i++)
		same += first[i] == second[i];
	assert_true(same < len / 8);
}

static void a_flipped_bit_anywhere_makes_it_useless(void **state)
{
	struct folder *folder = *state;
	uint8_t file[FILE_MAX];
	size_t len;

	write_cache(folder);
	len = load(folder->cache, file);
	for (size_t bit = 0; bit < len * 8; bit++) {
		file[bit / 8] ^= (uint8_t)(1 << bit % 8);
		store(folder->other, file, len);
		assert_non_null(read_cache(folder->other, TOKEN, 0));
		file[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	store(folder->other, file, len);
	assert_null(read_cache(folder->other, TOKEN, 0));
}

static void a_file_of_another_length_is_useless(void **state)
{
	struct folder *folder = *state;
	uint8_t file[FILE_MAX] = { 0 };
	size_t len;

	write_cache(folder);
	len = load(folder->cache, file);
	for (size_t cut = 0; cut < len; cut++) {
		store(folder->other, file, cut);
		assert_non_null(read_cache(folder->other, TOKEN, 0));
	}
	store(folder->other, file, len + 1);
	assert_non_null(read_cache(folder->other, TOKEN, 0));
}

static void another_token_does_not_open_it(void **state)
{
	struct folder *folder = *state;
	char token[] = TOKEN;

	write_cache(folder);
	for (size_t i = 0; i < strlen(token); i++) {
		token[i]++;
		assert_string_equal(read_cache(folder->cache, token, 0),
				    "it was made with another token, or was tampered with");
		token[i]--;
	}
	assert_null(read_cache(folder->cache, token, 0));
	assert_string_equal(read_cache(folder->cache, "", 0), "there is no token to open it with");
}

static void it_is_useless_from_the_moment_at_which_the_token_expires(void **state)
{
	struct folder *folder = *state;

	write_cache(folder);
	assert_null(read_cache(folder->cache, TOKEN, about.expires_at_ms - 1));
	assert_string_equal(read_cache(folder->cache, TOKEN, about.expires_at_ms),
			    "the token has expired");
}

static void a_file_that_others_could_have_made_is_not_used(void **state)
{
	static const struct {
		mode_t mode;
		const char *why;
	} cases[] = {
		{ 0600, NULL },
		{ 0400, NULL },
		{ 0640, "other users may read or write it" },
		{ 0620, "other users may read or write it" },
		{ 0604, "other users may read or write it" },
		{ 0601, "other users may read or write it" },
	};
	struct folder *folder = *state;

	write_cache(folder);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *why;

		assert_int_equal(chmod(folder->cache, cases[i].mode), 0);
		why = read_cache(folder->cache, TOKEN, 0);
		if (cases[i].why)
			assert_string_equal(why, cases[i].why);
		else
			assert_null(why);
	}
	assert_int_equal(chmod(folder->cache, 0600), 0);
	/* Only the superuser can give a file away. */
	if (geteuid() == 0) {
		assert_int_equal(chown(folder->cache, 65534, 65534), 0);
		assert_string_equal(read_cache(folder->cache, TOKEN, 0), "it is another user's");
	}
}

static void what_is_no_plain_file_is_not_used_nor_waited_for(void **state)
{
	struct folder *folder = *state;

	write_cache(folder);
	assert_int_equal(symlink("cache", folder->other), 0);
	assert_string_equal(read_cache(folder->other, TOKEN, 0), "it is a symbolic link");
	assert_int_equal(unlink(folder->other), 0);
	assert_int_equal(mkfifo(folder->other, 0600), 0);
	assert_string_equal(read_cache(folder->other, TOKEN, 0), "it is not a regular file");
	assert_int_equal(unlink(folder->other), 0);
	assert_int_equal(mkdir(folder->other, 0700), 0);
	assert_string_equal(read_cache(folder->other, TOKEN, 0), "it is not a regular file");
}

static void what_has_no_value_is_not_written(void **state)
{
	struct folder *folder = *state;
	struct values values = { NULL };
	struct cache_about got;

	assert_true(values_copy(&values, "A", "a-value", 7));
	assert_true(values_lack(&values, "B", "unknown secret 'B'"));
	assert_null(cache_write(folder->cache, TOKEN, &about, &values));
	values_free(&values);
	assert_null(cache_read(folder->cache, TOKEN, 0, &got, &values));
	assert_non_null(values_find(&values, "A"));
	assert_null(values_find(&values, "B"));
	values_free(&values);
}

static void a_cache_that_cannot_be_written_leaves_nothing_behind(void **state)
{
	struct folder *folder = *state;
	struct values values = { NULL };

	/* A file cannot take the place of a folder. */
	assert_int_equal(mkdir(folder->other, 0700), 0);
	assert_non_null(cache_write(folder->other, TOKEN, &about, &values));
	assert_non_null(cache_write(folder->other, "short", &about, &values));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
	const struct CMUnitTest tests[] = {
		CASE(what_was_written_is_read),
		CASE(each_file_is_sealed_anew),
		CASE(a_flipped_bit_anywhere_makes_it_useless),
		CASE(a_file_of_another_length_is_useless),
		CASE(another_token_does_not_open_it),
		CASE(it_is_useless_from_the_moment_at_which_the_token_expires),
		CASE(a_file_that_others_could_have_made_is_not_used),
		CASE(what_is_no_plain_file_is_not_used_nor_waited_for),
		CASE(what_has_no_value_is_not_written),
		CASE(a_cache_that_cannot_be_written_leaves_nothing_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
