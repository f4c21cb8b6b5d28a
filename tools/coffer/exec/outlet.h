/* exec/outlet.h - a descriptor that is written to without ever waiting for its reader. Layer: tools.
 *
 * Standard output and error are shared with others, so O_NONBLOCK cannot be set on them: it is a property of the open
 * file, and a shell or a job beside us would fail with EAGAIN. Instead a pipe and a terminal are opened again, through
 * /proc, which gives an open file of our own; a socket is told with each send. Where neither can be, as little is
 * written at once as an end that is ready takes in whole. Files and devices do not make anybody wait. */
#ifndef EXEC_OUTLET_H
#define EXEC_OUTLET_H

#include "bytes.h"

#include <stdint.h>

typedef enum outlet_kind {
	OUTLET_PLAIN,  /* never waits */
	OUTLET_OWN,    /* an open file of our own, non-blocking */
	OUTLET_SOCKET, /* non-blocking by each call */
	OUTLET_SHARED, /* in small pieces */
} outlet_kind;

struct outlet {
	int fd; /* -1: closed */
	outlet_kind kind;
	bool owned;           /* fd is closed with it */
	int standard;         /* the descriptor that it was made of, or -1 */
	struct bytes pending; /* what was not taken yet, */
	size_t done;          /* from here on */
	int error;            /* why it was closed: 0, or an errno */
};

/* Opens the file of the standard descriptor fd again, with these open flags and O_CLOEXEC. -1 if it cannot be. */
int outlet_reopen(int fd, int flags);

/* Makes an outlet of a standard descriptor, or of a non-blocking one, which is borrowed. */
void outlet_open(struct outlet *out, int fd);
void outlet_borrow(struct outlet *out, int fd);

/* Writes what can be written and keeps the rest; what comes behind something kept is kept too. gather: keep it, for
 * an outlet_flush follows. False when the outlet is closed, or has been by this: it cannot be written to (error says
 * why), or there is no memory. */
bool outlet_write(struct outlet *out, const uint8_t *data, size_t len, bool gather);

/* Writes of what was kept as much as can be written. */
bool outlet_flush(struct outlet *out);

/* Whether something is kept: poll fd for POLLOUT, then flush. */
bool outlet_waits(const struct outlet *out);

/* Wipes what was kept, and closes. The outlet of standard output leaves that descriptor open on nothing, so that its
 * reader sees the end. */
void outlet_close(struct outlet *out);

#endif
