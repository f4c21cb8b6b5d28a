#include "verbs.h"

#include "connect.h"
#include "options.h"
#include "output.h"
#include "secret_json.h"
#include "table.h"

#include <stdio.h>

static cli_exit print_json(const struct cli *cli, const struct coffer_infos *infos)
{
	json_t *json = json_array();
	bool ok = json != NULL;

	for (size_t i = 0; ok && i < infos->len; i++) {
		json_t *item = secret_json(&infos->items[i]);
		ok = json_object_set_new(item, "deleted", json_boolean(infos->items[i].deleted)) ==
			 0 &&
		     json_array_append(json, item) == 0;
		json_decref(item);
	}
	if (!ok) {
		json_decref(json);
		json = NULL;
	}
	return output_json(cli, json);
}

static const char *state_of(const struct coffer_info *info)
{
	if (!info->deleted)
		return "set";
	return info->expires_at_ms ? "expired" : "deleted";
}

static cli_exit print_table(const struct cli *cli, const struct coffer_infos *infos)
{
	static const char *const header[] = { "VERSION", "UPDATED", "STATE",
					      "EXPIRES", "SOURCE",  "NOTE" };
	struct table table = { .header = header, .columns = 6 };
	char number[16];
	char time[OUTPUT_TIME_LEN];

	for (size_t i = 0; i < infos->len; i++) {
		const struct coffer_info *info = &infos->items[i];
		snprintf(number, sizeof(number), "%u", info->version);
		output_time(time, info->updated_at_ms);
		table_add(&table, number);
		table_add(&table, time);
		table_add(&table, state_of(info));
		output_time(time, info->expires_at_ms);
		table_add(&table, time);
		table_add(&table, info->source ? info->source : "");
		table_add(&table, info->note ? info->note : "");
	}
	return table_send(cli, &table);
}

static cli_exit history(struct cli *cli, int argc, char **argv)
{
	struct coffer_where where = { .scope = "global" };
	bool json = false;
	const struct option_row rows[] = {
		{ "scope", OPTION_TEXT, { .text = &where.scope } },
		{ "system", OPTION_FLAG, { .flag = &where.system } },
		{ "json", OPTION_FLAG, { .flag = &json } },
	};
	struct option_list operands;
	struct coffer_admin *admin = NULL;
	struct coffer_infos infos = { 0 };
	cli_exit status;

	if (!options_parse(cli, argc, argv, rows, sizeof(rows) / sizeof(rows[0]), &operands) ||
	    !options_expect(cli, &operands, 1, 1, "NAME"))
		return cli->status;
	where.name = operands.items[0];
	if ((status = connect_admin(cli, &admin)) == CLI_DONE)
		status = connect_result(cli, admin, coffer_admin_history(admin, &where, &infos));
	if (status == CLI_DONE)
		status = json ? print_json(cli, &infos) : print_table(cli, &infos);
	coffer_infos_free(&infos);
	coffer_admin_close(admin);
	return status;
}

const struct command cmd_history = {
	.name = "history",
	.synopsis = "NAME [--scope S] [--system] [--json]",
	.summary = "list the kept versions of a secret, newest first",
	.details =
	    "  --scope S   global (the default), pipeline/<id>, system/<component>\n"
	    "  --system    allow the scope to be system/<component>\n"
	    "  --json      an array of {scope, name, version, updated_at_ms, expires_at_ms,\n"
	    "              note, source, deleted}\n",
	.run = history,
};
