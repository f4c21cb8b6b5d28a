/* Values that are files: which texts are sources, and what is read. */
#include "core/source.h"

#include "world_test.h"

#include <sys/inotify.h>

#define ROOM 64

/* A folder, and the source of a file in it. */
struct place {
	char folder[32];
	char path[64];
	char text[80];
};

static int setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	assert_non_null(place);
	strcpy(place->folder, "/tmp/coffer-source-XXXXXX");
	assert_non_null(mkdtemp(place->folder));
	snprintf(place->path, sizeof(place->path), "%s/value", place->folder);
	snprintf(place->text, sizeof(place->text), "file:%s", place->path);
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;

	(void)unlink(place->path);
	(void)rmdir(place->path);
	assert_int_equal(rmdir(place->folder), 0);
	free(place);
	return 0;
}

static void fill(const char *path, const void *bytes, size_t len)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

/* What reading the source comes to: its bytes, or NULL and why. */
static const char *read_of(const char *text, size_t max, uint8_t out[ROOM], size_t *len)
{
	static char why[128];
	struct source source;
	coffer_err err;

	memset(out, 0x55, ROOM);
	if ((err = source_open(&source, TEXT(text), NULL, max)) == COFFER_OK)
		err = source_read(&source, out);
	*len = source.len;
	source_close(&source);
	snprintf(why, sizeof(why), "%s", err == COFFER_OK ? "" : source.why);
	assert_true(err == COFFER_OK || err == COFFER_FAILED_PRECONDITION);
	return err == COFFER_OK ? NULL : why;
}

static void a_source_is_file_and_an_absolute_path(void **state)
{
	static char longest[COFFER_TEXT_MAX + 2];
	static const struct {
		const char *text, *folders;
		coffer_err want;
	} cases[] = {
		{ "file:/a", NULL, COFFER_OK },
		{ "file:/a/b..c/..d", NULL, COFFER_OK },
		{ "", NULL, COFFER_INVALID_ARGUMENT },
		{ "file:", NULL, COFFER_INVALID_ARGUMENT },
		{ "file:/", NULL, COFFER_INVALID_ARGUMENT },
		{ "file:a", NULL, COFFER_INVALID_ARGUMENT },
		{ "/a", NULL, COFFER_INVALID_ARGUMENT },
		{ "exec:/a", NULL, COFFER_INVALID_ARGUMENT },
		{ "FILE:/a", NULL, COFFER_INVALID_ARGUMENT },
		{ "file:/a\nb", NULL, COFFER_INVALID_ARGUMENT },
		{ "file:/a/../b", NULL, COFFER_INVALID_ARGUMENT },
		{ "file:/..", NULL, COFFER_INVALID_ARGUMENT },
		{ "file:/a/..", NULL, COFFER_INVALID_ARGUMENT },
		{ "file:/run/x/y", "/etc:/run/x", COFFER_OK },
		{ "file:/run/x/y", "/etc:/run/x/", COFFER_OK },
		{ "file:/run/x/y", "/", COFFER_OK },
		{ "file:/run/xy", "/etc:/run/x", COFFER_INVALID_ARGUMENT },
		{ "file:/run/x", "/etc:/run/x", COFFER_INVALID_ARGUMENT },
		{ "file:/other/run/x/y", "/run/x", COFFER_INVALID_ARGUMENT },
		{ "file:/run/x/../y", "/run/x", COFFER_INVALID_ARGUMENT },
	};
	const char *why;

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++)
		if (source_check(TEXT(cases[i].text), cases[i].folders, &why) != cases[i].want)
			fail_msg("%s", cases[i].text);
	memset(longest, 'a', sizeof(longest) - 1);
	memcpy(longest, "file:/", 6);
	assert_int_equal(source_check(TEXT(longest), NULL, &why), COFFER_INVALID_ARGUMENT);
	longest[COFFER_TEXT_MAX] = '\0';
	must(source_check(TEXT(longest), NULL, &why));
}

static void a_file_is_read_byte_for_byte_and_anew_each_time(void **state)
{
	struct place *place = *state;
	uint8_t out[ROOM];
	size_t len;

	fill(place->path, "a\0b\n", 4);
	assert_null(read_of(place->text, 4, out, &len));
	assert_int_equal(len, 4);
	assert_memory_equal(out, "a\0b\n\x55", 5);
	fill(place->path, "other", 5);
	assert_null(read_of(place->text, 5, out, &len));
	assert_int_equal(len, 5);
	assert_memory_equal(out, "other\x55", 6);
	fill(place->path, "", 0);
	assert_null(read_of(place->text, 5, out, &len));
	assert_int_equal(len, 0);
}

