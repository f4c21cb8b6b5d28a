/* sandbox_test.h - attempts in a child that has entered the sandbox that the daemon enters. For tests. */
#ifndef SANDBOX_TEST_H
#define SANDBOX_TEST_H

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/process.h"
#include "base/sandbox.h"
#include "confine.h"
#include "home_test.h"

#define KILLED    (-SIGSYS)
#define NOT_BEGUN 250 /* exit status: the child did not get as far as the attempt */

/* A home, and beside it the folders of a daemon's other files, each with a file in it. */
struct place {
	struct home *home;
	struct config config;
	struct server server;
	struct net net;
	char socket[96];
};

/* What the attempts work on: they are plain functions, as the table of them shows best. */
static struct place place;
static pid_t parent; /* of the children */

static inline const char *at(const char *name)
{
	static char path[2][160];
	static int turn;

	turn = !turn;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", place.home->folder, name);
	return path[turn];
}

static inline int setup(void **state)
{
	static const char *const folders[] = { "home", "run", "etc", "sources", "more", "other" };
	char name[32];

	if (home_setup(state) != 0)
		return -1;
	place = (struct place){ .home = *state };
	parent = getpid();
	for (size_t i = 0; i < CASES(folders); i++) {
		if (mkdir(at(folders[i]), 0700) != 0)
			return -1;
		snprintf(name, sizeof(name), "%s/file", folders[i]);
		home_file(place.home, name, "text", 0600);
	}
	strcpy(place.socket, at("run/file"));
	place.net.listeners[0].path = place.socket;
	return paths_find(&place.server.paths, at("home")) == COFFER_OK ? 0 : -1;
}

static inline int teardown(void **state)
{
	paths_free(&place.server.paths);
	return home_teardown(state);
}

static inline long landlock_version(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, 1);
}

static inline bool have_landlock(void)
{
	return landlock_version() > 0;
}

static inline coffer_err enter(void)
{
	return confine_enter(&place.config, &place.server, &place.net);
}

/* 0, or the errno of the attempt, or KILLED. */
static inline int outcome_of(int (*attempt)(void))
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (process_harden() != COFFER_OK || enter() != COFFER_OK)
			_exit(NOT_BEGUN);
		errno = 0;
		_exit(attempt() < 0 ? errno : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		return -WTERMSIG(status);
	assert_int_not_equal(WEXITSTATUS(status), NOT_BEGUN);
	return WEXITSTATUS(status);
}

struct attempt {
	const char *what;
	int (*act)(void);
	int want;
};

static inline void assert_outcomes(const struct attempt *attempts, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		int outcome = outcome_of(attempts[i].act);
		if (outcome != attempts[i].want)
			fail_msg("%s: %d instead of %d", attempts[i].what, outcome,
				 attempts[i].want);
	}
}

/* Where there is no Landlock all that can be seen is that this is told. */
static inline bool told_that_there_is_no_landlock(void)
{
	int saved;

	if (have_landlock())
		return false;
	place.config.sandbox = (char[]){ "require" };
	saved = told_begin();
	assert_int_equal(enter(), COFFER_FAILED_PRECONDITION);
	assert_non_null(strstr(told_end(saved), "Landlock"));
	return true;
}

static inline int open_as(const char *name, int flags)
{
	return open(at(name), flags | O_CLOEXEC, 0600);
}

#define PLACED(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
