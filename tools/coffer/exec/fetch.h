/* fetch.h - the values that a command needs, from the daemon. Layer: tools. */
#ifndef EXEC_FETCH_H
#define EXEC_FETCH_H

#include <coffer/client.h>

#include "cli.h"
#include "exec/environment.h"
#include "home.h"
#include "remote.h"

/* Where the daemon is and who asks it. What it points to is borrowed. */
struct fetch {
	const struct environment *environment; /* what is needed */
	bool revision_too;                     /* learn it, before any value */
	char socket[HOME_PATH_MAX];
	struct remote remote;  /* with a url: it is asked instead of a socket */
	const char *token;     /* NULL: none */
	const char *bootstrap; /* the filesystem transport's file; NULL: none */
	struct coffer_session *session;
	bool opened;       /* else the session, if there is one, has a message alone */
	uint64_t revision; /* 0: not known yet */
};

/* Finds where to ask. Refused with a message as for home_runner_socket. */
COFFER_MUST_USE cli_exit fetch_init(const struct cli *cli, struct fetch *fetch);
/* Begins a session with the daemon, if there is none, each call of which is within call_ms; fetch_message tells what of it fails. */
COFFER_MUST_USE coffer_err fetch_open(struct fetch *fetch, int call_ms);
/* Ends it. */
void fetch_close(struct fetch *fetch);

/* One attempt: connects if need be, and adds to values what is needed and not there. A secret that
 * the daemon refuses is noted there as lacking, and that is no failure. On failure values may hold
 * a part; fetch_message tells what of; *again is whether another attempt later may do better. */
COFFER_MUST_USE coffer_err fetch_attempt(struct fetch *fetch, int call_ms, struct values *values,
					 bool *again);
const char *fetch_message(const struct fetch *fetch);

/* Until when what was fetched may be used, in milliseconds since 1970. */
int64_t fetch_expires_at_ms(const struct fetch *fetch);

#endif
