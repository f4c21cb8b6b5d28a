/* exec/signals.h - the signals sent to us, to be passed on or acted upon in turn. Layer: tools. */
#ifndef EXEC_SIGNALS_H
#define EXEC_SIGNALS_H

#include <signal.h>
#include <stdbool.h>
#include <sys/signalfd.h>

struct signals {
	int fd;             /* readable when there is one */
	sigset_t inherited; /* the mask from before */
};

/* Holds back the signals that end, stop or inform a process, but for faults of its own. In its process group the
 * command is stopped, continued and told of the window's size together with us; with session set it is not, so those
 * signals are held back too. They stay so: one that comes late must not end us in the place of the command's status.
 * False: errno is set. */
bool signals_hold(struct signals *signals, bool session);

/* The next one, without waiting. */
bool signals_next(const struct signals *signals, struct signalfd_siginfo *info);

/* Stops our process group as ^Z does, and returns when we are continued; at once if nobody could continue us. */
void signals_stop(void);

#endif
