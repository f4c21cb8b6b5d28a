#include "credentials.h"

#include "input.h"
#include "options.h"

#include <coffer/limits.h>
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

static cli_exit copy(const struct cli *cli, const char *text, struct bytes *out)
{
	if (text)
		bytes_append(out, text, strlen(text) + 1);
	return out->failed ? cli_refuse(cli, "out of memory") : CLI_DONE;
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

static cli_exit read_token(const struct cli *cli, struct bytes *out)
{
	const char *path = find("COFFER_TOKEN_FILE");
	cli_exit status;

	if (find("COFFER_TOKEN"))
		return copy(cli, find("COFFER_TOKEN"), out);
	if (!path)
		return copy(cli, find("SECRETS_API_TOKEN"), out);
	keep_descriptor(path);
	if ((status = input_file(cli, path, true, out)) != CLI_DONE)
		return status;
	if (out->len != COFFER_TOKEN_LEN)
		return cli_refuse(cli, "the file %s does not hold a token of %d letters and digits",
				  path, COFFER_TOKEN_LEN);
	return copy(cli, "", out);
}

cli_exit credentials_read(const struct cli *cli, struct credentials *out)
{
	const char *transport = find("COFFER_TRANSPORT");
	cli_exit status;

	*out =
	    (struct credentials){ .given = getenv("COFFER_TOKEN") || getenv("COFFER_TOKEN_FILE") ||
					   getenv("SECRETS_API_TOKEN") };
	status = read_token(cli, &out->token);
	if (status == CLI_DONE && transport && strcmp(transport, "filesystem") == 0)
		status = copy(cli, find("COFFER_BOOTSTRAP"), &out->bootstrap);
	if (status != CLI_DONE)
		credentials_free(out);
	return status;
}

void credentials_free(struct credentials *credentials)
{
	bytes_free(&credentials->token);
	bytes_free(&credentials->bootstrap);
}
