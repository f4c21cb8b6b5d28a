#include "verbs.h"

#include "connect.h"
#include "options.h"

static cli_exit rm(struct cli *cli, int argc, char **argv)
{
	struct coffer_where where = { .scope = "global" };
	struct option_number if_version = { 0 };
	bool purge = false;
	const struct option_row rows[] = {
		{ "scope", OPTION_TEXT, { .text = &where.scope } },
		{ "purge", OPTION_FLAG, { .flag = &purge } },
		{ "if-version", OPTION_NUMBER, { .number = &if_version } },
		{ "system", OPTION_FLAG, { .flag = &where.system } },
	};
	struct option_list operands;
	struct coffer_admin *admin = NULL;
	cli_exit status;

	if (!options_parse(cli, argc, argv, rows, sizeof(rows) / sizeof(rows[0]), &operands) ||
	    !options_expect(cli, &operands, 1, 1, "NAME"))
		return cli->status;
	where.name = operands.items[0];
	const struct coffer_if_version check = { if_version.given, if_version.value };
	if ((status = connect_admin(cli, &admin)) == CLI_DONE)
		status = connect_result(cli, admin,
					coffer_admin_delete(admin, &where, purge, &check, NULL));
	coffer_admin_close(admin);
	return status;
}

const struct command cmd_rm = {
	.name = "rm",
	.synopsis = "NAME [--scope S] [--purge] [--if-version N] [--system]",
	.summary = "delete a secret; its older versions can be rolled back to",
	.details = "  --scope S        global (the default), pipeline/<id>, system/<component>\n"
		   "  --purge          erase every version: nothing can be rolled back to\n"
		   "  --if-version N   only if the newest version is N\n"
		   "  --system         allow the scope to be system/<component>\n",
	.run = rm,
};
