#include "prompt.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

/* Waits for a line, or for one of the signals, which stay pending. */
static bool line_is_there(int tty, const sigset_t *signals)
{
	struct pollfd events[2] = { { .fd = tty, .events = POLLIN },
				    { .fd = signalfd(-1, signals, SFD_CLOEXEC),
				      .events = POLLIN } };
	bool ready = events[1].fd >= 0 && poll(events, 2, -1) > 0 && events[1].revents == 0;

	if (events[1].fd >= 0)
		close(events[1].fd);
	return ready;
}

static ssize_t read_quietly(int tty, const char *text, const sigset_t *signals, uint8_t *line,
			    size_t max)
{
	ssize_t len = (ssize_t)strlen(text), n = -1;
	struct termios before, quiet;

	if (tcgetattr(tty, &before) != 0)
		return -1;
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	if (tcsetattr(tty, TCSAFLUSH, &quiet) == 0 && write(tty, text, (size_t)len) == len &&
	    line_is_there(tty, signals))
		n = read(tty, line, max);
	tcsetattr(tty, TCSAFLUSH, &before);
	return write(tty, "\n", 1) == 1 ? n : -1;
}

coffer_err prompt_secret(const char *text, struct arena *arena, size_t max, struct secret *out)
{
	static const int ending[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP };
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	sigset_t signals, before;
	ssize_t n = -1;
	coffer_err err;

	*out = SECRET_EMPTY;
	if (tty < 0)
		return COFFER_NOT_FOUND;
	sigemptyset(&signals);
	for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++)
		sigaddset(&signals, ending[i]);
	sigprocmask(SIG_BLOCK, &signals, &before);
	if ((err = secret_reserve(out, arena, max)) == COFFER_OK &&
	    (n = read_quietly(tty, text, &signals, out->data, max)) <= 0)
		err = COFFER_UNAVAILABLE;
	out->len = n > 0 ? (size_t)n : 0;
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(tty);
	if (err != COFFER_OK)
		secret_free(out);
	return err;
}
