#include "verbs.h"

#include "connect.h"
#include "options.h"
#include "output.h"
#include "secrets_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct export
{
	const char *scope;
	const char *output;
	bool system;
	secrets_format format;
};

static cli_exit reveal_all(const struct cli *cli, struct coffer_admin *admin,
			   const struct export *export, const struct coffer_infos *infos,
			   struct coffer_secrets *out)
{
	cli_exit status = CLI_DONE;

	out->items = calloc(infos->len + 1, sizeof(*out->items));
	if (!out->items)
		return cli_refuse(cli, "out of memory");
	for (size_t i = 0; i < infos->len && status == CLI_DONE; i++) {
		struct coffer_where where = { export->scope, infos->items[i].name, export->system };
		struct coffer_secret *secret = &out->items[out->len++];
		memcpy(secret->name, infos->items[i].name, sizeof(secret->name));
		status = connect_result(cli, admin,
					coffer_admin_reveal(admin, &where, 0, &secret->value));
	}
	return status;
}

static cli_exit take(const struct cli *cli, const struct export *export, struct coffer_secrets *out)
{
	struct coffer_admin *admin = NULL;
	struct coffer_infos infos = { 0 };
	cli_exit status = connect_admin(cli, &admin);

	if (status == CLI_DONE)
		status = connect_result(
		    cli, admin, coffer_admin_list(admin, export->scope, export->system, &infos));
	if (status == CLI_DONE)
		status = reveal_all(cli, admin, export, &infos, out);
	coffer_infos_free(&infos);
	coffer_admin_close(admin);
	return status;
}

/* A file that could not be written whole is removed. */
static cli_exit write_file(const struct cli *cli, const char *path, const struct bytes *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return cli_refuse(cli, "cannot create %s: %s", path, strerror(errno));
	cli_exit status = output_write_to(cli, fd, path, text->data, text->len);
	/* Some file systems tell only now that the disk is full. */
	if (close(fd) != 0 && status == CLI_DONE)
		status = cli_refuse(cli, "cannot write to %s: %s", path, strerror(errno));
	if (status != CLI_DONE)
		(void)unlink(path);
	return status;
}

static cli_exit run_export(const struct cli *cli, const struct export *export)
{
	struct coffer_secrets secrets = { 0 };
	struct bytes text = { 0 };
	cli_exit status = take(cli, export, &secrets);

	if (status == CLI_DONE)
		status = secrets_file_write(cli, &secrets, export->format, &text);
	if (status == CLI_DONE && export->output)
		status = write_file(cli, export->output, &text);
	else if (status == CLI_DONE)
		status = output_write(cli, text.data, text.len);
	bytes_free(&text);
	coffer_secrets_free(&secrets);
	return status;
}

static cli_exit export_verb(struct cli *cli, int argc, char **argv)
{
	struct export export = { .scope = "global" };
	const char *name = NULL;
	const struct option_row rows[] = {
		{ "format", OPTION_TEXT, { .text = &name } },
		{ "scope", OPTION_TEXT, { .text = &export.scope } },
		{ "output", OPTION_TEXT, { .text = &export.output } },
		{ "system", OPTION_FLAG, { .flag = &export.system } },
	};
	struct option_list operands;

	if (!options_parse(cli, argc, argv, rows, sizeof(rows) / sizeof(rows[0]), &operands) ||
	    !options_expect(cli, &operands, 0, 0, ""))
		return cli->status;
	if (!name || !secrets_format_find(name, &export.format))
		return cli_usage(cli, "needs --format dotenv, --format json or --format shell");
	if (!export.output && isatty(STDOUT_FILENO))
		return cli_usage(cli, "shows no values on a terminal; use --output FILE or a pipe");
	return run_export(cli, &export);
}

const struct command cmd_export = {
	.name = "export",
	.synopsis = "--format dotenv|json|shell [--scope S] [--output F]",
	.summary = "print every secret of a scope with its value, so that import reads it",
	.details =
	    "All or nothing; each value leaves an audit record of a RevealSecret. A file source\n"
	    "becomes the value that it has now; notes and expiries are left out.\n\n"
	    "  --format F    dotenv, json, or shell: export NAME='VALUE' a line\n"
	    "  --scope S     global (the default), pipeline/<id>, system/<component>\n"
	    "  --output F    into F, which must not exist; mode 0600\n"
	    "  --system      allow the scope to be system/<component>\n",
	.run = export_verb,
};
