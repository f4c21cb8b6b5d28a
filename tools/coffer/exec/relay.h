/* exec/relay.h - one output of the command on its way to ours, without secrets. Layer: tools.
 *
 * Nothing is read while something is kept back for a slow reader, so the command waits as it would without us, and
 * memory does not grow. If the text cannot be searched or written, the relay ends and the command learns of it as of
 * any closed pipe: nothing goes out unsearched. */
#ifndef EXEC_RELAY_H
#define EXEC_RELAY_H

#include "cli.h"
#include "exec/outlet.h"

#include <coffer/redact.h>

#define RELAY_CHUNK 65536 /* bytes read at once: what a pipe holds */

struct relay {
	const struct cli *cli;
	struct coffer_redact_stream *stream;
	struct outlet out;
	int from;          /* the command's output, owned; -1: it has ended */
	int64_t active_ms; /* when something was last read or written */
	int64_t
	    owed; /* bytes that the command had written when it ended, and that are not read yet */
	bool ended;  /* nothing follows */
	bool failed; /* a failure of ours, of which a message was printed */
};

#define RELAY_NONE ((struct relay){ .from = -1, .out = { .fd = -1 } })

/* Makes one that leads to the standard descriptor to. False after a message. */
bool relay_open(struct relay *relay, const struct cli *cli, struct coffer_redactor *redactor,
		int to);
void relay_close(struct relay *relay); /* wipes and frees; it may be RELAY_NONE */

/* Takes from, non-blocking, as the command's output. */
void relay_begin(struct relay *relay, int from, int64_t now_ms);
/* The command's output has ended, though another command's may follow. */
void relay_pause(struct relay *relay);
/* No output follows: what is held back is written, and the outlet closed when it has taken all. Until then
 * relay_is_done is false. */
void relay_end(struct relay *relay);
bool relay_is_done(const struct relay *relay);

/* The command itself has ended. What it has written is read; what it left running may write on for a moment: until
 * nothing has come for 100 ms, or for a second in all. Then relay_linger pauses the relay. It returns when to call it
 * again; INT64_MAX: after the next event. */
void relay_expect_end(struct relay *relay);
int64_t relay_linger(struct relay *relay, int64_t ended_ms, int64_t now_ms);

/* Whether to poll from for POLLIN. */
bool relay_reads(const struct relay *relay);
/* Reads, at most a few chunks. False at the end of the output, which is to be followed by relay_pause or relay_end. */
bool relay_read(struct relay *relay, uint8_t chunk[RELAY_CHUNK], int64_t now_ms);
/* Writes what was kept, when the outlet is ready. */
void relay_flush(struct relay *relay, int64_t now_ms);

/* When relay_idle is due if nothing is read until then; INT64_MAX: it is not. */
int64_t relay_idle_ms(const struct relay *relay);
void relay_idle(struct relay *relay);

#endif
