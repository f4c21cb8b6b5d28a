/* reply.h - what is answered, and how errors of coffer are put into HTTP. Layer: tools. */
#ifndef HTTP_REPLY_H
#define HTTP_REPLY_H

#include <coffer/error.h>
#include <microhttpd.h>
#include <stdbool.h>

#include "body.h"

/* Zero it to begin. */
struct reply {
	unsigned status;
	struct body body;  /* given up when it is sent */
	const char *type;  /* of the body; NULL: JSON */
	const char *allow; /* of a 405: the methods */
	bool bad_token;    /* of a 401: there was one */
	bool close;        /* read no more from the connection */
};

/* The reply becomes an error with that text, whatever it was. Texts are the daemon's own where it has answered. */
void reply_fail(struct reply *reply, unsigned status, const char *text);
void reply_fail_with(struct reply *reply, coffer_err err, const char *text);

/* Queues it; nothing of the body is left when it has gone. Empties the reply. MHD_NO: without memory. */
enum MHD_Result reply_send(struct reply *reply, struct MHD_Connection *connection);

void reply_free(struct reply *reply);

#endif
