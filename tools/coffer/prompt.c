#include "prompt.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

/* In its line mode a terminal keeps this much and drops the rest of a line without a word. */
#define LINE_MAX_BYTES 4095

/* What was changed, to be put back. */
struct quiet {
	struct termios termios;
	sigset_t signals;
	int signal_fd;
};

static void leave(struct quiet *quiet)
{
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet->termios);
	close(quiet->signal_fd);
	/* A signal that came meanwhile takes its effect here, with the terminal as it was. */
	sigprocmask(SIG_SETMASK, &quiet->signals, NULL);
}

/* Turns the echo off and holds back the signals that would end or stop the process without it
 * on. */
static bool enter(struct quiet *quiet)
{
	static const int held[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };
	struct termios silent;
	sigset_t mask;

	sigemptyset(&mask);
	for (size_t i = 0; i < sizeof(held) / sizeof(held[0]); i++)
		sigaddset(&mask, held[i]);
	if (tcgetattr(STDIN_FILENO, &quiet->termios) != 0 ||
	    (quiet->signal_fd = signalfd(-1, &mask, SFD_CLOEXEC)) < 0)
		return false;
	sigprocmask(SIG_BLOCK, &mask, &quiet->signals);
	silent = quiet->termios;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	silent.c_lflag |= ICANON | ECHONL | ISIG;
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0)
		return true;
	int saved = errno;
	leave(quiet);
	errno = saved;
	return false;
}

/* Reads a line, or returns -1 with errno: EINTR if a signal is waiting. 0: end of file. */
static ssize_t read_line(int signal_fd, char *line, size_t size)
{
	struct pollfd fds[] = { { .fd = STDIN_FILENO, .events = POLLIN },
				{ .fd = signal_fd, .events = POLLIN } };

	if (poll(fds, 2, -1) < 0)
		return -1;
	if (fds[1].revents) {
		errno = EINTR;
		return -1;
	}
	return read(STDIN_FILENO, line, size);
}

static cli_exit take_line(const struct cli *cli, const char *line, ssize_t len, struct bytes *out)
{
	if (len < 0)
		return cli_refuse(cli, "cannot read from the terminal: %s", strerror(errno));
	if (len == 0)
		return cli_refuse(cli, "nothing was entered");
	if (line[len - 1] == '\n')
		len--;
	if (len >= LINE_MAX_BYTES)
		return cli_refuse(cli, "too long for a terminal; use --file");
	bytes_append(out, line, (size_t)len);
	return out->failed ? cli_refuse(cli, "out of memory") : CLI_DONE;
}

static cli_exit ask(const struct cli *cli, const char *question, struct bytes *out)
{
	char line[LINE_MAX_BYTES + 1];
	struct quiet quiet;
	ssize_t len;
	int error;

	/* Over again after a stop: whoever resumes us sees the question anew. */
	do {
		if (!enter(&quiet))
			return cli_refuse(cli, "cannot turn the terminal's echo off: %s",
					  strerror(errno));
		fputs(question, stderr);
		len = read_line(quiet.signal_fd, line, sizeof(line));
		error = errno;
		leave(&quiet);
		errno = error;
	} while (len < 0 && error == EINTR);
	cli_exit status = take_line(cli, line, len, out);
	explicit_bzero(line, sizeof(line));
	return status;
}

cli_exit prompt_twice(const struct cli *cli, const char *question, struct bytes *out)
{
	struct bytes again = { 0 };
	cli_exit status;

	if ((status = ask(cli, question, out)) == CLI_DONE &&
	    (status = ask(cli, "Once more: ", &again)) == CLI_DONE &&
	    (out->len != again.len ||
	     (out->len > 0 && memcmp(out->data, again.data, out->len) != 0)))
		status = cli_refuse(cli, "the two values differ");
	bytes_free(&again);
	if (status != CLI_DONE)
		bytes_free(out);
	return status;
}
