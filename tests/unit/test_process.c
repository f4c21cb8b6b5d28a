/* Hardening and descriptors. Both change the process for good, so each case runs in a child. */
#include "base/process.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs fn in a child, which returns 0 or the number of what went wrong. */
static void expect_zero(int (*fn)(void))
{
	int status = 0;
	const pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(fn());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) != -1;
}

static bool is_dev_null(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
}

static int harden(void)
{
	struct rlimit core;

	if (process_harden() != COFFER_OK)
		return 1;
	if (umask(0) != 077)
		return 2;
	if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
		return 3;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return 4;
	if (getrlimit(RLIMIT_CORE, &core) != 0 || core.rlim_cur != 0 || core.rlim_max != 0)
		return 5;
	return process_harden() == COFFER_OK ? 0 : 6;
}

static void hardened_process_keeps_its_memory_and_files_to_itself(void **state)
{
	(void)state;
	expect_zero(harden);
}

static int close_but_one(void)
{
	if (dup2(STDERR_FILENO, 3) != 3 || dup2(STDERR_FILENO, 4) != 4 ||
	    dup2(STDERR_FILENO, 700) != 700)
		return 1;
	if (process_close_inherited(4) != COFFER_OK)
		return 2;
	if (!is_open(0) || !is_open(1) || !is_open(2) || !is_open(3))
		return 3;
	return is_open(4) || is_open(700) ? 4 : 0;
}

static void descriptors_from_the_given_one_on_are_closed(void **state)
{
	(void)state;
	expect_zero(close_but_one);
}

static int fill(int closed)
{
	for (int fd = 0; fd <= 2; fd++) {
		if (closed & 1 << fd)
			(void)close(fd);
	}
	if (process_close_inherited(3) != COFFER_OK)
		return 1;
	for (int fd = 0; fd <= 2; fd++) {
		if (!is_open(fd) || ((closed & 1 << fd) && !is_dev_null(fd)))
			return 2;
	}
	return is_open(3) ? 3 : 0;
}

static int fill_each(void)
{
	/* Other closed ones first, as /dev/null stays open once it is. */
	static const int sets[] = { 2, 5, 7 };
	int wrong = 0;

	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]) && wrong == 0; i++)
		wrong = fill(sets[i]);
	return wrong;
}

/* The attack: start the daemon with stderr closed, and its database becomes descriptor 2. */
static void closed_standard_descriptors_are_opened_on_dev_null(void **state)
{
	(void)state;
	expect_zero(fill_each);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hardened_process_keeps_its_memory_and_files_to_itself),
		cmocka_unit_test(descriptors_from_the_given_one_on_are_closed),
		cmocka_unit_test(closed_standard_descriptors_are_opened_on_dev_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
