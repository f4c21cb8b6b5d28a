#include "verbs.h"

#include <coffer/registry.h>

#include "connect.h"
#include "input.h"
#include "options.h"
#include "output.h"
#include "remote.h"

#include <string.h>

static cli_exit resolve_text(const struct cli *cli, const char *path, const struct bytes *text,
			     coffer_source source, void *context)
{
	const char *what = strcmp(path, "-") == 0 ? "standard input" : path;
	struct coffer_registry *registry = NULL;
	struct coffer_value resolved = { 0 };
	coffer_err err = coffer_registry_new(&registry, NULL);
	cli_exit status = CLI_DONE;

	if (err == COFFER_OK) {
		coffer_registry_fallback(registry, source, context);
		err = coffer_resolve_json(registry, text->data, text->len, &resolved);
	}
	if (err != COFFER_OK)
		status = cli_refuse(cli, "%s: %s", what, coffer_registry_message(registry));
	else
		status = output_write(cli, (const char *)resolved.data, resolved.len);
	coffer_value_free(&resolved);
	coffer_registry_free(registry);
	return status;
}

static cli_exit resolve_by_session(const struct cli *cli, const char *path,
				   const struct bytes *text)
{
	struct coffer_session *session = NULL;
	cli_exit status = connect_run_once(cli, NULL, &session);

	if (status == CLI_DONE)
		status = resolve_text(cli, path, text, coffer_session_source, session);
	coffer_close(session);
	return status;
}

static coffer_err find_remote(void *context, const char *name, struct coffer_value *out,
			      const char **why)
{
	struct remote *remote = context;

	*why = remote->message;
	return remote_get_one(remote, name, out);
}

static cli_exit resolve_by_remote(const struct cli *cli, const char *url, const char *path,
				  const struct bytes *text)
{
	struct remote remote;
	cli_exit status = remote_open(cli, &remote, url);

	if (status == CLI_DONE)
		status = resolve_text(cli, path, text, find_remote, &remote);
	remote_close(&remote);
	return status;
}

static cli_exit resolve(struct cli *cli, int argc, char **argv)
{
	struct option_list operands;
	struct bytes text = { 0 };
	const char *path;
	const char *url;
	cli_exit status;

	if (!options_parse(cli, argc, argv, NULL, 0, &operands) ||
	    !options_expect(cli, &operands, 1, 1, "FILE"))
		return cli->status;
	/* The document first: a bootstrap file is not used up for one that cannot be read. */
	path = operands.items[0];
	url = remote_url(cli);
	if ((status = input_file(cli, path, false, &text)) == CLI_DONE)
		status = url ? resolve_by_remote(cli, url, path, &text)
			     : resolve_by_session(cli, path, &text);
	bytes_free(&text);
	return status;
}

const struct command cmd_resolve = {
	.name = "resolve",
	.synopsis = "FILE | -",
	.summary = "print a JSON file with the values of the secrets that it refers to",
	.details =
	    "For a run, with its token in the environment. Every string \"secret:NAME\", however "
	    "deep in\n"
	    "objects and arrays, becomes a string of that secret's value; keys and all other "
	    "bytes stay\n"
	    "as they are, and so does the file. Nothing is printed unless every reference is "
	    "resolved.\n",
	.run = resolve,
};
