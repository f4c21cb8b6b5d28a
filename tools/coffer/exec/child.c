#include "exec/child.h"

#include "bytes.h"

#include <errno.h>
#include <spawn.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SHELL        "/bin/sh"
#define PATH_DEFAULT "/bin:/usr/bin" /* where there is no PATH, as execvp has it */

/* What posix_spawn is told beside the path. */
struct orders {
	const struct child_plan *plan;
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
};

static int add_actions(struct orders *orders)
{
	const struct child_plan *plan = orders->plan;
	int error = 0;

	for (int fd = 0; error == 0 && fd < 3; fd++)
		if (plan->fds[fd] != fd)
			error =
			    posix_spawn_file_actions_adddup2(&orders->actions, plan->fds[fd], fd);
	if (error == 0 && plan->terminal >= 0)
		error = posix_spawn_file_actions_addtcsetpgrp_np(&orders->actions, plan->terminal);
	return error;
}

static int set_attributes(struct orders *orders)
{
	const struct child_plan *plan = orders->plan;
	short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
	sigset_t defaults;
	int error;

	sigemptyset(&defaults);
	if (!plan->pipe_ignored)
		sigaddset(&defaults, SIGPIPE);
	if (plan->terminal >= 0)
		flags |= POSIX_SPAWN_SETPGROUP;
	if ((error = posix_spawnattr_setsigmask(&orders->attributes, plan->mask)) == 0 &&
	    (error = posix_spawnattr_setsigdefault(&orders->attributes, &defaults)) == 0)
		error = posix_spawnattr_setflags(&orders->attributes, flags);
	return error;
}

static size_t count_words(char *const *words)
{
	size_t count = 0;

	while (words[count])
		count++;
	return count;
}

/* sh, the script, and the command's arguments. */
static int spawn_script(const struct orders *orders, const char *path, pid_t *pid)
{
	char *const *argv = orders->plan->argv;
	size_t count = count_words(argv);
	char **words = calloc(count + 2, sizeof(*words));
	char shell[] = SHELL;
	char *script = strdup(path);
	int error = ENOMEM;

	if (words && script) {
		words[0] = shell;
		words[1] = script;
		memcpy(words + 2, argv + 1, (count - 1) * sizeof(*words));
		error = posix_spawn(pid, shell, &orders->actions, &orders->attributes, words,
				    orders->plan->envp);
	}
	free(script);
	free(words);
	return error;
}

static int spawn_path(const struct orders *orders, const char *path, pid_t *pid)
{
	int error = posix_spawn(pid, path, &orders->actions, &orders->attributes,
				orders->plan->argv, orders->plan->envp);

	return error == ENOEXEC ? spawn_script(orders, path, pid) : error;
}

static const char *path_of(char *const *envp)
{
	for (; *envp; envp++)
		if (strncmp(*envp, "PATH=", 5) == 0)
			return *envp + 5;
	return PATH_DEFAULT;
}

/* Whether the search goes on after an error: there is no such file here. */
static bool is_elsewhere(int error)
{
	return error == ENOENT || error == ENOTDIR || error == EACCES || error == ESTALE ||
	       error == ENODEV || error == ETIMEDOUT;
}

/* An empty folder is the current one. */
static int spawn_in(const struct orders *orders, const char *folder, size_t len, pid_t *pid)
{
	struct bytes path = { 0 };
	int error = ENOMEM;

	bytes_print(&path, "%.*s%s%s", (int)len, folder, len > 0 ? "/" : "", orders->plan->argv[0]);
	bytes_append(&path, "", 1);
	/* To look first costs less than to start a process for nothing. What cannot be seen is not there. */
	if (!path.failed)
		error = access(path.data, F_OK) == 0 ? spawn_path(orders, path.data, pid) : ENOENT;
	bytes_free(&path);
	return error;
}

static int spawn_found(const struct orders *orders, pid_t *pid)
{
	const char *name = orders->plan->argv[0];
	const char *folder = path_of(orders->plan->envp);
	bool denied = false;

	if (!*name || strchr(name, '/'))
		return spawn_path(orders, name, pid);
	for (bool more = true; more;) {
		size_t len = strcspn(folder, ":");
		int error = spawn_in(orders, folder, len, pid);

		if (!is_elsewhere(error))
			return error;
		denied = denied || error == EACCES;
		more = folder[len] == ':';
		folder += len + 1;
	}
	return denied ? EACCES : ENOENT;
}

int child_spawn(const struct child_plan *plan, pid_t *pid)
{
	struct orders orders = { .plan = plan };
	int error = posix_spawn_file_actions_init(&orders.actions);

	if (error != 0)
		return error;
	if ((error = posix_spawnattr_init(&orders.attributes)) == 0) {
		if ((error = add_actions(&orders)) == 0 && (error = set_attributes(&orders)) == 0)
			error = spawn_found(&orders, pid);
		posix_spawnattr_destroy(&orders.attributes);
	}
	posix_spawn_file_actions_destroy(&orders.actions);
	return error;
}

child_event child_look(pid_t pid, int *value)
{
	siginfo_t info = { 0 };
	int how = WEXITED | WSTOPPED | WNOWAIT | WNOHANG;

	if (waitid(P_PID, (id_t)pid, &info, how) != 0 || info.si_pid == 0)
		return CHILD_NOTHING;
	*value = info.si_status;
	if (info.si_code == CLD_STOPPED) {
		/* Taken note of; else it would be told again. */
		(void)waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOHANG);
		return CHILD_STOPPED;
	}
	if (info.si_code != CLD_EXITED)
		*value += 128;
	return CHILD_ENDED;
}

void child_reap(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}
