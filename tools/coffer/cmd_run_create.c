#include "verbs.h"

#include "connect.h"
#include "handover.h"
#include "home.h"
#include "input.h"
#include "options.h"
#include "output.h"
#include "tell.h"

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
	struct option_number process;
	const char *transport; /* NULL: "socket" */
	const char *file;      /* --bootstrap-file */
	bool filesystem;       /* the transport is that */
	bool json;
};

static cli_exit check_transport(const struct cli *cli, struct create_options *options)
{
	const char *transport = options->transport ? options->transport : "socket";

	options->filesystem = strcmp(transport, "filesystem") == 0;
	if (!options->filesystem && strcmp(transport, "socket") != 0)
		return cli_usage(cli, "option '--transport' needs socket or filesystem");
	if (options->filesystem && !options->file)
		return cli_usage(cli, "the filesystem transport needs --bootstrap-file");
	if (!options->filesystem && options->file && options->spec.no_bootstrap)
		return cli_usage(cli, "--no-bootstrap leaves nothing for --bootstrap-file");
	return CLI_DONE;
}

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
		{ "bind-process", OPTION_NUMBER, { .number = &options->process } },
		{ "secret", OPTION_LIST, { .list = &options->secrets } },
		{ "no-bootstrap", OPTION_FLAG, { .flag = &spec->no_bootstrap } },
		{ "transport", OPTION_TEXT, { .text = &options->transport } },
		{ "bootstrap-file", OPTION_TEXT, { .text = &options->file } },
		{ "json", OPTION_FLAG, { .flag = &options->json } },
	};
	struct option_list operands;

	if (!options_parse(cli, argc, argv, rows, sizeof(rows) / sizeof(rows[0]), &operands) ||
	    !options_expect(cli, &operands, 0, 0, ""))
		return false;
	if (!spec->pipeline || !spec->ref)
		cli->status = cli_usage(cli, "needs %s", spec->pipeline ? "--ref" : "--pipeline");
	else if (options->process.given && options->process.value == 0)
		cli->status = cli_usage(cli, "option '--bind-process' needs a process's number");
	else
		cli->status = check_transport(cli, options);
	return cli->status == CLI_DONE;
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

/* The environment of the runner. A run that is handed over in a file has no token and no socket. */
struct created {
	const struct coffer_run_made *made;
	const char *socket; /* NULL: not to be told, with the token */
	const char *file;   /* NULL: there is none */
};

static cli_exit print_lines(const struct cli *cli, const struct created *created)
{
	struct bytes out = { 0 };

	if (created->socket) {
		tell_line(&out, "COFFER_SOCKET", created->socket);
		tell_line(&out, "COFFER_TOKEN", created->made->token);
	} else {
		tell_line(&out, "COFFER_TRANSPORT", "filesystem");
	}
	if (created->file)
		tell_line(&out, "COFFER_BOOTSTRAP", created->file);
	tell_line(&out, "COFFER_RUN_ID", created->made->run_id);
	return output_send(cli, &out);
}

static cli_exit print_json(const struct cli *cli, const struct created *created)
{
	const struct coffer_run_made *made = created->made;
	json_t *json =
	    json_pack("{s:s, s:I, s:I}", "run_id", made->run_id, "expires_at_ms",
		      (json_int_t)made->expires_at_ms, "superseded", (json_int_t)made->superseded);
	json_t *where = created->socket
			    ? json_pack("{s:o, s:s}", "socket", output_json_text(created->socket),
					"token", made->token)
			    : json_pack("{s:s}", "transport", "filesystem");
	bool ok = json && where && json_object_update(json, where) == 0;

	if (ok && created->file)
		ok = json_object_set_new(json, "bootstrap", output_json_text(created->file)) == 0;
	json_decref(where);
	if (!ok) {
		json_decref(json);
		json = NULL;
	}
	return output_json(cli, json);
}

static cli_exit print(const struct cli *cli, const struct create_options *options,
		      const struct coffer_run_made *made)
{
	char path[HOME_PATH_MAX];
	struct bytes socket = { 0 };
	struct bytes file = { 0 };
	struct created created = { .made = made };
	cli_exit status;

	if ((status = home_runner_socket(cli, path)) != CLI_DONE)
		return status;
	tell_path(&socket, path);
	if (options->file)
		tell_path(&file, options->file);
	created.socket = options->filesystem ? NULL : socket.data;
	created.file = file.data;
	if (socket.failed || file.failed)
		status = cli_refuse(cli, "out of memory");
	else
		status = options->json ? print_json(cli, &created) : print_lines(cli, &created);
	bytes_free(&socket);
	bytes_free(&file);
	return status;
}

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

