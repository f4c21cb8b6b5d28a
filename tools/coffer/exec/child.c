#include "exec/child.h"

#include "exec/search.h"

#include <errno.h>
#include <spawn.h>
#include <sys/wait.h>

/* What posix_spawn is told beside the path. */
struct orders {
	const struct child_plan *plan;
	pid_t *pid;
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

static int spawn(void *context, const char *path, char *const *argv)
{
	const struct orders *orders = context;

	return posix_spawn(orders->pid, path, &orders->actions, &orders->attributes, argv,
			   orders->plan->envp);
}

int child_spawn(const struct child_plan *plan, pid_t *pid)
{
	struct orders orders = { .plan = plan, .pid = pid };
	int error = posix_spawn_file_actions_init(&orders.actions);

	if (error != 0)
		return error;
	if ((error = posix_spawnattr_init(&orders.attributes)) == 0) {
		if ((error = add_actions(&orders)) == 0 && (error = set_attributes(&orders)) == 0)
			error = search_run(plan->argv, plan->envp, spawn, &orders);
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
