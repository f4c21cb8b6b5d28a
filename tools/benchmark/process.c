#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sample.h"
#include "talk.h"

extern char **environ;

/* How often a starting server is tried, and for how long. A try costs a few microseconds. */
#define TRY_EVERY_NS 20000
#define TRY_FOR_NS   10000000000u

/* A label that begins so is a command's on a terminal. */
#define ON_TERMINAL "tty:"

struct command {
	char **argv;       /* argv[0] names it; it runs argv[1] with argv[1...] */
	int master;        /* of the terminal that it runs on; 0: none */
	char terminal[64]; /* its path */
	bool has_target;
	struct target target;
	struct sample sample;
};

static bool fail(const struct command *command, const char *what, const char *why)
{
	(void)fprintf(stderr, "coffer-bench: %s: %s: %s\n", command->argv[0], what, why);
	return false;
}

static bool open_terminal(struct command *command)
{
	if (strncmp(command->argv[0], ON_TERMINAL, strlen(ON_TERMINAL)) != 0)
		return true;
	command->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (command->master > 0 && grantpt(command->master) == 0 &&
	    unlockpt(command->master) == 0 &&
	    ptsname_r(command->master, command->terminal, sizeof(command->terminal)) == 0)
		return true;
	return fail(command, "a terminal", strerror(errno));
}

/* On a terminal it leads a session of its own, whose terminal is the first that it opens. */
static bool spawn(const struct command *command, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	bool tty = command->master > 0;
	int err;

	if ((err = posix_spawn_file_actions_init(&actions)) != 0 ||
	    (err = posix_spawnattr_init(&attributes)) != 0)
		return fail(command, "posix_spawn", strerror(err));
	if (tty)
		err = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
	for (int fd = tty ? STDIN_FILENO : STDOUT_FILENO; fd <= STDERR_FILENO && err == 0; fd++)
		err = posix_spawn_file_actions_addopen(
		    &actions, fd, tty ? command->terminal : "/dev/null", O_RDWR, 0);
	if (err == 0)
		err = posix_spawnp(pid, command->argv[1], &actions, &attributes, command->argv + 1,
				   environ);
	(void)posix_spawnattr_destroy(&attributes);
	(void)posix_spawn_file_actions_destroy(&actions);
	return err == 0 || fail(command, command->argv[1], strerror(err));
}

static bool wait_for(const struct command *command, pid_t pid, bool any_end)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return fail(command, "waitpid", strerror(errno));
	return any_end || (WIFEXITED(status) && WEXITSTATUS(status) == 0) ||
	       fail(command, command->argv[1], "did not exit with 0");
}

static bool run_once(struct command *command)
{
	uint64_t start = sample_now_ns();
	pid_t pid;
	bool ok = spawn(command, &pid) && wait_for(command, pid, false);

	sample_add(&command->sample, sample_now_ns() - start);
	return ok;
}

/* The pauses leave the one CPU to the server, which could otherwise start only between two tries. */
static bool connect_soon(struct command *command, uint64_t start)
{
	const struct timespec pause = { 0, TRY_EVERY_NS };

	while (!talk_try(&command->target)) {
		talk_close(&command->target);
		if (sample_now_ns() - start > TRY_FOR_NS)
			return fail(command, command->argv[1], "does not answer");
		(void)nanosleep(&pause, NULL);
	}
	return true;
}

static bool start_once(struct command *command)
{
	uint64_t start = sample_now_ns();
	pid_t pid;
	bool ok;

	if (!spawn(command, &pid))
		return false;
	ok = connect_soon(command, start) && talk_first(&command->target);
	sample_add(&command->sample, sample_now_ns() - start);
	talk_close(&command->target);
	(void)kill(pid, SIGTERM);
	return wait_for(command, pid, true) && ok;
}

/* Cuts words up at ":::"; the NULL that ends each argv takes the place of the separator, and of argv's own
 * NULL for the last. */
static bool split(char **words, size_t len, struct command commands[PROCESS_COMMANDS_MAX],
		  size_t *count)
{
	size_t from = 0;

	*count = 0;
	for (size_t i = 0; i <= len; i++) {
		if (i < len && strcmp(words[i], ":::") != 0)
			continue;
		if (i - from < 2 || *count == PROCESS_COMMANDS_MAX) {
			(void)fprintf(stderr, "coffer-bench: a command is empty or too many\n");
			return false;
		}
		words[i] = NULL;
		commands[(*count)++] = (struct command){ .argv = words + from };
		from = i + 1;
	}
	return true;
}

static bool rounds_run(size_t rounds, size_t count, struct command *commands, size_t len)
{
	for (size_t round = 0; round < rounds; round++) {
		for (size_t i = 0; i < count * len; i++) {
			struct command *command = &commands[i % len];

			if (!(command->has_target ? start_once(command) : run_once(command)))
				return false;
		}
		for (size_t i = 0; i < len; i++)
			sample_print(&commands[i].sample, round,
				     commands[i].has_target ? commands[i].target.label
							    : commands[i].argv[0]);
	}
	return true;
}

static bool measure(size_t rounds, size_t count, char **words, size_t words_len, bool start)
{
	struct command commands[PROCESS_COMMANDS_MAX] = { 0 };
	size_t len = 0;
	bool ok = split(words, words_len, commands, &len);

	for (size_t i = 0; i < len && ok; i++) {
		ok = sample_make(&commands[i].sample, count) && open_terminal(&commands[i]);
		commands[i].has_target = start && ok;
		if (start && ok)
			ok = target_make(&commands[i].target, commands[i].argv[0]);
	}
	ok = ok && rounds_run(rounds, count, commands, len);
	for (size_t i = 0; i < len; i++) {
		sample_free(&commands[i].sample);
		if (commands[i].master > 0)
			close(commands[i].master);
		if (commands[i].has_target)
			target_free(&commands[i].target);
	}
	return ok;
}

bool process_measure(size_t rounds, size_t count, char **words, size_t words_len)
{
	return measure(rounds, count, words, words_len, false);
}

bool process_measure_start(size_t rounds, size_t count, char **words, size_t words_len)
{
	return measure(rounds, count, words, words_len, true);
}
