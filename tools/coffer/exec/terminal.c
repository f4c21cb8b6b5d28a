#include "exec/terminal.h"

#include "exec/outlet.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Whether both are the same terminal, whatever name it was opened by. */
static bool is_same(int a, int b)
{
	unsigned int devices[2];

	return ioctl(a, TIOCGDEV, &devices[0]) == 0 && ioctl(b, TIOCGDEV, &devices[1]) == 0 &&
	       devices[0] == devices[1];
}

bool terminal_open(struct terminal *terminal)
{
	*terminal = TERMINAL_NONE;
	if (!isatty(STDOUT_FILENO))
		return true;
	terminal->fd = outlet_reopen(STDOUT_FILENO, O_RDWR | O_NONBLOCK);
	/* Another user's terminal cannot be opened again. */
	if (terminal->fd < 0)
		terminal->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	if (terminal->fd < 0)
		return false;
	/* Where it does not control our session, nobody would arbitrate between its readers. */
	terminal->typed = is_same(STDIN_FILENO, terminal->fd) && tcgetpgrp(terminal->fd) >= 0;
	terminal->error = is_same(STDERR_FILENO, terminal->fd);
	return true;
}

void terminal_close(struct terminal *terminal)
{
	terminal_leave(terminal);
	if (terminal->fd >= 0)
		close(terminal->fd);
	terminal->fd = -1;
}

void terminal_resize(const struct terminal *terminal, int master)
{
	struct winsize size;

	if (ioctl(terminal->fd, TIOCGWINSZ, &size) == 0)
		(void)ioctl(master, TIOCSWINSZ, &size);
}

bool terminal_pair(const struct terminal *terminal, int *master, int *slave)
{
	struct termios modes;

	*slave = -1;
	*master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (*master < 0)
		return false;
	if (unlockpt(*master) != 0 ||
	    (*slave = ioctl(*master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0)
		goto fail;
	if (terminal->raw)
		modes = terminal->before;
	else if (tcgetattr(terminal->fd, &modes) != 0)
		goto fail;
	if (tcsetattr(*slave, TCSANOW, &modes) != 0)
		goto fail;
	terminal_resize(terminal, *master);
	return true;
fail:;
	int error = errno;
	close(*master);
	if (*slave >= 0)
		close(*slave);
	*master = *slave = -1;
	errno = error;
	return false;
}

/* In the background the kernel would stop us for a change. */
static bool is_foreground(const struct terminal *terminal)
{
	return terminal->fd >= 0 && tcgetpgrp(terminal->fd) == getpgrp();
}

static bool make_raw(const struct terminal *terminal)
{
	struct termios raw = terminal->before;

	cfmakeraw(&raw);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	return tcsetattr(terminal->fd, TCSANOW, &raw) == 0;
}

void terminal_enter(struct terminal *terminal)
{
	if (!terminal->raw && is_foreground(terminal) &&
	    tcgetattr(terminal->fd, &terminal->before) == 0)
		terminal->raw = make_raw(terminal);
}

void terminal_leave(struct terminal *terminal)
{
	if (terminal->raw && is_foreground(terminal))
		(void)tcsetattr(terminal->fd, TCSANOW, &terminal->before);
	terminal->raw = false;
}

void terminal_renew(struct terminal *terminal)
{
	if (terminal->raw)
		terminal->raw = is_foreground(terminal) && make_raw(terminal);
}

bool terminal_wanted(const struct terminal *terminal, int master)
{
	struct termios modes;

	if (terminal->typed || master < 0)
		return terminal->typed;
	return tcgetattr(master, &modes) == 0 && !(modes.c_lflag & ICANON);
}
