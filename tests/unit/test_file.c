/* Files and folders that the daemon makes or trusts. */
#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOMEBODY 65534

/* Each case works in an empty folder of its own. */
static int setup(void **state)
{
	char *folder = strdup("/tmp/coffer-test-file-XXXXXX");

	if (!folder || !mkdtemp(folder) || chdir(folder) != 0)
		return -1;
	*state = folder;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st, (void)type, (void)where;
	return remove(path);
}

static int teardown(void **state)
{
	int status = chdir("/");

	if (status == 0)
		status = nftw(*state, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(*state);
	return status;
}

static void make_file(const char *path, const char *text, mode_t mode)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(close(fd), 0);
}

static size_t read_file(const char *path, char *out, size_t cap)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	assert_true(fd >= 0);
	n = read(fd, out, cap);
	assert_true(n >= 0);
	assert_int_equal(close(fd), 0);
	return (size_t)n;
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode & 07777;
}

static bool exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static void missing_folder_is_made_for_us_alone(void **state)
{
	(void)state;
	assert_int_equal(file_make_folder("new"), COFFER_OK);
	assert_int_equal(mode_of("new"), 0700);
	assert_int_equal(file_make_folder("new"), COFFER_OK);
	assert_int_equal(file_make_folder("new/inner/"), COFFER_OK);
	assert_int_equal(mode_of("new/inner"), 0700);
}

static void only_one_level_is_made(void **state)
{
	(void)state;
	assert_int_equal(file_make_folder("a/b"), COFFER_NOT_FOUND);
	assert_false(exists("a"));
}

static void existing_folder_must_be_writable_by_nobody_else(void **state)
{
	static const struct {
		mode_t mode;
		coffer_err want;
	} cases[] = {
		{ 0700, COFFER_OK },
		{ 0755, COFFER_OK },
		{ 0770, COFFER_PERMISSION_DENIED },
		{ 0702, COFFER_PERMISSION_DENIED },
		{ 01777, COFFER_PERMISSION_DENIED },
	};

	(void)state;
	assert_int_equal(mkdir("x", 0700), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(chmod("x", cases[i].mode), 0);
		assert_int_equal(file_make_folder("x"), cases[i].want);
		assert_int_equal(mode_of("x"), cases[i].mode);
	}
}

static void what_is_no_folder_is_refused(void **state)
{
	(void)state;
	make_file("file", "", 0600);
	assert_int_equal(mkdir("real", 0700), 0);
	assert_int_equal(symlink("real", "link"), 0);
	assert_int_equal(symlink("nowhere", "dangling"), 0);
	assert_int_equal(file_make_folder("file"), COFFER_PERMISSION_DENIED);
	assert_int_equal(file_make_folder("file/x"), COFFER_PERMISSION_DENIED);
	assert_int_equal(file_make_folder("link"), COFFER_PERMISSION_DENIED);
	assert_int_equal(file_make_folder("dangling"), COFFER_PERMISSION_DENIED);
	assert_false(exists("nowhere"));
}

static void new_file_holds_the_bytes_and_is_ours_alone(void **state)
{
	static const uint8_t bytes[] = "key\0\xff";
	const mode_t old = umask(0);
	char got[64];

	(void)state;
	assert_int_equal(file_write_new("key", bytes, sizeof(bytes)), COFFER_OK);
	(void)umask(old);
	assert_int_equal(mode_of("key"), 0600);
	assert_int_equal(read_file("key", got, sizeof(got)), sizeof(bytes));
	assert_memory_equal(got, bytes, sizeof(bytes));
	assert_int_equal(file_write_new("empty", NULL, 0), COFFER_OK);
	assert_int_equal(read_file("empty", got, sizeof(got)), 0);
}

static void existing_file_is_left_as_it_is(void **state)
{
	char got[64];

	(void)state;
	make_file("old", "old", 0644);
	assert_int_equal(symlink("target", "link"), 0);
	assert_int_equal(file_write_new("old", (const uint8_t *)"new", 3), COFFER_ALREADY_EXISTS);
	assert_int_equal(file_write_new("link", (const uint8_t *)"new", 3), COFFER_ALREADY_EXISTS);
	assert_int_equal(read_file("old", got, sizeof(got)), 3);
	assert_memory_equal(got, "old", 3);
	assert_int_equal(mode_of("old"), 0644);
	assert_false(exists("target"));
	assert_int_equal(file_write_new("no/folder", NULL, 0), COFFER_NOT_FOUND);
	assert_int_equal(file_write_new("old/file", NULL, 0), COFFER_PERMISSION_DENIED);
}

/* A size limit makes the write fail half way, as a full disk would. */
static void unfinished_file_is_removed(void **state)
{
	static const struct rlimit limit = { 4, 4 };
	int status = 0;
	const pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)signal(SIGXFSZ, SIG_IGN);
		if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
			_exit(1);
		_exit(file_write_new("half", (const uint8_t *)"12345678", 8) == COFFER_UNAVAILABLE
			  ? 0
			  : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_false(exists("half"));
	assert_false(exists("half.unfinished"));
}

