/* coffer/client.h - what a job does: connect with a token, claim its bootstrap data, read its secrets.
 *
 * Where no socket can be shared, all that is handed over in a file instead, and a session over it answers as
 * the daemon did when the file was written: the same calls, errors and words, so a job's code is the same.
 *
 * Synchronous: a call returns when the daemon has answered or its deadline has passed. The library links
 * only libc; it never prints, exits, starts a thread, installs a signal handler or raises SIGPIPE, so it
 * may be called from a callback of any host program. A session belongs to one thread at a time. It does not
 * survive fork(): in the child every call but coffer_close and coffer_message gives
 * COFFER_FAILED_PRECONDITION.
 *
 * Functions return COFFER_OK or an error; coffer_message() then tells what failed in words that never
 * hold a value or a token. Strings are NUL-terminated UTF-8. What the library hands out is wiped when it
 * is freed. */
#ifndef COFFER_CLIENT_H
#define COFFER_CLIENT_H

#include <coffer/error.h>
#include <coffer/limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

COFFER_API_BEGIN

/* A connection to the daemon with an authority: a run's or a service's. */
struct coffer_session;

/* How to connect. Zero it, then set what differs from the defaults. Borrowed during coffer_open only. An
 * empty string counts as NULL, an empty variable as unset; in a set-user-ID program no variable is read. */
struct coffer_options {
	/* "socket": the daemon is asked. "filesystem": what was handed over in a file is all there is; see
	 * bootstrap. NULL: $COFFER_TRANSPORT; if that is unset too: "socket". */
	const char *transport;
	/* Path of the runner socket. NULL: $COFFER_SOCKET, else $SECRETS_API_URL of the form unix:///path. */
	const char *socket;
	/* The token. NULL: the first that coffer_tokens_find finds. Over the filesystem transport there is none. */
	const char *token;
	/* Path of the bootstrap file of the filesystem transport: JSON that coffer run create writes. It must be
	 * a regular file of the caller's own uid, under one name, that nobody else can open; anything else is
	 * refused and left as it is. It is removed before a byte of it is read, so that it serves one session,
	 * good or not; what it held stays in memory that is locked as far as the system lets it be. NULL:
	 * $COFFER_BOOTSTRAP. The socket transport does not look at it. */
	const char *bootstrap;
	/* The run that the token must belong to. NULL: $COFFER_RUN_ID; if that is unset too: any run. */
	const char *run_id;
	/* The program's name and version, for the daemon's log. NULL: "libcoffer/<version>". */
	const char *client;
	/* Whom the caller speaks for; enters the audit log only. NULL: nobody. */
	const char *via;
	/* Deadline of each call in milliseconds. 0: 10,000. */
	int timeout_ms;
	/* The uid that the daemon must run as; it is checked before the token is sent. The default, false,
	 * accepts the superuser, the caller's own uid and the owner of the folder that the socket is in. */
	bool check_uid;
	uint32_t uid;
};

/* Connects and says Hello, or takes the bootstrap file. options may be NULL. On COFFER_OK the caller owns
 * *out and frees it with coffer_close. On failure *out is NULL, unless memory for it could be had: then it is
 * a session without a connection, good for coffer_message alone, and must be closed too.
 * COFFER_INVALID_ARGUMENT: no socket, token or bootstrap file given, or not of their form.
 * COFFER_UNAVAILABLE: nobody answers, or the file cannot be read. COFFER_PERMISSION_DENIED: the daemon's uid is
 * not a trusted one, the token is bound to something that the caller is not, or the file is not the caller's
 * alone. COFFER_UNAUTHENTICATED: the token or the file is not, or no longer, valid, or of another run.
 * COFFER_NOT_FOUND: no run of that id, or no such file. COFFER_DEADLINE_EXCEEDED. COFFER_RESOURCE_EXHAUSTED:
 * no memory, too many connections, or the file is larger than 16 MiB. */
COFFER_MUST_USE coffer_err coffer_open(struct coffer_session **out,
				       const struct coffer_options *options);

/* Closes and wipes. session may be NULL. */
void coffer_close(struct coffer_session *session);

/* What the last call on the session failed of; "" if it did not fail. Valid until the next call on it.
 * session may be NULL, which gives a text about memory. */
const char *coffer_message(const struct coffer_session *session);

/* What Hello, or the bootstrap file, told: the run's id ("" for a service), when the token expires
 * (milliseconds since 1970; 0: a file did not tell), and the i-th scope in the order in which they are
 * searched (NULL from the last on). */
const char *coffer_run_id(const struct coffer_session *session);
int64_t coffer_expires_at_ms(const struct coffer_session *session);
const char *coffer_scope(const struct coffer_session *session, size_t i);

/* The tokens of this process, in the order in which coffer_open looks for one: it takes the first. All of them are
 * secret: whoever passes on an environment or an output takes them out of it. */
struct coffer_token {
	char *text;
	const char *from; /* the variable; NULL: the option */
};
#define COFFER_TOKENS_MAX 3
struct coffer_tokens {
	struct coffer_token items[COFFER_TOKENS_MAX];
	size_t len; /* 0: there is none */
	char message[COFFER_MESSAGE_MAX + 1];
};

