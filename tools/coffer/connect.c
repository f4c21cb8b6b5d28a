#include "connect.h"

#include "advice.h"
#include "home.h"

#include <stdlib.h>
#include <string.h>

/* A write may have to wait for a bucket, which is given up after some 20 s. */
#define ADMIN_TIMEOUT_MS 30000

bool connect_is_file(void)
{
	const char *transport = getenv("COFFER_TRANSPORT");

	return transport && strcmp(transport, "filesystem") == 0;
}

bool connect_has_token(void)
{
	const char *variable;

	for (size_t i = 0; (variable = coffer_token_variable(i)); i++)
		if (getenv(variable))
			return true;
	return false;
}

bool connect_is_run(void)
{
	return connect_has_token() || connect_is_file();
}

cli_exit connect_admin(const struct cli *cli, struct coffer_admin **out)
{
	char socket[HOME_PATH_MAX];
	cli_exit status;

	*out = NULL;
	if ((status = home_admin_socket(cli, socket)) != CLI_DONE)
		return status;
	coffer_err err = coffer_admin_open(out, socket, ADMIN_TIMEOUT_MS);
	if (err != COFFER_OK) {
		status =
		    cli_result_next(cli, err, coffer_admin_message(*out),
				    err == COFFER_UNAVAILABLE ? advice_connect(socket, true)
							      : advice_operator(cli->verb, err));
		coffer_admin_close(*out);
		*out = NULL;
	}
	return status;
}

cli_exit connect_run(const struct cli *cli, struct coffer_session **out)
{
	*out = NULL;
	if (connect_is_file())
		return cli_refuse(cli,
				  "the bootstrap file serves one session, which this verb would "
				  "use up: start the job with 'coffer exec', or let the job "
				  "itself open the file");
	return connect_run_once(cli, NULL, out);
}

cli_exit connect_run_once(const struct cli *cli, const char *token, struct coffer_session **out)
{
	char socket[HOME_PATH_MAX];
	struct coffer_options options = { .socket = socket,
					  .token = token,
					  .client = "coffer/" COFFER_VERSION };
	cli_exit status;

	*out = NULL;
	if ((status = home_runner_socket(cli, socket)) != CLI_DONE)
		return status;
	coffer_err err = coffer_open(out, &options);
	if (err != COFFER_OK) {
		status = connect_refuse(cli, err, coffer_message(*out), socket);
		coffer_close(*out);
		*out = NULL;
	}
	return status;
}

cli_exit connect_refuse(const struct cli *cli, coffer_err err, const char *message,
			const char *socket)
{
	const char *next = advice_run(cli->verb, err);

	if (err == COFFER_UNAVAILABLE)
		next = advice_connect(socket, false);
	else if (err == COFFER_INVALID_ARGUMENT && !connect_is_run())
		next = "'coffer run create' prints those of a new run";
	return cli_result_next(cli, err, message, next);
}

cli_exit connect_result(const struct cli *cli, const struct coffer_admin *admin, coffer_err err)
{
	return cli_result_next(cli, err, coffer_admin_message(admin),
			       advice_operator(cli->verb, err));
}
