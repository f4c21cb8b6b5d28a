#include "s3/serve.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/pidfd.h"
#include "base/process.h"
#include "s3/worker.h"

#define PAUSE_FIRST_MS 100
#define PAUSE_MAX_MS   10000

/* A worker that held for as long is started again as if it had never ended. */
#define STEADY_MS 60000

/* For a worker that was told to end. */
#define STOP_MS 2000

/* Between two looks at who the parent is, where the kernel does not tell of its end. */
#define PARENT_MS 1000

struct serve {
	const struct settings *settings;
	pid_t parent;
	int parent_fd; /* readable when the parent has ended; -1: the kernel has none */
	int signals;   /* a signalfd */
	sigset_t before;
};

typedef enum event { NOTHING, WORKER_ENDED, STOP } event;

static int take_signal(int fd)
{
	struct signalfd_siginfo info;

	return read(fd, &info, sizeof(info)) == sizeof(info) ? (int)info.ssi_signo : 0;
}

/* Waits for as long at the most. A signal at the parent's end, as of PR_SET_PDEATHSIG, is not enough: one that has
 * locked itself into Landlock may not send it. */
static event next_event(const struct serve *serve, int64_t ms)
{
	struct pollfd events[2] = { { .fd = serve->signals, .events = POLLIN },
				    { .fd = serve->parent_fd, .events = POLLIN } };
	int64_t until = clock_mono_ms() + ms, left;

	while ((left = until - clock_mono_ms()) > 0) {
		if (serve->parent_fd < 0 && left > PARENT_MS)
			left = PARENT_MS;
		if (poll(events, 2, (int)left) > 0 && events[0].revents != 0)
			return take_signal(serve->signals) == SIGCHLD ? WORKER_ENDED : STOP;
		if (events[1].revents != 0 || getppid() != serve->parent)
			return STOP;
	}
	return NOTHING;
}

static void tell_end(int status)
{
	if (WIFSIGNALED(status))
		log_error("coffer-s3: the worker was ended by signal %d", WTERMSIG(status));
	else
		log_error("coffer-s3: the worker has ended with status %d", WEXITSTATUS(status));
}

static void stop_worker(const struct serve *serve, pid_t pid)
{
	struct pollfd signals = { .fd = serve->signals, .events = POLLIN };

	kill(pid, SIGTERM);
	while (waitpid(pid, NULL, WNOHANG) == 0) {
		if (poll(&signals, 1, STOP_MS) > 0) {
			(void)take_signal(serve->signals);
			continue;
		}
		kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		return;
	}
}

/* Until the worker has ended: true; or this process shall: false. */
static bool watch_worker(const struct serve *serve, pid_t pid)
{
	int status;

	for (;;) {
		if (next_event(serve, STEADY_MS) == STOP) {
			stop_worker(serve, pid);
			return false;
		}
		if (waitpid(pid, &status, WNOHANG) == pid) {
			tell_end(status);
			return true;
		}
	}
}

static bool pause_for(const struct serve *serve, int64_t ms)
{
	int64_t until = clock_mono_ms() + ms, left;

	while ((left = until - clock_mono_ms()) > 0)
		if (next_event(serve, left) == STOP)
			return false;
	return true;
}

/* In the worker, which ends with the process that watches it. */
static coffer_err work(const struct serve *serve, pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent ||
	    sigprocmask(SIG_SETMASK, &serve->before, NULL) != 0)
		return COFFER_INTERNAL;
	close(serve->signals);
	if (serve->parent_fd >= 0)
		close(serve->parent_fd);
	return worker_run(serve->settings);
}

static coffer_err keep_working(const struct serve *serve)
{
	pid_t self = getpid(), pid;
	int64_t pause = PAUSE_FIRST_MS;

	for (;;) {
		int64_t since = clock_mono_ms();
		if ((pid = fork()) == 0)
			return work(serve, self);
		if (pid < 0)
			log_error("coffer-s3: cannot start the worker: %m");
		else if (!watch_worker(serve, pid))
			return COFFER_OK;
		pause = clock_mono_ms() - since > STEADY_MS ? PAUSE_FIRST_MS : pause;
		if (!pause_for(serve, pause))
			return COFFER_OK;
		pause = pause * 2 < PAUSE_MAX_MS ? pause * 2 : PAUSE_MAX_MS;
	}
}

/* Whether who started this process has ended before it was looked for: its number is told by a variable, as a
 * process that has lost its parent cannot tell that from another one. */
static bool is_orphan(pid_t parent)
{
	const char *told = getenv("COFFER_S3_PARENT");

	return told != NULL && strtol(told, NULL, 10) != parent;
}

coffer_err serve_run(const struct settings *settings)
{
	struct serve serve = { .settings = settings, .parent = getppid(), .parent_fd = -1 };
	struct pidfd_mark mark;
	sigset_t signals;
	coffer_err err;

	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	if ((err = process_close_inherited(STDERR_FILENO + 1)) != COFFER_OK)
		return err;
	err = pidfd_hold(serve.parent, &mark, &serve.parent_fd);
	if (err == COFFER_NOT_FOUND || getppid() != serve.parent || is_orphan(serve.parent))
		return COFFER_OK; /* it has ended already */
	if (sigprocmask(SIG_BLOCK, &signals, &serve.before) != 0 ||
	    (serve.signals = signalfd(-1, &signals, SFD_CLOEXEC)) < 0) {
		log_error("coffer-s3: cannot wait for signals: %m");
		return COFFER_INTERNAL;
	}
	return keep_working(&serve);
}
