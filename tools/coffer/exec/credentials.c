#include "credentials.h"

#include "connect.h"
#include "options.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *find(const char *name)
{
	const char *value = getenv(name);

	return value && value[0] ? value : NULL;
}

/* A descriptor that the token is read from would be the command's, too, which could read it again. */
static void keep_descriptor(const char *path)
{
	static const char *const folders[] = { "/dev/fd/", "/proc/self/fd/" };
	uint32_t fd;

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		size_t len = strlen(folders[i]);

		if (strncmp(path, folders[i], len) == 0 && options_number(path + len, &fd) &&
		    fd > STDERR_FILENO && fd <= INT_MAX)
			(void)fcntl((int)fd, F_SETFD, FD_CLOEXEC);
	}
}

cli_exit credentials_read(const struct cli *cli, struct credentials *out)
{
	const char *transport = find("COFFER_TRANSPORT");
	const char *path = find("COFFER_TOKEN_FILE");
	coffer_err err;

	out->given = connect_has_token();
	out->bootstrap = NULL;
	if (path)
		keep_descriptor(path);
	if ((err = coffer_tokens_find(&out->tokens, NULL)) != COFFER_OK)
		return cli_result(cli, err, out->tokens.message);
	path = find("COFFER_BOOTSTRAP");
	if (!transport || strcmp(transport, "filesystem") != 0 || !path ||
	    (out->bootstrap = strdup(path)))
		return CLI_DONE;
	credentials_free(out);
	return cli_refuse(cli, "out of memory");
}

void credentials_free(struct credentials *credentials)
{
	coffer_tokens_free(&credentials->tokens);
	free(credentials->bootstrap);
	credentials->bootstrap = NULL;
}
