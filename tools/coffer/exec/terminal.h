/* exec/terminal.h - our terminal, and the one that the command gets in its place. Layer: tools.
 *
 * While the command's terminal does what a terminal does with keys and lines, ours is raw: it changes nothing of what
 * passes through. It is only touched in the foreground, where it is ours to touch. */
#ifndef EXEC_TERMINAL_H
#define EXEC_TERMINAL_H

#include <stdbool.h>
#include <termios.h>

struct terminal {
	int fd;     /* of standard output's terminal, owned; -1: it is none */
	bool typed; /* standard input is the same, and its keys are for the command */
	bool error; /* standard error is the same */
	bool raw;
	struct termios before; /* while raw: what it was */
};

#define TERMINAL_NONE ((struct terminal){ .fd = -1 })

/* Looks at the standard descriptors. False: it is a terminal that cannot be used, errno is set. */
bool terminal_open(struct terminal *terminal);
void terminal_close(struct terminal *terminal); /* leaves it as it was; it may be TERMINAL_NONE */

/* Makes a pseudo terminal with our modes and size. *master is non-blocking; both are owned by the caller. False:
 * errno is set. */
bool terminal_pair(const struct terminal *terminal, int *master, int *slave);
/* Gives it our size again. */
void terminal_resize(const struct terminal *terminal, int master);

/* Makes it raw, if we are in the foreground; leaves it as it was before. */
void terminal_enter(struct terminal *terminal);
void terminal_leave(struct terminal *terminal);
/* After a stop: somebody else may have changed its modes meanwhile. */
void terminal_renew(struct terminal *terminal);

/* Whether keys are for the command: standard input is the terminal, or, where it is not, the command reads single keys
 * from its terminal, as a pager does whose input is a pipe. Until then somebody else in the pipeline may want them. */
bool terminal_wanted(const struct terminal *terminal, int master);

#endif
