#include "exec/signals.h"

#include <stddef.h>
#include <unistd.h>

/* Never held back: what the kernel ends us for must do so, as must a write or read in the background stop us. */
static const int own[] = { SIGSEGV, SIGBUS,  SIGFPE,  SIGILL,  SIGTRAP,
			   SIGSYS,  SIGPIPE, SIGTTIN, SIGTTOU, SIGURG };
/* Common to all processes of a group or a terminal. */
static const int common[] = { SIGTSTP, SIGCONT, SIGWINCH };

bool signals_hold(struct signals *signals, bool session)
{
	sigset_t held;

	sigfillset(&held);
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		sigdelset(&held, own[i]);
	for (size_t i = 0; !session && i < sizeof(common) / sizeof(common[0]); i++)
		sigdelset(&held, common[i]);
	/* Where it was ignored, nobody would learn how the command ended. */
	(void)signal(SIGCHLD, SIG_DFL);
	if (sigprocmask(SIG_BLOCK, &held, &signals->inherited) != 0)
		return false;
	signals->fd = signalfd(-1, &held, SFD_CLOEXEC | SFD_NONBLOCK);
	return signals->fd >= 0;
}

bool signals_next(const struct signals *signals, struct signalfd_siginfo *info)
{
	return read(signals->fd, info, sizeof(*info)) == (ssize_t)sizeof(*info);
}

void signals_stop(void)
{
	sigset_t stop;

	sigemptyset(&stop);
	sigaddset(&stop, SIGTSTP);
	(void)kill(0, SIGTSTP);
	/* Here it takes effect. */
	(void)sigprocmask(SIG_UNBLOCK, &stop, NULL);
	(void)sigprocmask(SIG_BLOCK, &stop, NULL);
}
