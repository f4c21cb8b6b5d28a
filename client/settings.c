#include "settings.h"

#include "names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

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
				      "other is spoken here: over https, ask coffer-http with an "
				      "HTTP client");
	*path = url + strlen(URL_PREFIX);
	return COFFER_OK;
}

static ssize_t read_some(int fd, char *file, size_t *len)
{
	ssize_t n;

	do
		n = read(fd, file + *len, SETTINGS_TOKEN_FILE_MAX - *len);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		*len += (size_t)n;
	return n;
}

static coffer_err read_token_file(struct slice *token, char *file, const char *path,
				  struct transport *t)
{
	coffer_err err = COFFER_OK;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		return transport_fail(t, COFFER_INVALID_ARGUMENT,
				      "cannot open the token file %s: %s", path, strerror(errno));
	while ((n = read_some(fd, file, &len)) > 0)
		;
	if (n < 0)
		err = transport_fail(t, COFFER_INVALID_ARGUMENT,
				     "cannot read the token file %s: %s", path, strerror(errno));
	close(fd);
	if (len > 0 && file[len - 1] == '\n')
		len--;
	*token = (struct slice){ (const uint8_t *)file, len };
	if (err == COFFER_OK && !names_is_token(*token))
		err = transport_fail(t, COFFER_INVALID_ARGUMENT,
				     "the file %s does not hold a token of %d letters and digits",
				     path, COFFER_TOKEN_LEN);
	return err;
}

static coffer_err take_token(struct slice *token, const char *text, const char *from,
			     struct transport *t)
{
	*token = slice_str(text);
	if (names_is_token(*token))
		return COFFER_OK;
	return transport_fail(t, COFFER_INVALID_ARGUMENT,
			      "the token%s is not %d letters and digits", from, COFFER_TOKEN_LEN);
}

coffer_err settings_token(struct slice *token, char file[SETTINGS_TOKEN_FILE_MAX],
			  const struct coffer_options *options, struct transport *t)
{
	const char *option = settings_get(options->token, "COFFER_TOKEN");
	const char *path = settings_get(NULL, "COFFER_TOKEN_FILE");
	const char *last = settings_get(NULL, "SECRETS_API_TOKEN");

	*token = SLICE_EMPTY;
	if (option != NULL)
		return take_token(token, option, option == options->token ? "" : " in COFFER_TOKEN",
				  t);
	if (path != NULL)
		return read_token_file(token, file, path, t);
	if (last != NULL)
		return take_token(token, last, " in SECRETS_API_TOKEN", t);
	return transport_fail(t, COFFER_INVALID_ARGUMENT,
			      "no token: neither COFFER_TOKEN nor COFFER_TOKEN_FILE nor "
			      "SECRETS_API_TOKEN is set");
}
