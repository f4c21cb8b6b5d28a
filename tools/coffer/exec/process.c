#include "exec/process.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* From the monitor: first whether the command was started, then what becomes of it. */
struct report {
	int32_t event; /* a child_event; CHILD_NOTHING: it was started, or error says why not */
	int32_t value; /* of the event, or an errno */
	int32_t pid;
};

static bool send_report(int fd, const struct report *report)
{
	return write(fd, report, sizeof(*report)) == (ssize_t)sizeof(*report);
}

/* What the monitor holds besides would never end for others: a pipe's end, another job's descriptor. */
static void keep_only(int *reports, int *terminal)
{
	if (dup2(*reports, 0) < 0 || dup2(*terminal, 1) < 0)
		_exit(EXIT_FAILURE);
	*reports = 0;
	*terminal = 1;
	(void)close_range(2, ~0U, 0);
}

/* When our end of its terminal is closed, the kernel tells the session's leader only. */
static void hang_up(pid_t pid)
{
	(void)kill(-pid, SIGHUP);
	(void)kill(-pid, SIGCONT);
}

/* Reports what becomes of the command, until its end or until nobody listens. Meanwhile the terminal stays open, so
 * that the command may close it and open it again. */
static bool follow(pid_t pid, int reports, int terminal)
{
	struct report report = { .event = CHILD_NOTHING, .pid = pid };
	sigset_t news;

	sigemptyset(&news);
	sigaddset(&news, SIGCHLD);
	sigaddset(&news, SIGHUP);
	while (report.event != CHILD_ENDED) {
		if (sigwaitinfo(&news, NULL) == SIGHUP) {
			hang_up(pid);
			continue;
		}
		report.event = (int32_t)child_look(pid, &report.value);
		if (report.event == CHILD_ENDED)
			close(terminal);
		if (report.event != CHILD_NOTHING && !send_report(reports, &report))
			return false;
	}
	return true;
}

/* The whole life of the monitor. All signals are blocked. */
static _Noreturn void monitor(const struct child_plan *plan, int reports)
{
	struct report report = { .event = CHILD_NOTHING };
	int terminal = plan->terminal;
	pid_t pid = 0;
	char end;

	if (setsid() < 0 || ioctl(terminal, TIOCSCTTY, 0) != 0)
		report.value = errno;
	else
		report.value = child_spawn(plan, &pid);
	report.pid = pid;
	if (!send_report(reports, &report) || report.value != 0)
		_exit(EXIT_FAILURE);
	keep_only(&reports, &terminal);
	if (!follow(pid, reports, terminal))
		_exit(EXIT_FAILURE);
	/* Until it is released: the end of the session's leader hangs up on what the command left running. */
	(void)!read(reports, &end, 1);
	_exit(EXIT_SUCCESS);
}

static int start_monitor(struct process *process, const struct child_plan *plan)
{
	struct report report = { .value = EIO };
	sigset_t all;
	sigset_t before;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return errno;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	process->monitor = fork();
	int error = errno;
	if (process->monitor == 0) {
		close(ends[0]);
		monitor(plan, ends[1]);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(ends[1]);
	process->reports = ends[0];
	if (process->monitor > 0) {
		/* It begins with whether the command was started. */
		(void)!recv(ends[0], &report, sizeof(report), 0);
		error = report.value;
	} else {
		process->monitor = 0;
	}
	if (error != 0)
		process_release(process);
	else
		process->pid = report.pid;
	return error;
}

int process_start(struct process *process, const struct child_plan *plan)
{
	*process = PROCESS_NONE;
	if (plan->terminal >= 0)
		return start_monitor(process, plan);
	return child_spawn(plan, &process->pid);
}

static child_event receive(const struct process *process, int *value)
{
	struct report report;
	ssize_t len = recv(process->reports, &report, sizeof(report), MSG_DONTWAIT);

	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return CHILD_NOTHING;
	*value = -1;
	if (len != (ssize_t)sizeof(report))
		return CHILD_ENDED;
	*value = report.value;
	return (child_event)report.event;
}

child_event process_look(struct process *process, int *value)
{
	child_event event = CHILD_NOTHING;

	if (process->pid == 0)
		return CHILD_NOTHING;
	event = process->monitor ? receive(process, value) : child_look(process->pid, value);
	if (event == CHILD_ENDED) {
		if (!process->monitor)
			child_reap(process->pid);
		process->pid = 0;
	}
	return event;
}

void process_signal(const struct process *process, int number)
{
	if (process->pid > 0)
		(void)kill(process->pid, number);
}

void process_continue(const struct process *process)
{
	if (process->pid > 0)
		(void)kill(-process->pid, SIGCONT);
}

void process_release(struct process *process)
{
	if (process->reports >= 0)
		close(process->reports);
	if (process->monitor > 0)
		child_reap(process->monitor);
	process->reports = -1;
	process->monitor = 0;
}
