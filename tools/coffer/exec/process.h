/* exec/process.h - the running command, as its supervisor sees it. Layer: tools.
 *
 * Without a terminal it is a child of this process, in its process group. In a terminal of its own it needs a session
 * of its own, and there a parent: were it the session's leader, or its group an orphan, the kernel would not let it
 * be stopped with ^Z. That parent, the monitor, is a copy of this process that reports what becomes of the command,
 * hangs up on it when its terminal is closed, and does nothing else. Until it is released, the id of an ended command
 * is not given anew. */
#ifndef EXEC_PROCESS_H
#define EXEC_PROCESS_H

#include "exec/child.h"

struct process {
	pid_t pid;     /* the command's; 0: none runs */
	pid_t monitor; /* its parent; 0: none */
	int reports;   /* from the monitor, to be polled; -1: none, SIGCHLD tells */
};

#define PROCESS_NONE ((struct process){ .reports = -1 })

/* Starts it. plan->terminal: in a session with that terminal, which the caller closes afterwards. Returns 0 or an
 * errno, as child_spawn does. Every signal that is handled must be blocked; SIGCHLD must not be ignored. */
int process_start(struct process *process, const struct child_plan *plan);

/* What has happened since, without waiting; call it until it is CHILD_NOTHING. CHILD_ENDED is told once; *value as
 * for child_look, or -1 if the monitor is gone and nobody knows. */
child_event process_look(struct process *process, int *value);

void process_signal(const struct process *process, int number);
/* Continues it after a stop, with its process group. Only with a monitor. */
void process_continue(const struct process *process);

/* After CHILD_ENDED, when its output has been read: the end of the session is a hang-up for what is left in it. */
void process_release(struct process *process);

#endif
