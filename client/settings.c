#include "settings.h"

#include "names.h"

#include <stdlib.h>

#define URL_PREFIX "unix://"

const char *settings_get(const char *option, const char *variable)
{
	const char *value = option != NULL && option[0] != '\0' ? option : secure_getenv(variable);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

coffer_err settings_socket(const char **path, const struct coffer_options *options,
			   struct transport *t)
{
	const char *url;

	*path = settings_get(options->socket, "COFFER_SOCKET");
	if (*path != NULL)
		return COFFER_OK;
	url = settings_get(NULL, "SECRETS_API_URL");
	if (url == NULL)
		return transport_fail(t, COFFER_INVALID_ARGUMENT,
				      "no socket: COFFER_SOCKET is not set, nor is "
				      "SECRETS_API_URL");
	/* The URL is not shown: it may hold a password. */
	if (strncmp(url, URL_PREFIX "/", strlen(URL_PREFIX "/")) != 0)
		return transport_fail(t, COFFER_INVALID_ARGUMENT,
				      "SECRETS_API_URL is not of the form unix:///path, and no "
				      "other is spoken here: over https, start the job with "
				      "'coffer exec'");
	*path = url + strlen(URL_PREFIX);
	return COFFER_OK;
}

coffer_err settings_token(struct slice *token, struct coffer_tokens *tokens,
			  const struct coffer_options *options, struct transport *t)
{
	const char *from;
	coffer_err err = coffer_tokens_find(tokens, options->token);

	*token = SLICE_EMPTY;
	if (err != COFFER_OK)
		return transport_fail(t, err, "%s", tokens->message);
	if (tokens->len == 0)
		return transport_fail(t, COFFER_INVALID_ARGUMENT,
				      "no token: neither COFFER_TOKEN nor COFFER_TOKEN_FILE nor "
				      "SECRETS_API_TOKEN is set");
	*token = slice_str(tokens->items[0].text);
	if (names_is_token(*token))
		return COFFER_OK;
	from = tokens->items[0].from;
	return transport_fail(t, COFFER_INVALID_ARGUMENT,
			      "the token%s%s is not %d letters and digits", from ? " in " : "",
			      from ? from : "", COFFER_TOKEN_LEN);
}
