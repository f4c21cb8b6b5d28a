#include "verbs.h"

#include "connect.h"
#include "options.h"
#include "output.h"
#include "table.h"

#include <string.h>

static json_t *service_json(const struct coffer_service *service)
{
	json_t *json = json_pack("{s:s, s:o, s:s, s:o, s:o, s:I, s:I, s:b}", "id", service->id,
				 "name", output_json_text(service->name), "state",
				 coffer_grant_state_name(service->state), "scopes",
				 output_json_words(service->scopes), "allow",
				 output_json_words(service->allow), "created_at_ms",
				 (json_int_t)service->created_at_ms, "expires_at_ms",
				 (json_int_t)service->expires_at_ms, "bind_uid", service->bind_uid);

	if (json && service->bind_uid &&
	    json_object_set_new(json, "uid", json_integer((json_int_t)service->uid)) != 0) {
		json_decref(json);
		return NULL;
	}
	return json;
}

static cli_exit print_json(const struct cli *cli, const struct coffer_services *services)
{
	json_t *json = json_array();

	for (size_t i = 0; json && i < services->len; i++) {
		if (json_array_append_new(json, service_json(&services->items[i])) != 0) {
			json_decref(json);
			json = NULL;
		}
	}
	return output_json(cli, json);
}

static cli_exit print_table(const struct cli *cli, const struct coffer_services *services)
{
	static const char *const header[] = { "SERVICE", "STATE", "EXPIRES", "SCOPES", "ALLOW" };
	struct table table = { .header = header, .columns = 5 };
	char expires[OUTPUT_TIME_LEN];

	for (size_t i = 0; i < services->len; i++) {
		const struct coffer_service *service = &services->items[i];
		output_time(expires, service->expires_at_ms);
		table_add(&table, service->name);
		table_add(&table, coffer_grant_state_name(service->state));
		table_add(&table, expires);
		table_add(&table, service->scopes);
		table_add(&table, service->allow[0] ? service->allow : "*");
	}
	return table_send(cli, &table);
}

static cli_exit list(struct cli *cli, int argc, char **argv)
{
	bool json = false, all = false;
	const struct option_row rows[] = {
		{ "json", OPTION_FLAG, { .flag = &json } },
		{ "all", OPTION_FLAG, { .flag = &all } },
	};
	struct option_list operands;
	struct coffer_services services = { 0 };
	struct coffer_admin *admin = NULL;
	cli_exit status;

	if (!options_parse(cli, argc, argv, rows, 2, &operands) ||
	    !options_expect(cli, &operands, 0, 0, ""))
		return cli->status;
	if ((status = connect_admin(cli, &admin)) == CLI_DONE)
		status =
		    connect_result(cli, admin, coffer_admin_list_services(admin, all, &services));
	if (status == CLI_DONE)
		status = json ? print_json(cli, &services) : print_table(cli, &services);
	coffer_services_free(&services);
	coffer_admin_close(admin);
	return status;
}

/* The id of the live service of that name. */
static cli_exit find(const struct cli *cli, struct coffer_admin *admin, const char *name,
		     char id[COFFER_ID_LEN + 1])
{
	struct coffer_services services = { 0 };
	cli_exit status =
	    connect_result(cli, admin, coffer_admin_find_service(admin, name, &services));

	if (status == CLI_DONE)
		memcpy(id, services.items[0].id, COFFER_ID_LEN + 1);
	coffer_services_free(&services);
	return status;
}

static cli_exit renew(struct cli *cli, int argc, char **argv)
{
	int64_t ttl_ms = 0, expires_at_ms = 0;
	bool json = false;
	const struct option_row rows[] = {
		{ "ttl", OPTION_DURATION, { .ms = &ttl_ms } },
		{ "json", OPTION_FLAG, { .flag = &json } },
	};
	struct option_list operands;
	struct coffer_admin *admin = NULL;
	char id[COFFER_ID_LEN + 1];
	cli_exit status;

	if (!options_parse(cli, argc, argv, rows, 2, &operands) ||
	    !options_expect(cli, &operands, 1, 1, "NAME"))
		return cli->status;
	if ((status = connect_admin(cli, &admin)) == CLI_DONE &&
	    (status = find(cli, admin, operands.items[0], id)) == CLI_DONE)
		status = connect_result(
		    cli, admin, coffer_admin_renew_service(admin, id, ttl_ms, &expires_at_ms));
	if (status == CLI_DONE && json)
		status = output_json(cli, json_pack("{s:I}", "expires_at_ms",
						    (json_int_t)expires_at_ms));
	coffer_admin_close(admin);
	return status;
}

static cli_exit revoke(struct cli *cli, int argc, char **argv)
{
	struct option_list operands;
	struct coffer_admin *admin = NULL;
	char id[COFFER_ID_LEN + 1];
	cli_exit status;

	if (!options_parse(cli, argc, argv, NULL, 0, &operands) ||
	    !options_expect(cli, &operands, 1, 1, "NAME"))
		return cli->status;
	if ((status = connect_admin(cli, &admin)) == CLI_DONE &&
	    (status = find(cli, admin, operands.items[0], id)) == CLI_DONE)
		status = connect_result(cli, admin, coffer_admin_revoke(admin, id));
	coffer_admin_close(admin);
	return status;
}

static const struct command cmd_service_list = {
	.name = "list",
	.synopsis = "[--json] [--all]",
	.summary = "list services, the oldest first",
	.details = "  --json   an array of {id, name, state, scopes, allow, created_at_ms,\n"
		   "           expires_at_ms, bind_uid, uid}\n"
		   "  --all    those that have ended, too\n",
	.run = list,
};

static const struct command cmd_service_renew = {
	.name = "renew",
	.synopsis = "NAME [--ttl D] [--json]",
	.summary = "let a service's token live on; it stays the same",
	.details = "  --ttl 24h   counted from now: 90s, 15m, 1h, 30d\n"
		   "  --json      {expires_at_ms}\n",
	.run = renew,
};

static const struct command cmd_service_revoke = {
	.name = "revoke",
	.synopsis = "NAME",
	.summary = "take a service's authority away at once",
	.run = revoke,
};

static const struct command *const service_verbs[] = {
	&cmd_service_create, &cmd_service_list, &cmd_service_renew, &cmd_service_revoke, NULL,
};

const struct command cmd_service = {
	.name = "service",
	.synopsis = "create | list | renew | revoke ...",
	.summary = "create, list, renew and end services: long-lived callers",
	.subs = service_verbs,
};
