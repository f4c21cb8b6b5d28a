/* remote.h - a session over the runner socket: the daemon answers each call. Layer: client. */
#ifndef CLIENT_REMOTE_H
#define CLIENT_REMOTE_H

#include "session.h"

extern const struct session_ops remote_ops;

/* The calls that hand out secrets; see struct session_ops. */
coffer_err remote_get(struct coffer_session *session, const char *name, struct coffer_value *out);
coffer_err remote_get_many(struct coffer_session *session, const char *const *names, size_t count,
			   struct coffer_secrets *out);
coffer_err remote_list(struct coffer_session *session, struct coffer_secrets *out);
coffer_err remote_environment(struct coffer_session *session, struct coffer_secrets *out);

#endif