/* An empty file of the name was left, and was in the way of the next init. */
static void what_a_crash_has_left_of_a_file_is_in_nobodys_way(void **state)
{
	char got[64];

	(void)state;
	make_file("key.unfinished", "ha", 0600);
	assert_int_equal(file_write_new("key", (const uint8_t *)"whole", 5), COFFER_OK);
	assert_int_equal(read_file("key", got, sizeof(got)), 5);
	assert_memory_equal(got, "whole", 5);
	assert_false(exists("key.unfinished"));
}

static void key_file_must_be_open_to_nobody_else(void **state)
{
	/* The superuser's read-only file may have its own group's bit: that is a systemd
	 * credential. */
	const coffer_err credential =
	    geteuid() == 0 && getegid() == 0 ? COFFER_OK : COFFER_PERMISSION_DENIED;
	const struct {
		mode_t mode;
		coffer_err want;
	} cases[] = {
		{ 0600, COFFER_OK },
		{ 0400, COFFER_OK },
		{ 0440, credential },
		{ 0640, COFFER_PERMISSION_DENIED },
		{ 0620, COFFER_PERMISSION_DENIED },
		{ 0604, COFFER_PERMISSION_DENIED },
		{ 0444, COFFER_PERMISSION_DENIED },
		{ 0602, COFFER_PERMISSION_DENIED },
		{ 0601, COFFER_PERMISSION_DENIED },
	};

	(void)state;
	make_file("key", "k", 0600);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int fd = 99;
		coffer_err err;

		assert_int_equal(chmod("key", cases[i].mode), 0);
		err = file_open_private("key", &fd);
		if (err != cases[i].want)
			fail_msg("mode %04o: %s", (unsigned)cases[i].mode, coffer_err_name(err));
		if (err == COFFER_OK)
			assert_int_equal(close(fd), 0);
		else
			assert_int_equal(fd, -1);
	}
}

static void opened_key_file_can_be_read_and_is_not_inherited(void **state)
{
	char got[8];
	int fd;

	(void)state;
	make_file("key", "k", 0600);
	assert_int_equal(file_open_private("key", &fd), COFFER_OK);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(read(fd, got, sizeof(got)), 1);
	assert_int_equal(got[0], 'k');
	assert_int_equal(close(fd), 0);
}

/* A FIFO must not hold up the daemon, and a link must not lead it elsewhere. */
static void what_is_no_regular_file_is_no_key_file(void **state)
{
	static const struct {
		const char *path;
		coffer_err want;
	} cases[] = {
		{ "folder", COFFER_PERMISSION_DENIED },
		{ "fifo", COFFER_PERMISSION_DENIED },
		{ "link", COFFER_PERMISSION_DENIED },
		{ "dangling", COFFER_PERMISSION_DENIED },
		{ "missing", COFFER_NOT_FOUND },
		{ "no/folder", COFFER_NOT_FOUND },
		{ "", COFFER_NOT_FOUND },
	};

	(void)state;
	make_file("key", "k", 0600);
	assert_int_equal(mkdir("folder", 0700), 0);
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(symlink("key", "link"), 0);
	assert_int_equal(symlink("nowhere", "dangling"), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int fd = 99;

		assert_int_equal(file_open_private(cases[i].path, &fd), cases[i].want);
		assert_int_equal(fd, -1);
	}
}

/* Only the superuser can give a file away; for everybody else there is nothing of this kind to
 * refuse, so the reverse is shown: what the superuser owns is trusted. */
static void what_another_user_owns_is_refused(void **state)
{
	int fd;

	(void)state;
	if (geteuid() != 0) {
		assert_int_equal(file_make_folder("/usr"), COFFER_OK);
		return;
	}
	make_file("key", "k", 0600);
	assert_int_equal(mkdir("folder", 0700), 0);
	assert_int_equal(chown("key", SOMEBODY, SOMEBODY), 0);
	assert_int_equal(chown("folder", SOMEBODY, SOMEBODY), 0);
	assert_int_equal(file_open_private("key", &fd), COFFER_PERMISSION_DENIED);
	assert_int_equal(file_make_folder("folder"), COFFER_PERMISSION_DENIED);
}

static void path_that_is_too_long_is_an_error(void **state)
{
	static char path[8192];
	int fd;

	(void)state;
	memset(path, 'x', sizeof(path) - 1);
	assert_int_equal(file_make_folder(path), COFFER_UNAVAILABLE);
	assert_int_equal(file_write_new(path, NULL, 0), COFFER_UNAVAILABLE);
	assert_int_equal(file_open_private(path, &fd), COFFER_UNAVAILABLE);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(missing_folder_is_made_for_us_alone),
		CASE(only_one_level_is_made),
		CASE(existing_folder_must_be_writable_by_nobody_else),
		CASE(what_is_no_folder_is_refused),
		CASE(new_file_holds_the_bytes_and_is_ours_alone),
		CASE(existing_file_is_left_as_it_is),
		CASE(unfinished_file_is_removed),
		CASE(what_a_crash_has_left_of_a_file_is_in_nobodys_way),
		CASE(key_file_must_be_open_to_nobody_else),
		CASE(opened_key_file_can_be_read_and_is_not_inherited),
		CASE(what_is_no_regular_file_is_no_key_file),
		CASE(what_another_user_owns_is_refused),
		CASE(path_that_is_too_long_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