/* Finds them: option, where it is not NULL; $COFFER_TOKEN; the content of the file $COFFER_TOKEN_FILE, where one
 * newline at the end is ignored, unless there is one of the former; $SECRETS_API_TOKEN. The file is read once, here,
 * for it may be a pipe: give the token that stands first to coffer_open. Only what the file holds is checked. The
 * caller frees *out with coffer_tokens_free; on failure it has only a message. COFFER_INVALID_ARGUMENT: the file
 * cannot be read or holds no token. COFFER_RESOURCE_EXHAUSTED: no memory. */
COFFER_MUST_USE coffer_err coffer_tokens_find(struct coffer_tokens *out, const char *option);
void coffer_tokens_free(struct coffer_tokens *tokens); /* wipes and empties */

/* The i-th variable that a token, or the name of its file, stands in; NULL from the last on. */
const char *coffer_token_variable(size_t i);

/* A secret's value: len bytes, any of them, and a NUL behind them that does not count. */
struct coffer_value {
	uint8_t *data; /* NULL in an empty struct only; the value itself may have length 0 */
	size_t len;
	uint32_t version;
	char scope[COFFER_SCOPE_MAX + 1]; /* that it came from */
};

/* Fetches one secret. The caller frees *out with coffer_value_free; on failure it is empty.
 * COFFER_INVALID_ARGUMENT: not a name. COFFER_NOT_FOUND. COFFER_PERMISSION_DENIED: outside the run's --allow.
 * COFFER_UNAUTHENTICATED: the run has ended. COFFER_FAILED_PRECONDITION: its value is a file's, which the daemon cannot
 * read. COFFER_UNAVAILABLE, COFFER_DEADLINE_EXCEEDED. A connection that the daemon had closed is opened again, once,
 * by this and all other reading calls. */
COFFER_MUST_USE coffer_err coffer_get(struct coffer_session *session, const char *name,
				      struct coffer_value *out);
void coffer_value_free(struct coffer_value *value); /* wipes and empties; an empty one is fine */

/* Named secrets, sorted as the call states. */
struct coffer_secret {
	char name[COFFER_NAME_MAX + 1];
	struct coffer_value value; /* data is NULL in a listing */
	int64_t updated_at_ms;     /* in a listing only */
};
struct coffer_secrets {
	struct coffer_secret *items;
	size_t len;
};
void coffer_secrets_free(struct coffer_secrets *secrets); /* wipes and empties */

/* Fetches count secrets (1 .. COFFER_BATCH_MAX), in the order of names: all of them, or COFFER_NOT_FOUND with
 * a message that names every missing one. COFFER_FAILED_PRECONDITION: as for coffer_get, of any of them. */
COFFER_MUST_USE coffer_err coffer_get_many(struct coffer_session *session, const char *const *names,
					   size_t count, struct coffer_secrets *out);

/* Every visible secret, sorted by name: without values, and with them, which are all of one state of the store.
 * COFFER_ABORTED: it changed each time while it was read. COFFER_RESOURCE_EXHAUSTED: more than 64 MiB.
 * COFFER_FAILED_PRECONDITION, with values: as for coffer_get, of any of them. */
COFFER_MUST_USE coffer_err coffer_list(struct coffer_session *session, struct coffer_secrets *out);
COFFER_MUST_USE coffer_err coffer_environment(struct coffer_session *session,
					      struct coffer_secrets *out);

/* Waits until a secret that the session may see has been written, rolled back or deleted since the revision
 * after, at most timeout_ms (the session's own deadline comes on top of it; the daemon waits ten minutes at
 * most). *changed tells whether, and *revision is what to wait after next; it may grow without a change.
 * after 0: not to wait, but to learn the revision. A daemon that was restarted meanwhile may report a change
 * that was none. Over the filesystem transport nothing ever changes, and the whole time is waited.
 * COFFER_UNAUTHENTICATED: the run has ended, or the token expired, also while waiting. */
COFFER_MUST_USE coffer_err coffer_wait(struct coffer_session *session, uint64_t after,
				       int timeout_ms, uint64_t *revision, bool *changed);

/* A key and its value, NUL-terminated. */
struct coffer_pair {
	const char *key;
	const char *value;
};

/* What a run is about. Every string is "" where the orchestrator gave none, never NULL. */
struct coffer_bootstrap {
	const char *run_id;
	const char *git_dir;
	const char *pipeline;
	const char *repo;
	const char *ref;
	const char *sha;
	int64_t pushed_at_ms;
	const char *sentry_dsn;
	const char *sentry_trace_id;
	size_t extras_len;
	const struct coffer_pair *extras;
	void *memory; /* what all of the above stands in; the library's */
	size_t memory_len;
};

/* Claims the run's bootstrap data, which is given once: later calls get COFFER_GONE. A reply that is lost on
 * the way is not lost: it is asked for again at once, and if that too fails with COFFER_UNAVAILABLE or
 * COFFER_DEADLINE_EXCEEDED, another coffer_claim on the same session within 30 s still gets it.
 * COFFER_NOT_FOUND: the run has none. */
COFFER_MUST_USE coffer_err coffer_claim(struct coffer_session *session,
					struct coffer_bootstrap *out);
void coffer_bootstrap_free(struct coffer_bootstrap *bootstrap); /* wipes and empties */

COFFER_API_END

#ifdef __cplusplus
}
#endif

#endif
