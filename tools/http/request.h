/* request.h - one request, with all that could be read in two ways refused. Layer: tools. */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include <coffer/limits.h>
#include <microhttpd.h>
#include <stdbool.h>

#include "address.h"
#include "path.h"
#include "reply.h"

/* An address, '/', and the subject of a certificate. */
#define REQUEST_CALLER_LEN 512

struct request {
	const char *method; /* libmicrohttpd's */
	struct path path;
	bool has_route; /* the path may be one */
	bool has_token;
	bool bad_token; /* there is something else where it should be */
	char token[COFFER_TOKEN_LEN + 1];
	struct address peer;
	char caller[REQUEST_CALLER_LEN]; /* who asks, for the audit log and ours */
};

/* As libmicrohttpd gives it. */
struct request_line {
	const char *method, *url, *version;
};

/* What a server answers to. */
struct request_rules {
	const char *allowed_hosts; /* see host.h */
	bool tls;
};

/* Whether the request's head has a word of a body: then request_read refuses it. */
bool request_has_body(struct MHD_Connection *connection);

/* Reads the request's head. False: reply says why not. The token is taken out of libmicrohttpd's buffer, not
 * copied; wipe the request. */
bool request_read(struct request *out, struct MHD_Connection *connection,
		  const struct request_line *line, const struct request_rules *rules,
		  struct reply *reply);
void request_wipe(struct request *request);

#endif
