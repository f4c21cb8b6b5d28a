/* exec/streams.h - what lies between the command and our standard descriptors: a pipe for each output, or a terminal
 * for both and the keys. Layer: tools. */
#ifndef EXEC_STREAMS_H
#define EXEC_STREAMS_H

#include "exec/child.h"
#include "exec/relay.h"
#include "exec/terminal.h"

#include <poll.h>

#define STREAMS_RELAYS 2
#define STREAMS_FDS    (2 + 2 * STREAMS_RELAYS)

struct streams {
	const struct cli *cli;
	struct terminal terminal;
	struct outlet keys; /* to the command's terminal */
	struct relay
	    relays[STREAMS_RELAYS]; /* of standard output, and of standard error if it is apart */
	size_t count;               /* of the relays; 0: nothing is relayed */
	bool again;                 /* another command may follow */
	uint8_t chunk[RELAY_CHUNK]; /* what was just read: in the clear */
};

/* Looks at our descriptors. redactor NULL: nothing is relayed. False after a message. */
bool streams_open(struct streams *streams, const struct cli *cli, struct coffer_redactor *redactor,
		  bool again);
void streams_close(struct streams *streams); /* restores the terminal, wipes and frees */

/* Makes pipes or a terminal for a command that is about to start, and sets plan's fds and terminal. False after a
 * message. Either way streams_started must follow: it closes the command's ends, which are the command's by then. */
bool streams_make(struct streams *streams, struct child_plan *plan, int64_t now_ms);
void streams_started(struct child_plan *plan);

/* Our end of the command's terminal, or -1. */
int streams_master(const struct streams *streams);

/* One turn: what to poll for and until when; then what to do. */
void streams_watch(const struct streams *streams, struct pollfd fds[STREAMS_FDS]);
int64_t streams_due_ms(const struct streams *streams, int64_t now_ms);
void streams_serve(struct streams *streams, const struct pollfd fds[STREAMS_FDS], int64_t now_ms);

/* The command has ended: see relay_linger, here of all relays. */
void streams_expect_end(struct streams *streams);
int64_t streams_linger(struct streams *streams, int64_t ended_ms, int64_t now_ms);
bool streams_are_read(const struct streams *streams); /* nothing more will be read */

/* No other command follows. */
void streams_end(struct streams *streams);
bool streams_are_done(const struct streams *streams);
/* Whoever reads has waited enough: what is kept is dropped. */
void streams_abandon(struct streams *streams);

bool streams_have_failed(const struct streams *streams);

#endif
