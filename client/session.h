/* session.h - what a session is made of. Layer: client; its public face is coffer/client.h. */
#ifndef CLIENT_SESSION_H
#define CLIENT_SESSION_H

#include <coffer/client.h>

#include "transport.h"

struct coffer_session {
	struct transport transport; /* its greeting is the session's own */
	bool opened;
	char run_id[COFFER_ID_LEN + 1];
	int64_t expires_at_ms;
	char scopes[COFFER_SCOPES_MAX][COFFER_SCOPE_MAX + 1];
	size_t scopes_len;
	uint8_t nonce[COFFER_NONCE_LEN]; /* of a claim whose outcome is not known */
	bool has_nonce;
};

/* Begins a public call. COFFER_FAILED_PRECONDITION if the session was never opened, or in a forked child. */
COFFER_MUST_USE coffer_err session_arm(struct coffer_session *session);

#endif
