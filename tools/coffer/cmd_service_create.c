#include "verbs.h"

#include "connect.h"
#include "home.h"
#include "options.h"
#include "output.h"
#include "tell.h"

#include <string.h>

static cli_exit print_lines(const struct cli *cli, const char *socket,
			    const struct coffer_service_made *made)
{
	struct bytes out = { 0 };

	tell_line(&out, "COFFER_SOCKET", socket);
	tell_line(&out, "COFFER_TOKEN", made->token);
	return output_send(cli, &out);
}

static cli_exit print_json(const struct cli *cli, const char *socket,
			   const struct coffer_service_made *made)
{
	return output_json(cli, json_pack("{s:s, s:o, s:s, s:I}", "id", made->id, "socket",
					  output_json_text(socket), "token", made->token,
					  "expires_at_ms", (json_int_t)made->expires_at_ms));
}

static cli_exit print(const struct cli *cli, const struct coffer_service_made *made, bool json)
{
	char path[HOME_PATH_MAX];
	struct bytes socket = { 0 };
	cli_exit status;

	if ((status = home_runner_socket(cli, path)) != CLI_DONE)
		return status;
	tell_path(&socket, path);
	if (socket.failed)
		status = cli_refuse(cli, "out of memory");
	else
		status =
		    json ? print_json(cli, socket.data, made) : print_lines(cli, socket.data, made);
	bytes_free(&socket);
	return status;
}

/* A token that nobody was told must not stay. */
static void take_back(const struct cli *cli, struct coffer_admin *admin, const char *id)
{
	if (coffer_admin_revoke(admin, id) == COFFER_OK)
		cli_warn(cli, "service %s was created and is revoked", id);
	else
		cli_warn(cli, "service %s was created and cannot be revoked: %s", id,
			 coffer_admin_message(admin));
}

static cli_exit request(const struct cli *cli, const struct coffer_service_spec *spec, bool json)
{
	struct coffer_service_made made = { .id = "" };
	struct coffer_admin *admin = NULL;
	cli_exit status = connect_admin(cli, &admin);

	if (status == CLI_DONE)
		status =
		    connect_result(cli, admin, coffer_admin_create_service(admin, spec, &made));
	if (status == CLI_DONE)
		status = print(cli, &made, json);
	if (status != CLI_DONE && made.id[0])
		take_back(cli, admin, made.id);
	coffer_admin_close(admin);
	coffer_service_made_wipe(&made);
	return status;
}

static cli_exit create(struct cli *cli, int argc, char **argv)
{
	struct coffer_service_spec spec = { .name = NULL };
	struct option_list scopes = { 0 }, allow = { 0 }, operands;
	struct option_number uid = { .given = false };
	bool json = false;
	const struct option_row rows[] = {
		{ "scope", OPTION_LIST, { .list = &scopes } },
		{ "allow", OPTION_LIST, { .list = &allow } },
		{ "ttl", OPTION_DURATION, { .ms = &spec.ttl_ms } },
		{ "bind-uid", OPTION_NUMBER, { .number = &uid } },
		{ "json", OPTION_FLAG, { .flag = &json } },
	};
	cli_exit status;

	if (!options_parse(cli, argc, argv, rows, sizeof(rows) / sizeof(rows[0]), &operands) ||
	    !options_expect(cli, &operands, 1, 1, "NAME")) {
		status = cli->status;
		goto out;
	}
	if (scopes.len == 0) {
		status = cli_usage(cli, "needs --scope");
		goto out;
	}
	spec.name = operands.items[0];
	spec.scopes = (const char *const *)scopes.items;
	spec.scopes_len = scopes.len;
	spec.allow = (const char *const *)allow.items;
	spec.allow_len = allow.len;
	spec.bind_uid = uid.given;
	spec.uid = uid.value;
	status = request(cli, &spec, json);
out:
	options_list_free(&scopes);
	options_list_free(&allow);
	return status;
}

const struct command cmd_service_create = {
	.name = "create",
	.synopsis = "NAME --scope S [option ...]",
	.summary = "create a service; prints its token",
	.details =
	    "Prints COFFER_SOCKET= and COFFER_TOKEN=, each on a line: the environment of the "
	    "service.\n"
	    "The token is told this once.\n\n"
	    "  --scope S      what it reads: global, pipeline/<id> or system/<component>; up to "
	    "8,\n"
	    "                 searched in the order in which they are given\n"
	    "  --allow GLOB   it reads matching names only; any number of times\n"
	    "  --ttl 24h      when the token expires: 90s, 15m, 1h, 30d\n"
	    "  --bind-uid N   only processes of this uid can use the token\n"
	    "  --json         {id, socket, token, expires_at_ms}\n",
	.run = create,
};