/* What the run was told to be about, before anybody has claimed it. */
static struct coffer_bootstrap about_of(const struct coffer_run_spec *spec, const char *run_id)
{
	return (struct coffer_bootstrap){
		.run_id = run_id,
		.git_dir = or_empty(spec->git_dir),
		.pipeline = or_empty(spec->pipeline),
		.repo = or_empty(spec->repo),
		.ref = or_empty(spec->ref),
		.sha = or_empty(spec->sha),
		.pushed_at_ms = spec->pushed_at_ms,
		.sentry_dsn = or_empty(spec->sentry_dsn),
		.sentry_trace_id = or_empty(spec->sentry_trace_id),
		.extras = spec->extras,
		.extras_len = spec->extras_len,
	};
}

/* Over the filesystem transport the file is all that the job gets, and to write it is the claim. Else
 * it tells what the run is about and nothing more, and the claim stays the job's. */
static cli_exit hand_over(const struct cli *cli, const struct create_options *options,
			  const struct coffer_run_made *made, struct handover *handover)
{
	const struct coffer_run_spec *spec = &options->spec;
	struct coffer_bootstrap about = about_of(spec, made->run_id);
	cli_exit status = CLI_DONE;

	if (options->filesystem)
		status = handover_take(cli, handover, made, !spec->no_bootstrap);
	if (status != CLI_DONE)
		return status;
	return handover_write(cli, handover,
			      handover_json(handover, made, spec->no_bootstrap ? NULL : &about,
					    spec->allow, spec->allow_len));
}

/* A run that nobody can be told of must not stay. */
static void take_back(const struct cli *cli, struct coffer_admin *admin, const char *run_id)
{
	if (coffer_admin_revoke(admin, run_id) == COFFER_OK)
		cli_warn(cli, "run %s was created and is revoked", run_id);
	else
		cli_warn(cli, "run %s was created and cannot be revoked: %s", run_id,
			 coffer_admin_message(admin));
}

static cli_exit request(const struct cli *cli, struct create_options *options)
{
	struct coffer_run_spec *spec = &options->spec;
	const uint32_t *owner = options->filesystem && spec->bind_uid ? &options->uid.value : NULL;
	struct coffer_admin *admin = NULL;
	struct coffer_run_made made = { 0 };
	struct handover handover = { 0 };
	cli_exit status = connect_admin(cli, &admin);

	/* Who may open the file is bound by its owner; the token is used here alone. */
	if (owner)
		spec->uid = geteuid();
	if (status == CLI_DONE && options->file)
		status = handover_create(cli, &handover, options->file, owner, options->filesystem);
	if (status == CLI_DONE)
		status = connect_result(cli, admin, coffer_admin_create_run(admin, spec, &made));
	if (status == CLI_DONE && options->file)
		status = hand_over(cli, options, &made, &handover);
	if (status == CLI_DONE)
		status = print(cli, options, &made);
	if (status != CLI_DONE && options->file && made.run_id[0])
		take_back(cli, admin, made.run_id);
	handover_end(&handover, status == CLI_DONE);
	coffer_admin_close(admin);
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
	spec->bind_process = options.process.value;
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
	    "of the runner. The token is told this once. Over the filesystem transport: "
	    "COFFER_TRANSPORT=,\n"
	    "COFFER_BOOTSTRAP= and COFFER_RUN_ID=.\n\n"
	    "  --repo U, --sha H, --git-dir D, --pushed-at MS, --sentry-dsn D, --sentry-trace T,\n"
	    "  --extra K=V            what the run is about; --extra any number of times\n"
	    "  --no-bootstrap         the job may not claim any of that\n"
	    "  --secret NAME=@FILE    a secret for this run alone; NAME=- from standard input;\n"
	    "                         any number of times\n"
	    "  --allow GLOB           the run reads matching names only; any number of times\n"
	    "  --ttl 1h               when the token expires: 90s, 15m, 1h, 2d\n"
	    "  --bind-uid N           only processes of this uid can use the token, or the\n"
	    "                         file of the filesystem transport\n"
	    "  --bind-process PID     the run is revoked when this process exits\n"
	    "  --transport socket|filesystem\n"
	    "                         socket, the default; or all that the run may read is handed "
	    "over\n"
	    "                         in the bootstrap file\n"
	    "  --bootstrap-file F     make F, mode 0600; over a socket it holds what the run is "
	    "about only\n"
	    "  --json                 {socket, token, bootstrap, run_id, expires_at_ms, "
	    "superseded}, or\n"
	    "                         {transport, bootstrap, run_id, expires_at_ms, "
	    "superseded}\n",
	.run = create,
};
