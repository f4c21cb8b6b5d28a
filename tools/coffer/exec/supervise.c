#include "exec/supervise.h"

#include "clock.h"
#include "exec/process.h"
#include "exec/rotation.h"
#include "exec/signals.h"
#include "exec/streams.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

/* Places in the polled descriptors. */
enum { SIGNALS, REPORTS, CHANGES, STREAMS, FDS = STREAMS + STREAMS_FDS };

struct supervision {
	const struct cli *cli;
	const struct supervise *job;
	char *const *envp; /* of the next start */
	struct signals signals;
	struct process process;
	struct rotation rotation;
	struct streams streams;
	bool stopped;     /* the command is, and we were */
	int status;       /* of the command that ended last */
	int64_t ended_ms; /* when it did; INT64_MAX while one runs */
	int64_t now_ms;
};

static int explain(struct supervision *s, int error)
{
	terminal_leave(&s->streams.terminal);
	(void)cli_refuse(s->cli, "cannot run '%s': %s", s->job->argv[0], strerror(error));
	if (error == ENOENT)
		return SUPERVISE_NOT_FOUND;
	/* These are about processes, not about this one's file. */
	if (error == EAGAIN || error == ENOMEM || error == EMFILE || error == ENFILE)
		return SUPERVISE_FAILED;
	return SUPERVISE_REFUSED;
}

/* Sets the status if it fails. */
static void start(struct supervision *s)
{
	struct child_plan plan = { .argv = s->job->argv,
				   .envp = s->envp,
				   .mask = &s->signals.inherited,
				   .pipe_ignored = s->cli->pipe_ignored };
	int error = 0;

	s->status = SUPERVISE_FAILED;
	s->ended_ms = s->now_ms;
	if (streams_make(&s->streams, &plan, s->now_ms) &&
	    (error = process_start(&s->process, &plan)) == 0)
		s->ended_ms = INT64_MAX;
	streams_started(&plan);
	if (error != 0)
		s->status = explain(s, error);
}

/* After a stop of ours, or of the command with us. */
static void resume(struct supervision *s)
{
	int master = streams_master(&s->streams);

	terminal_renew(&s->streams.terminal);
	if (master >= 0)
		terminal_resize(&s->streams.terminal, master);
	if (s->stopped)
		process_continue(&s->process);
	s->stopped = false;
}

/* The command was stopped in its terminal; so are we in ours, for a shell to see. */
static void stop(struct supervision *s)
{
	s->stopped = true;
	terminal_leave(&s->streams.terminal);
	signals_stop();
	resume(s);
}

static bool is_ending(uint32_t number)
{
	return number == SIGTERM || number == SIGINT || number == SIGHUP || number == SIGQUIT;
}

/* What a terminal or a process sends to a group has reached the command in it already. In a session of its own it
 * has reached us alone. */
static bool is_ours_alone(const struct supervision *s, const struct signalfd_siginfo *info)
{
	return s->process.monitor > 0 ||
	       (info->ssi_code <= 0 && info->ssi_pid != (uint32_t)s->process.pid);
}

static void pass_signal(struct supervision *s, const struct signalfd_siginfo *info)
{
	bool ending = is_ending(info->ssi_signo);

	/* Whoever wants an end does not want another start, nor wait for a slow reader. */
	if (ending)
		(void)rotation_settle(&s->rotation);
	if (s->process.pid == 0 && ending)
		streams_abandon(&s->streams);
	else if (is_ours_alone(s, info))
		process_signal(&s->process, (int)info->ssi_signo);
}

static void take_signals(struct supervision *s)
{
	struct signalfd_siginfo info;
	int master;

	while (signals_next(&s->signals, &info)) {
		switch (info.ssi_signo) {
		case SIGCHLD: /* the process is looked at in every turn */
			break;
		case SIGWINCH:
			if ((master = streams_master(&s->streams)) >= 0)
				terminal_resize(&s->streams.terminal, master);
			break;
		case SIGCONT:
			resume(s);
			break;
		default:
			pass_signal(s, &info);
		}
	}
}

static void take_end(struct supervision *s, int value)
{
	s->ended_ms = s->now_ms;
	s->status = value;
	streams_expect_end(&s->streams);
	if (value >= 0)
		return;
	(void)cli_refuse(s->cli, "lost sight of the command");
	s->status = SUPERVISE_FAILED;
}

static void take_events(struct supervision *s)
{
	child_event event;
	int value = 0;

	while ((event = process_look(&s->process, &value)) != CHILD_NOTHING) {
		if (event == CHILD_ENDED)
			take_end(s, value);
		/* In our process group whoever stops the command can stop us, too. */
		else if (s->process.monitor > 0)
			stop(s);
	}
}

