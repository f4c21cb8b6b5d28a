/* exec/child.h - a command found on its PATH and started. Layer: tools. */
#ifndef EXEC_CHILD_H
#define EXEC_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

/* All is borrowed. */
struct child_plan {
	char *const *argv; /* up to a NULL; argv[0] is not NULL */
	char *const *envp;
	int fds[3];   /* what becomes its 0, 1 and 2; one with that number is inherited */
	int terminal; /* its process group becomes this terminal's foreground; -1: it stays in ours */
	const sigset_t *mask; /* its signal mask */
	bool pipe_ignored;    /* it ignores SIGPIPE, as this process was told to */
};

/* What has become of a process. */
typedef enum child_event { CHILD_NOTHING, CHILD_STOPPED, CHILD_ENDED } child_event;

/* Starts the command, which is looked for as search_run does. Returns 0 and *pid, or an errno as that. Costs no copy
 * of this process. */
int child_spawn(const struct child_plan *plan, pid_t *pid);

/* What has happened to the child pid, without waiting. An ended one stays a zombie, so that its id stays its own, until
 * child_reap. *value: the exit status as shells give it (128 + n for signal n), or the signal that stopped it. */
child_event child_look(pid_t pid, int *value);

/* Forgets a child that has ended. */
void child_reap(pid_t pid);

#endif
