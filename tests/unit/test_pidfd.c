/* Processes, told apart from others of the same number. */
#include "base/pidfd.h"

#include "world_test.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* A child that waits to be ended, of that name. */
static pid_t child_start(const char *name)
{
	int told[2];
	pid_t pid;
	char byte;

	assert_int_equal(pipe(told), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, name);
		if (write(told[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(told[0], &byte, 1), 1);
	close(told[0]);
	close(told[1]);
	return pid;
}

static void child_reap(pid_t pid)
{
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void child_end(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	child_reap(pid);
}

static bool exited(int fd, int wait_ms)
{
	struct pollfd poller = { .fd = fd, .events = POLLIN };

	return poll(&poller, 1, wait_ms) == 1;
}

static void a_held_process_shows_its_end(void **state)
{
	pid_t pid = child_start("plain");
	struct pidfd_mark mark;
	int fd;

	(void)state;
	must(pidfd_hold(pid, &mark, &fd));
	assert_int_equal(mark.pid, pid);
	assert_true(mark.start_ticks > 0);
	assert_false(exited(fd, 0));
	child_end(pid);
	assert_true(exited(fd, -1));
	close(fd);
	assert_int_equal(pidfd_hold(pid, &mark, &fd), COFFER_NOT_FOUND);
	assert_int_equal(fd, -1);
}

/* Nobody has waited for it yet, and nobody may ever. */
static void a_zombie_has_exited(void **state)
{
	pid_t pid = child_start("zombie");
	struct pidfd_mark mark;
	siginfo_t info;
	int fd;

	(void)state;
	must(pidfd_hold(pid, &mark, &fd));
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_true(exited(fd, 0));
	close(fd);
	assert_int_equal(pidfd_hold(pid, &mark, &fd), COFFER_NOT_FOUND);
	child_reap(pid);
}

/* Attack: a name that looks like the fields behind it. */
static void the_name_of_a_process_cannot_feign_its_start(void **state)
{
	pid_t plain = child_start("plain"), odd = child_start(") R 1 2 (3) 4");
	struct pidfd_mark first, second;
	int fds[2];

	(void)state;
	must(pidfd_hold(plain, &first, &fds[0]));
	must(pidfd_hold(odd, &second, &fds[1]));
	assert_true(second.start_ticks >= first.start_ticks);
	assert_true(second.start_ticks - first.start_ticks < 100 * 60 * 60);
	close(fds[0]);
	close(fds[1]);
	child_end(plain);
	child_end(odd);
}

static void numbers_that_are_no_process_are_not_found(void **state)
{
	const int32_t cases[] = { 0, -1, INT32_MIN, INT32_MAX };
	struct pidfd_mark mark;
	int fd;

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		assert_int_equal(pidfd_hold(cases[i], &mark, &fd), COFFER_NOT_FOUND);
		assert_int_equal(fd, -1);
	}
}

/* Attack: pid reuse. Each part of the mark by itself tells another process. */
static void a_mark_of_another_process_of_that_number_is_not_found(void **state)
{
	pid_t pid = child_start("plain");
	struct pidfd_mark mark, others[3];
	int fd;

	(void)state;
	must(pidfd_hold(pid, &mark, &fd));
	close(fd);
	must(pidfd_hold_marked(&mark, &fd));
	close(fd);
	for (size_t i = 0; i < CASES(others); i++)
		others[i] = mark;
	others[0].start_ticks--;
	others[1].start_ticks++;
	others[2].boot_id[15] ^= 1;
	for (size_t i = 0; i < CASES(others); i++) {
		assert_false(pidfd_mark_equal(&mark, &others[i]));
		assert_int_equal(pidfd_hold_marked(&others[i], &fd), COFFER_NOT_FOUND);
		assert_int_equal(fd, -1);
	}
	child_end(pid);
	assert_int_equal(pidfd_hold_marked(&mark, &fd), COFFER_NOT_FOUND);
}

static void a_mark_comes_back_as_it_was_written(void **state)
{
	struct pidfd_mark mark = { .pid = 0x12345678,
				   .start_ticks = 0x0123456789abcdef,
				   .boot_id = "sixteen bytes..." },
			  back;
	uint8_t bytes[PIDFD_MARK_LEN];

	(void)state;
	pidfd_mark_write(&mark, bytes);
	assert_true(pidfd_mark_read((struct slice){ bytes, sizeof(bytes) }, &back));
	assert_true(pidfd_mark_equal(&mark, &back));
	for (size_t len = 0; len < sizeof(bytes); len++)
		assert_false(pidfd_mark_read((struct slice){ bytes, len }, &back));
	bytes[0] = 0x80;
	assert_false(pidfd_mark_read((struct slice){ bytes, sizeof(bytes) }, &back));
	memset(bytes, 0, 4);
	assert_false(pidfd_mark_read((struct slice){ bytes, sizeof(bytes) }, &back));
}

static void without_a_descriptor_nothing_is_held(void **state)
{
	struct rlimit limit, none;
	struct pidfd_mark mark;
	int fd;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(pidfd_hold(getpid(), &mark, &fd), COFFER_RESOURCE_EXHAUSTED);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_held_process_shows_its_end),
		cmocka_unit_test(a_zombie_has_exited),
		cmocka_unit_test(the_name_of_a_process_cannot_feign_its_start),
		cmocka_unit_test(numbers_that_are_no_process_are_not_found),
		cmocka_unit_test(a_mark_of_another_process_of_that_number_is_not_found),
		cmocka_unit_test(a_mark_comes_back_as_it_was_written),
		cmocka_unit_test(without_a_descriptor_nothing_is_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
