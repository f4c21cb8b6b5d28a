#include "verbs.h"

#include "connect.h"
#include "options.h"
#include "output.h"

#include <inttypes.h>

static cli_exit print(const struct cli *cli, const struct coffer_migrations *moves, bool dry_run)
{
	struct bytes out = { 0 };
	size_t kept = 0;

	for (size_t i = 0; i < moves->len; i++) {
		const struct coffer_migration *move = &moves->items[i];
		bytes_print(&out, "global/");
		bytes_clean(&out, move->name);
		bytes_print(&out, move->kept ? " stays: there is " : " -> ");
		bytes_clean(&out, move->scope);
		bytes_print(&out, "/");
		bytes_clean(&out, move->name);
		if (move->version > 0)
			bytes_print(&out, "@%" PRIu32, move->version);
		bytes_print(&out, "\n");
		kept += move->kept;
	}
	bytes_print(&out, "%zu %s, %zu left as they are\n", moves->len - kept,
		    dry_run ? "to move" : "moved", kept);
	return output_send(cli, &out);
}

static cli_exit print_json(const struct cli *cli, const struct coffer_migrations *moves)
{
	json_t *json = json_array();

	for (size_t i = 0; json && i < moves->len; i++) {
		const struct coffer_migration *move = &moves->items[i];
		json_t *item =
		    json_pack("{s:o, s:o, s:I, s:b}", "name", output_json_text(move->name), "scope",
			      output_json_text(move->scope), "version", (json_int_t)move->version,
			      "kept", move->kept);
		if (json_array_append_new(json, item) != 0) {
			json_decref(json);
			json = NULL;
		}
	}
	return output_json(cli, json);
}

/* What was moved before a failure is told, too. */
static cli_exit move_all(const struct cli *cli, struct coffer_admin *admin,
			 const struct option_list *rules, bool dry_run, bool json)
{
	struct coffer_migrations moves;
	coffer_err err = coffer_admin_migrate(admin, (const char *const *)rules->items, rules->len,
					      dry_run, &moves);
	cli_exit status = CLI_DONE;

	if (err == COFFER_OK || moves.len > 0)
		status = json ? print_json(cli, &moves) : print(cli, &moves, dry_run);
	coffer_migrations_free(&moves);
	return err == COFFER_OK ? status : connect_result(cli, admin, err);
}

static cli_exit migrate(struct cli *cli, int argc, char **argv)
{
	struct option_list rules = { 0 }, operands;
	bool dry_run = false, json = false;
	const struct option_row rows[] = {
		{ "dry-run", OPTION_FLAG, { .flag = &dry_run } },
		{ "rule", OPTION_LIST, { .list = &rules } },
		{ "json", OPTION_FLAG, { .flag = &json } },
	};
	struct coffer_admin *admin = NULL;
	cli_exit status;

	if (!options_parse(cli, argc, argv, rows, 3, &operands) ||
	    !options_expect(cli, &operands, 0, 0, "")) {
		status = cli->status;
	} else if ((status = connect_admin(cli, &admin)) == CLI_DONE) {
		status = move_all(cli, admin, &rules, dry_run, json);
	}
	options_list_free(&rules);
	coffer_admin_close(admin);
	return status;
}

const struct command cmd_migrate = {
	.name = "migrate",
	.synopsis = "[--dry-run] [--rule PATTERN=COMPONENT...] [--json]",
	.summary = "move secrets of a flat store to the components of the system",
	.details = "  --dry-run                  tell what would be moved, and move nothing\n"
		   "  --rule PATTERN=COMPONENT   before the rules that are built in, instead of "
		   "those of the\n"
		   "                             daemon's settings; may be repeated\n"
		   "  --json                     an array of {name, scope, version, kept}\n",
	.run = migrate,
};
