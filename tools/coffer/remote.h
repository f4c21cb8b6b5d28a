/* remote.h - a run's secrets from coffer-http, over https. Layer: tools.
 *
 * The program coffer-fetch does the asking: it is started for it and told all through a pipe, so that who uses the socket
 * does not load libcurl. */
#ifndef REMOTE_H
#define REMOTE_H

#include <coffer/client.h>
#include <jansson.h>

#include "cli.h"

/* Where coffer-http is, and who asks it. What it points to is borrowed. */
struct remote {
	const char *url;
	const char *token;           /* NULL: none */
	int timeout_ms;              /* of each request */
	struct coffer_tokens tokens; /* of remote_open */
	char message[COFFER_MESSAGE_MAX + 1];
};

/* $SECRETS_API_URL, if that is where to ask and it is of https or http; else NULL: the daemon is asked itself, or a file
 * hands everything over. */
const char *remote_url(const struct cli *cli);

/* Sets it up to ask url with the environment's token, which is refused with a message if it cannot be had. Close it in
 * either case. */
COFFER_MUST_USE cli_exit remote_open(const struct cli *cli, struct remote *remote, const char *url);
void remote_close(struct remote *remote); /* wipes */

/* Is told what became of one name. On COFFER_OK *value is its own; else remote->message tells. Returns COFFER_OK to go
 * on. */
typedef coffer_err (*remote_take)(void *context, const char *name, coffer_err err,
				  struct coffer_value *value);

/* Asks for count secrets one by one. What fails for all of them, or take returns, is returned:
 * COFFER_INVALID_ARGUMENT: a setting or name is wrong. COFFER_UNAUTHENTICATED: the token is not valid.
 * COFFER_PERMISSION_DENIED: the server's certificate is not trusted. COFFER_UNAVAILABLE, COFFER_DEADLINE_EXCEEDED:
 * nobody answers. COFFER_RESOURCE_EXHAUSTED: memory, or a limit of the server's. COFFER_FAILED_PRECONDITION: coffer-fetch
 * cannot be started. COFFER_INTERNAL: what answers is no coffer-http. */
COFFER_MUST_USE coffer_err remote_get(struct remote *remote, const char *const *names, size_t count,
				      remote_take take, void *context);

/* One of them, which coffer_value_free frees; on failure *out is empty. */
COFFER_MUST_USE coffer_err remote_get_one(struct remote *remote, const char *name,
					  struct coffer_value *out);

/* Every visible secret without its value; on failure *out, which coffer_secrets_free frees, is empty. */
COFFER_MUST_USE coffer_err remote_list(struct remote *remote, struct coffer_secrets *out);

/* As remote_get, for every visible secret. */
COFFER_MUST_USE coffer_err remote_environment(struct remote *remote, remote_take take,
					      void *context);

/* Claims the bootstrap data; the caller drops *out, an object. COFFER_GONE: it was claimed before. Errors as above, and
 * COFFER_NOT_FOUND. It is not known of a claim without an answer whether it was one. */
COFFER_MUST_USE coffer_err remote_claim(struct remote *remote, json_t **out);

#endif
