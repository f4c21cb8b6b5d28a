/* session.h - what a session is made of. Layer: client; its public face is coffer/client.h. */
#ifndef CLIENT_SESSION_H
#define CLIENT_SESSION_H

#include <coffer/why.h>

#include "bundle.h"
#include "transport.h"

/* How the calls of a session are answered: by the daemon, or out of what a file held. Each does what the
 * public function of its name promises, in a session that is armed, with *out emptied and arguments that
 * are in range. */
struct session_ops {
	const char *transport;
	coffer_err (*open)(struct coffer_session *session, const struct coffer_options *options);
	coffer_err (*claim)(struct coffer_session *session, struct coffer_bootstrap *out);
	coffer_err (*get)(struct coffer_session *session, const char *name,
			  struct coffer_value *out);
	coffer_err (*get_many)(struct coffer_session *session, const char *const *names,
			       size_t count, struct coffer_secrets *out);
	coffer_err (*list)(struct coffer_session *session, struct coffer_secrets *out);
	coffer_err (*environment)(struct coffer_session *session, struct coffer_secrets *out);
	coffer_err (*wait)(struct coffer_session *session, uint64_t after, int timeout_ms,
			   uint64_t *revision, bool *changed);
	coffer_err (*why)(struct coffer_session *session, const char *name,
			  struct coffer_answer *out); /* NULL: nobody is there to ask */
};

struct coffer_session {
	const struct session_ops *ops; /* NULL: could not be opened */
	struct transport
	    transport;        /* its greeting is the session's own; with a file it is only armed and
				       told failures */
	struct bundle bundle; /* what a file held; else empty */
	char run_id[COFFER_ID_LEN + 1];
	int64_t expires_at_ms;
	char scopes[COFFER_SCOPES_MAX][COFFER_SCOPE_MAX + 1];
	size_t scopes_len;
	uint8_t nonce[COFFER_NONCE_LEN]; /* of a claim whose outcome is not known */
	bool has_nonce;
};

/* Adds a scope. COFFER_INTERNAL: it is not of its form, or there are too many. */
COFFER_MUST_USE coffer_err session_add_scope(struct coffer_session *session, struct slice scope);

#endif