static void react(struct supervision *s)
{
	switch (s->job->reaction) {
	case SUPERVISE_RESTART:
		cli_warn(s->cli, "values have changed: restarting the command");
		process_signal(&s->process, SIGTERM);
		rotation_restart(&s->rotation, s->now_ms);
		break;
	case SUPERVISE_SIGNAL:
		cli_warn(s->cli, "values have changed: sending the command signal %d (%s)",
			 s->job->signal, strsignal(s->job->signal));
		process_signal(&s->process, s->job->signal);
		break;
	case SUPERVISE_IGNORE:
		cli_warn(s->cli, "values have changed: the command goes on with the old ones");
		break;
	}
}

/* Messages are printed on a terminal as it was; the next turn makes it raw again. */
static void refresh(struct supervision *s)
{
	char *const *envp = s->envp;
	bool changed = false;

	terminal_leave(&s->streams.terminal);
	if (s->job->refresh(s->job->context, &changed, &envp) != CLI_DONE || !changed)
		return;
	s->envp = envp;
	react(s);
}

static void keep_time(struct supervision *s)
{
	if (s->process.pid == 0)
		return;
	if (rotation_is_over(&s->rotation, s->now_ms)) {
		terminal_leave(&s->streams.terminal);
		cli_warn(s->cli, "the command did not end in time: killing it");
		process_signal(&s->process, SIGKILL);
	}
	if (rotation_has_news(&s->rotation))
		refresh(s);
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int timeout(const struct supervision *s, int64_t linger_ms)
{
	int64_t due = earlier(streams_due_ms(&s->streams, s->now_ms), linger_ms);

	if (s->process.pid > 0)
		due = earlier(due, rotation_due_ms(&s->rotation, s->now_ms));
	if (due == INT64_MAX)
		return -1;
	due -= s->now_ms;
	return due < 0 ? 0 : due > INT_MAX ? INT_MAX : (int)due;
}

/* False, after a message, if there is no way to go on. */
static bool turn(struct supervision *s, int64_t linger_ms)
{
	struct pollfd fds[FDS];

	fds[SIGNALS] = (struct pollfd){ s->signals.fd, POLLIN, 0 };
	fds[REPORTS] = (struct pollfd){ s->process.pid > 0 ? s->process.reports : -1, POLLIN, 0 };
	fds[CHANGES] = (struct pollfd){ s->rotation.changes, POLLIN, 0 };
	streams_watch(&s->streams, fds + STREAMS);
	int ready = poll(fds, FDS, timeout(s, linger_ms));
	if (ready < 0 && errno != EINTR) {
		(void)cli_refuse(s->cli, "cannot wait for the command: %s", strerror(errno));
		return false;
	}
	s->now_ms = clock_mono_ms();
	if (ready < 0)
		return true;
	if (fds[SIGNALS].revents)
		take_signals(s);
	if (fds[SIGNALS].revents || fds[REPORTS].revents)
		take_events(s);
	if (fds[CHANGES].revents)
		rotation_note(&s->rotation);
	keep_time(s);
	streams_serve(&s->streams, fds + STREAMS, s->now_ms);
	return true;
}

/* Whether there is still something to do: a command that runs, or starts again, or its output. */
static bool goes_on(struct supervision *s)
{
	if (s->process.pid > 0 || !streams_are_read(&s->streams))
		return true;
	process_release(&s->process);
	if (rotation_settle(&s->rotation))
		start(s);
	if (s->process.pid > 0)
		return true;
	streams_end(&s->streams);
	return !streams_are_done(&s->streams);
}

static int watch(struct supervision *s)
{
	int64_t linger_ms = INT64_MAX;

	while (goes_on(s)) {
		if (!turn(s, linger_ms))
			return SUPERVISE_FAILED;
		linger_ms = INT64_MAX;
		if (s->process.pid == 0)
			linger_ms = streams_linger(&s->streams, s->ended_ms, s->now_ms);
	}
	return streams_have_failed(&s->streams) ? SUPERVISE_FAILED : s->status;
}

int supervise_run(const struct cli *cli, const struct supervise *job)
{
	struct supervision s = { .cli = cli,
				 .job = job,
				 .envp = job->envp,
				 .signals = { .fd = -1 },
				 .process = PROCESS_NONE,
				 .now_ms = clock_mono_ms(),
				 .ended_ms = INT64_MAX };
	bool again = job->changes >= 0 && job->reaction == SUPERVISE_RESTART;
	int status = SUPERVISE_FAILED;

	rotation_init(&s.rotation, job->changes);
	if (streams_open(&s.streams, cli, job->redactor, again)) {
		if (signals_hold(&s.signals, s.streams.terminal.fd >= 0)) {
			start(&s);
			status = watch(&s);
		} else {
			(void)cli_refuse(cli, "cannot receive signals: %s", strerror(errno));
		}
	}
	streams_close(&s.streams);
	process_release(&s.process);
	if (s.signals.fd >= 0)
		close(s.signals.fd);
	return status;
}
