#include "verbs.h"

#include "connect.h"
#include "home.h"
#include "input.h"
#include "options.h"
#include "output.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct create_options {
	struct coffer_run_spec spec;
	struct option_list extras;
	struct option_list allow;
	struct option_list secrets;
	struct option_number uid;
	bool json;
};

static bool parse(struct cli *cli, int argc, char **argv, struct create_options *options)
{
	struct coffer_run_spec *spec = &options->spec;
	const struct option_row rows[] = {
		{ "pipeline", OPTION_TEXT, { .text = &spec->pipeline } },
		{ "ref", OPTION_TEXT, { .text = &spec->ref } },
		{ "repo", OPTION_TEXT, { .text = &spec->repo } },
		{ "sha", OPTION_TEXT, { .text = &spec->sha } },
		{ "git-dir", OPTION_TEXT, { .text = &spec->git_dir } },
		{ "pushed-at", OPTION_TIME, { .ms = &spec->pushed_at_ms } },
		{ "sentry-dsn", OPTION_TEXT, { .text = &spec->sentry_dsn } },
		{ "sentry-trace", OPTION_TEXT, { .text = &spec->sentry_trace_id } },
		{ "extra", OPTION_LIST, { .list = &options->extras } },
		{ "allow", OPTION_LIST, { .list = &options->allow } },
		{ "ttl", OPTION_DURATION, { .ms = &spec->ttl_ms } },
		{ "bind-uid", OPTION_NUMBER, { .number = &options->uid } },
		{ "secret", OPTION_LIST, { .list = &options->secrets } },
		{ "no-bootstrap", OPTION_FLAG, { .flag = &spec->no_bootstrap } },
		{ "json", OPTION_FLAG, { .flag = &options->json } },
	};
	struct option_list operands;

	if (!options_parse(cli, argc, argv, rows, sizeof(rows) / sizeof(rows[0]), &operands) ||
	    !options_expect(cli, &operands, 0, 0, ""))
		return false;
	if (spec->pipeline && spec->ref)
		return true;
	cli->status = cli_usage(cli, "needs %s", spec->pipeline ? "--ref" : "--pipeline");
	return false;
}

/* "KEY=VALUE", cut in two in place. */
static cli_exit split_extras(const struct cli *cli, const struct option_list *list,
			     struct coffer_pair *pairs)
{
	for (size_t i = 0; i < list->len; i++) {
		char *value = strchr(list->items[i], '=');
		if (!value || value == list->items[i])
			return cli_usage(cli, "option '--extra' needs KEY=VALUE");
		*value++ = '\0';
		pairs[i] = (struct coffer_pair){ list->items[i], value };
	}
	return CLI_DONE;
}

/* The runner may start in another folder than ours. */
static void print_absolute(struct bytes *out, const char *path)
{
	char folder[HOME_PATH_MAX];

	if (path[0] != '/' && getcwd(folder, sizeof(folder)))
		bytes_print(out, "%s/", folder);
	bytes_print(out, "%s", path);
	bytes_append(out, "", 1);
}

/* Whether a shell would take text for one word as it stands. */
static bool is_plain(const char *text)
{
	return text[0] && text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					    "0123456789/._+:@%,-")] == '\0';
}

static cli_exit print_lines(const struct cli *cli, const char *socket,
			    const struct coffer_run_made *made)
{
	struct bytes out = { 0 };

	bytes_print(&out, "COFFER_SOCKET=");
	if (is_plain(socket))
		bytes_print(&out, "%s", socket);
	else
		bytes_quote(&out, socket);
	bytes_print(&out, "\nCOFFER_TOKEN=%s\nCOFFER_RUN_ID=%s\n", made->token, made->run_id);
	return output_send(cli, &out);
}

static cli_exit print(const struct cli *cli, const struct coffer_run_made *made, bool json)
{
	char path[HOME_PATH_MAX];
	struct bytes socket = { 0 };
	cli_exit status;

	if ((status = home_runner_socket(cli, path)) != CLI_DONE)
		return status;
	print_absolute(&socket, path);
	if (socket.failed)
		status = cli_refuse(cli, "out of memory");
	else if (json)
		status = output_json(
		    cli, json_pack("{s:o, s:s, s:s, s:I, s:I}", "socket",
				   output_json_text(socket.data), "token", made->token, "run_id",
				   made->run_id, "expires_at_ms", (json_int_t)made->expires_at_ms,
				   "superseded", (json_int_t)made->superseded));
	else
		status = print_lines(cli, socket.data, made);
	bytes_free(&socket);
	return status;
}

static cli_exit request(const struct cli *cli, const struct create_options *options)
{
	struct coffer_admin *admin = NULL;
	struct coffer_run_made made = { 0 };
	cli_exit status = connect_admin(cli, &admin);

	if (status == CLI_DONE)
		status = connect_result(cli, admin,
					coffer_admin_create_run(admin, &options->spec, &made));
	coffer_admin_close(admin);
	if (status == CLI_DONE)
		status = print(cli, &made, options->json);
	coffer_run_made_wipe(&made);
	return status;
}

static cli_exit create(struct cli *cli, int argc, char **argv)
{
	struct create_options options = { 0 };
	struct coffer_run_spec *spec = &options.spec;
	struct inputs inputs = { 0 };
	struct coffer_pair *pairs = NULL;
	cli_exit status;

	if (!parse(cli, argc, argv, &options)) {
		status = cli->status;
		goto out;
	}
	if (!(pairs = calloc(options.extras.len + 1, sizeof(*pairs)))) {
		status = cli_refuse(cli, "out of memory");
		goto out;
	}
	if ((status = split_extras(cli, &options.extras, pairs)) != CLI_DONE ||
	    (status = input_assignments(cli, options.secrets.items, options.secrets.len, false,
					&inputs)) != CLI_DONE)
		goto out;
	spec->extras = pairs;
	spec->extras_len = options.extras.len;
	spec->allow = (const char *const *)options.allow.items;
	spec->allow_len = options.allow.len;
	spec->bind_uid = options.uid.given;
	spec->uid = options.uid.value;
	spec->secrets = inputs.writes;
	spec->secrets_len = inputs.len;
	status = request(cli, &options);
out:
	input_free(&inputs);
	free(pairs);
	options_list_free(&options.extras);
	options_list_free(&options.allow);
	options_list_free(&options.secrets);
	return status;
}

const struct command cmd_run_create = {
	.name = "create",
	.synopsis = "--pipeline P --ref R [option ...]",
	.summary = "create a run, and end the one of the same pipeline and ref; prints its token",
	.details =
	    "Prints COFFER_SOCKET=, COFFER_TOKEN= and COFFER_RUN_ID=, each on a line: the "
	    "environment\n"
	    "of the runner. The token is told this once.\n\n"
	    "  --repo U, --sha H, --git-dir D, --pushed-at MS, --sentry-dsn D, --sentry-trace T,\n"
	    "  --extra K=V            what the run is about; --extra any number of times\n"
	    "  --no-bootstrap         the job may not claim any of that\n"
	    "  --secret NAME=@FILE    a secret for this run alone; NAME=- from standard input;\n"
	    "                         any number of times\n"
	    "  --allow GLOB           the run reads matching names only; any number of times\n"
	    "  --ttl 1h               when the token expires: 90s, 15m, 1h, 2d\n"
	    "  --bind-uid N           only processes of this uid can use the token\n"
	    "  --json                 {socket, token, run_id, expires_at_ms, superseded}\n",
	.run = create,
};
