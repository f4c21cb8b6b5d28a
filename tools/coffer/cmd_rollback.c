#include "verbs.h"

#include "connect.h"
#include "options.h"

static cli_exit rollback(struct cli *cli, int argc, char **argv)
{
	struct coffer_where where = { .scope = "global" };
	const struct option_row rows[] = {
		{ "scope", OPTION_TEXT, { .text = &where.scope } },
		{ "system", OPTION_FLAG, { .flag = &where.system } },
	};
	struct option_list operands;
	struct coffer_admin *admin = NULL;
	uint32_t version;
	cli_exit status;

	if (!options_parse(cli, argc, argv, rows, sizeof(rows) / sizeof(rows[0]), &operands) ||
	    !options_expect(cli, &operands, 2, 2, "NAME and VERSION"))
		return cli->status;
	where.name = operands.items[0];
	if (!options_number(operands.items[1], &version) || version == 0)
		return cli_usage(cli, "VERSION is not a number from 1 on");
	if ((status = connect_admin(cli, &admin)) == CLI_DONE)
		status =
		    connect_result(cli, admin, coffer_admin_rollback(admin, &where, version, NULL));
	coffer_admin_close(admin);
	return status;
}

const struct command cmd_rollback = {
	.name = "rollback",
	.synopsis = "NAME VERSION [--scope S] [--system]",
	.summary = "make an older version's value the newest",
	.details = "  --scope S   global (the default), pipeline/<id>, system/<component>\n"
		   "  --system    allow the scope to be system/<component>\n",
	.run = rollback,
};