static void a_link_is_followed(void **state)
{
	struct place *place = *state;
	char target[80];
	uint8_t out[ROOM];
	size_t len;

	snprintf(target, sizeof(target), "%s/target", place->folder);
	fill(target, "linked", 6);
	assert_int_equal(symlink(target, place->path), 0);
	assert_null(read_of(place->text, ROOM, out, &len));
	assert_memory_equal(out, "linked", 6);
	assert_int_equal(unlink(target), 0);
	assert_string_equal(read_of(place->text, ROOM, out, &len), "No such file or directory");
}

/* Opening a device can do something by itself. */
static void what_is_no_regular_file_is_not_even_opened(void **state)
{
	struct place *place = *state;
	struct inotify_event event;
	int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	uint8_t out[ROOM];
	size_t len;

	assert_int_equal(mkfifo(place->path, 0600), 0);
	assert_true(inotify_add_watch(watch, place->path, IN_OPEN) >= 0);
	assert_non_null(read_of(place->text, ROOM, out, &len));
	assert_int_equal(read(watch, &event, sizeof(event)), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(close(watch), 0);
}

static void what_is_no_regular_file_is_refused(void **state)
{
	static const char *const texts[] = { "file:/dev/null", "file:/dev/zero", "file:/tmp" };
	struct place *place = *state;
	uint8_t out[ROOM];
	size_t len;

	for (size_t i = 0; i < CASES(texts); i++)
		assert_string_equal(read_of(texts[i], ROOM, out, &len), "it is not a regular file");
	assert_int_equal(mkfifo(place->path, 0600), 0);
	assert_string_equal(read_of(place->text, ROOM, out, &len), "it is not a regular file");
	/* The daemon's own memory and variables are there. */
	assert_string_equal(read_of("file:/proc/self/stat", ROOM, out, &len),
			    "it has not the size that it tells, or changes now");
	assert_string_equal(read_of("file:nothing", ROOM, out, &len),
			    "is not file: and an absolute path");
}

static void a_file_larger_than_a_value_is_refused(void **state)
{
	struct place *place = *state;
	uint8_t out[ROOM];
	size_t len;

	fill(place->path, "12345", 5);
	assert_null(read_of(place->text, 5, out, &len));
	assert_string_equal(read_of(place->text, 4, out, &len), "it is larger than a value may be");
}

static void a_file_that_changes_its_size_meanwhile_gives_nothing(void **state)
{
	static const size_t sizes[] = { 2, 6 };
	static const uint8_t zeros[5];
	struct place *place = *state;
	struct source source;
	uint8_t out[ROOM];

	for (size_t i = 0; i < CASES(sizes); i++) {
		fill(place->path, "12345", 5);
		must(source_open(&source, TEXT(place->text), NULL, ROOM));
		assert_int_equal(truncate(place->path, (off_t)sizes[i]), 0);
		memset(out, 0x55, sizeof(out));
		assert_int_equal(source_read(&source, out), COFFER_FAILED_PRECONDITION);
		assert_memory_equal(out, zeros, sizeof(zeros));
		assert_int_equal(out[5], 0x55);
		source_close(&source);
	}
}

static void folders_that_have_become_narrower_hold_at_once(void **state)
{
	struct place *place = *state;
	struct source source;

	fill(place->path, "1", 1);
	must(source_open(&source, TEXT(place->text), place->folder, ROOM));
	source_close(&source);
	assert_int_equal(source_open(&source, TEXT(place->text), "/run/credentials", ROOM),
			 COFFER_FAILED_PRECONDITION);
	assert_string_equal(source.why, "is in none of the folders of source_dirs");
	source_close(&source);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_source_is_file_and_an_absolute_path),
		cmocka_unit_test_setup_teardown(a_file_is_read_byte_for_byte_and_anew_each_time,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_link_is_followed, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_no_regular_file_is_not_even_opened, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_is_no_regular_file_is_refused, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_file_larger_than_a_value_is_refused, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
		    a_file_that_changes_its_size_meanwhile_gives_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(folders_that_have_become_narrower_hold_at_once,
						setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
