#include "verbs.h"

#include "connect.h"
#include "options.h"
#include "output.h"
#include "remote.h"

#include <unistd.h>

struct get_options {
	struct coffer_where where;
	struct option_number version;
};

static cli_exit reveal(const struct cli *cli, const struct get_options *options,
		       struct coffer_value *value)
{
	struct coffer_admin *admin = NULL;
	cli_exit status = connect_admin(cli, &admin);

	if (status == CLI_DONE)
		status = connect_result(cli, admin,
					coffer_admin_reveal(admin, &options->where,
							    options->version.value, value));
	coffer_admin_close(admin);
	return status;
}

static cli_exit fetch_remote(const struct cli *cli, const char *url, const char *name,
			     struct coffer_value *value)
{
	struct remote remote;
	cli_exit status = remote_open(cli, &remote, url);

	if (status == CLI_DONE)
		status = cli_result(cli, remote_get_one(&remote, name, value), remote.message);
	remote_close(&remote);
	return status;
}

static cli_exit fetch(const struct cli *cli, const char *name, struct coffer_value *value)
{
	struct coffer_session *session = NULL;
	const char *url = remote_url(cli);
	cli_exit status;

	if (url)
		return fetch_remote(cli, url, name, value);
	status = connect_run(cli, &session);

	if (status == CLI_DONE) {
		coffer_err err = coffer_get(session, name, value);
		status = cli_result(cli, err, coffer_message(session));
	}
	coffer_close(session);
	return status;
}

static cli_exit get(struct cli *cli, int argc, char **argv)
{
	struct get_options options = { 0 };
	const struct option_row rows[] = {
		{ "scope", OPTION_TEXT, { .text = &options.where.scope } },
		{ "version", OPTION_NUMBER, { .number = &options.version } },
		{ "system", OPTION_FLAG, { .flag = &options.where.system } },
	};
	struct option_list operands;
	struct coffer_value value = { 0 };
	cli_exit status;

	if (!options_parse(cli, argc, argv, rows, sizeof(rows) / sizeof(rows[0]), &operands) ||
	    !options_expect(cli, &operands, 1, 1, "NAME"))
		return cli->status;
	options.where.name = operands.items[0];
	if (connect_is_run()) {
		if (options.where.scope || options.version.given || options.where.system)
			return cli_usage(cli, "--scope, --version and --system are for operators, "
					      "but the environment holds a run's token");
		status = fetch(cli, options.where.name, &value);
	} else {
		if (!options.where.scope)
			options.where.scope = "global";
		status = reveal(cli, &options, &value);
	}
	if (status == CLI_DONE)
		status = output_write(cli, (const char *)value.data, value.len);
	if (status == CLI_DONE && isatty(STDOUT_FILENO))
		status = output_write(cli, "\n", 1);
	coffer_value_free(&value);
	return status;
}

const struct command cmd_get = {
	.name = "get",
	.synopsis = "NAME [--scope S] [--version N] [--system]",
	.summary = "print a secret's value, byte for byte",
	.details = "With a token in the environment (COFFER_TOKEN or COFFER_TOKEN_FILE) it is read "
		   "as the run\n"
		   "sees it, without options; else with the operator's authority. A newline is "
		   "added only on\n"
		   "a terminal.\n\n"
		   "  --scope S     global (the default), pipeline/<id>, system/<component>\n"
		   "  --version N   an older version\n"
		   "  --system      allow the scope to be system/<component>\n",
	.run = get,
};
