#include "verbs.h"

#include "connect.h"
#include "options.h"
#include "output.h"
#include "remote.h"
#include "secret_json.h"
#include "table.h"

#include <stdio.h>

/* A listing being printed: as a table, or as JSON if json is not NULL. */
struct listing {
	struct table table;
	json_t *json;
	bool detailed;
};

static void add_json(struct listing *listing, json_t *item)
{
	if (json_array_append_new(listing->json, item) != 0)
		listing->table.cells.failed = true;
}

static void add_row(struct listing *listing, const char *scope, const char *name, uint32_t version,
		    int64_t updated_at_ms)
{
	char number[16];
	char time[OUTPUT_TIME_LEN];

	snprintf(number, sizeof(number), "%u", version);
	output_time(time, updated_at_ms);
	table_add(&listing->table, scope);
	table_add(&listing->table, name);
	table_add(&listing->table, number);
	table_add(&listing->table, time);
}

static void add(struct listing *listing, const struct coffer_info *info)
{
	char time[OUTPUT_TIME_LEN];

	if (listing->json) {
		add_json(listing, secret_json(info));
		return;
	}
	add_row(listing, info->scope, info->name, info->version, info->updated_at_ms);
	if (!listing->detailed)
		return;
	output_time(time, info->expires_at_ms);
	table_add(&listing->table, time);
	table_add(&listing->table, info->source ? info->source : "");
	table_add(&listing->table, info->note ? info->note : "");
}

/* What a run is told. */
static void add_visible(struct listing *listing, const struct coffer_secret *secret)
{
	const char *scope = secret->value.scope;

	if (listing->json)
		add_json(listing,
			 json_pack("{s:o, s:o, s:I, s:I}", "scope", output_json_text(scope), "name",
				   output_json_text(secret->name), "version",
				   (json_int_t)secret->value.version, "updated_at_ms",
				   (json_int_t)secret->updated_at_ms));
	else
		add_row(listing, scope, secret->name, secret->value.version, secret->updated_at_ms);
}

static cli_exit list_all(const struct cli *cli, const char *scope, bool system,
			 struct listing *listing)
{
	struct coffer_admin *admin = NULL;
	struct coffer_infos infos = { 0 };
	cli_exit status = connect_admin(cli, &admin);

	if (status == CLI_DONE)
		status =
		    connect_result(cli, admin, coffer_admin_list(admin, scope, system, &infos));
	for (size_t i = 0; i < infos.len; i++)
		add(listing, &infos.items[i]);
	coffer_infos_free(&infos);
	coffer_admin_close(admin);
	return status;
}

static cli_exit fetch_visible(const struct cli *cli, struct coffer_secrets *secrets)
{
	struct coffer_session *session = NULL;
	cli_exit status = connect_run(cli, &session);

	if (status == CLI_DONE) {
		coffer_err err = coffer_list(session, secrets);
		status = cli_result(cli, err, coffer_message(session));
	}
	coffer_close(session);
	return status;
}

static cli_exit fetch_remote(const struct cli *cli, const char *url, struct coffer_secrets *secrets)
{
	struct remote remote;
	cli_exit status = remote_open(cli, &remote, url);

	if (status == CLI_DONE)
		status = cli_result(cli, remote_list(&remote, secrets), remote.message);
	remote_close(&remote);
	return status;
}

static cli_exit list_visible(const struct cli *cli, struct listing *listing)
{
	struct coffer_secrets secrets = { 0 };
	const char *url = remote_url(cli);
	cli_exit status = url ? fetch_remote(cli, url, &secrets) : fetch_visible(cli, &secrets);

	for (size_t i = 0; i < secrets.len; i++)
		add_visible(listing, &secrets.items[i]);
	coffer_secrets_free(&secrets);
	return status;
}

static cli_exit print(const struct cli *cli, struct listing *listing)
{
	if (listing->json && listing->table.cells.failed)
		return cli_refuse(cli, "out of memory");
	if (!listing->json)
		return table_send(cli, &listing->table);
	return output_json(cli, json_incref(listing->json));
}

static cli_exit ls(struct cli *cli, int argc, char **argv)
{
	static const char *const header[] = { "SCOPE",   "NAME",   "VERSION", "UPDATED",
					      "EXPIRES", "SOURCE", "NOTE" };
	struct listing listing = { .table = { .header = header, .columns = 4 } };
	const char *scope = NULL;
	bool system = false;
	bool json = false;
	const struct option_row rows[] = {
		{ "scope", OPTION_TEXT, { .text = &scope } },
		{ "system", OPTION_FLAG, { .flag = &system } },
		{ "long", OPTION_FLAG, { .flag = &listing.detailed } },
		{ "l", OPTION_FLAG, { .flag = &listing.detailed } },
		{ "json", OPTION_FLAG, { .flag = &json } },
	};
	struct option_list operands;
	cli_exit status;

	if (!options_parse(cli, argc, argv, rows, sizeof(rows) / sizeof(rows[0]), &operands) ||
	    !options_expect(cli, &operands, 0, 0, ""))
		return cli->status;
	if (connect_is_run() && (scope || system || listing.detailed))
		return cli_usage(cli, "--scope, --system and --long are for operators, but the "
				      "environment holds a run's token");
	listing.table.columns = listing.detailed ? 7 : 4;
	if (json && !(listing.json = json_array()))
		return cli_refuse(cli, "out of memory");
	if (connect_is_run())
		status = list_visible(cli, &listing);
	else
		status = list_all(cli, scope, system, &listing);
	if (status == CLI_DONE)
		status = print(cli, &listing);
	bytes_free(&listing.table.cells);
	json_decref(listing.json);
	return status;
}

const struct command cmd_ls = {
	.name = "ls",
	.synopsis = "[--scope S] [--system] [-l] [--json]",
	.summary = "list secrets: scope, name, version, time of the last change",
	.details =
	    "With a token in the environment: what that run can read.\n\n"
	    "  --scope S   of one scope only\n"
	    "  --system    system/<component> too\n"
	    "  -l, --long  expiry, source and note as well\n"
	    "  --json      an array of {scope, name, version, updated_at_ms, expires_at_ms,\n"
	    "              note, source}, for a run without the last three\n",
	.run = ls,
};
