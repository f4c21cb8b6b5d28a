/* why.h - asking where a secret would come from. Layer: client; its public face is coffer/why.h. */
#ifndef CLIENT_WHY_H
#define CLIENT_WHY_H

#include <coffer/why.h>

#include "call.h"

/* Asks the daemon of the session's socket; see struct session_ops. */
coffer_err why_remote(struct coffer_session *session, const char *name, struct coffer_answer *out);

/* The exchange of a call that is built, whose reply is a coffer.v1.WhyResponse; ends the call. */
coffer_err why_finish(struct call *call, struct coffer_answer *out);

#endif
