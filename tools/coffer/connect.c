#include "connect.h"

#include "home.h"

#include <stdlib.h>
#include <string.h>

static bool is_file(void)
{
	const char *transport = getenv("COFFER_TRANSPORT");

	return transport && strcmp(transport, "filesystem") == 0;
}

bool connect_is_run(void)
{
	return getenv("COFFER_TOKEN") || getenv("COFFER_TOKEN_FILE") ||
	       getenv("SECRETS_API_TOKEN") || is_file();
}

cli_exit connect_admin(const struct cli *cli, struct coffer_admin **out)
{
	char socket[HOME_PATH_MAX];
	cli_exit status;

	*out = NULL;
	if ((status = home_admin_socket(cli, socket)) != CLI_DONE)
		return status;
	coffer_err err = coffer_admin_open(out, socket, 0);
	if (err != COFFER_OK) {
		status = connect_result(cli, *out, err);
		coffer_admin_close(*out);
		*out = NULL;
	}
	return status;
}

cli_exit connect_run(const struct cli *cli, struct coffer_session **out)
{
	*out = NULL;
	if (is_file())
		return cli_refuse(cli,
				  "the bootstrap file serves one session, which this verb would "
				  "use up: start the job with 'coffer exec', or let the job "
				  "itself open the file");
	return connect_run_once(cli, out);
}

cli_exit connect_run_once(const struct cli *cli, struct coffer_session **out)
{
	char socket[HOME_PATH_MAX];
	struct coffer_options options = { .socket = socket, .client = "coffer/" COFFER_VERSION };
	cli_exit status;

	*out = NULL;
	if ((status = home_runner_socket(cli, socket)) != CLI_DONE)
		return status;
	coffer_err err = coffer_open(out, &options);
	if (err != COFFER_OK) {
		status = cli_result(cli, err, coffer_message(*out));
		coffer_close(*out);
		*out = NULL;
	}
	return status;
}

cli_exit connect_result(const struct cli *cli, const struct coffer_admin *admin, coffer_err err)
{
	return cli_result(cli, err, coffer_admin_message(admin));
}
