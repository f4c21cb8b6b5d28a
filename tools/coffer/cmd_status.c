#include "verbs.h"

#include "connect.h"
#include "options.h"
#include "output.h"

#include <inttypes.h>

static json_t *methods_json(const struct coffer_status *status)
{
	json_t *json = json_array();

	for (size_t i = 0; json && i < status->methods_len; i++) {
		const struct coffer_method_status *method = &status->methods[i];
		if (json_array_append_new(json, json_pack("{s:o, s:I, s:I}", "method",
							  output_json_text(method->method), "calls",
							  (json_int_t)method->calls, "errors",
							  (json_int_t)method->errors)) != 0) {
			json_decref(json);
			return NULL;
		}
	}
	return json;
}

static cli_exit print_json(const struct cli *cli, const struct coffer_status *status)
{
	return output_json(
	    cli,
	    json_pack("{s:o, s:o, s:I, s:I, s:I, s:I, s:b, s:I, s:I, s:I, s:b, s:I, s:o}", "server",
		      output_json_text(status->server), "cipher", output_json_text(status->cipher),
		      "started_at_ms", (json_int_t)status->started_at_ms, "connections",
		      (json_int_t)status->connections, "revision", (json_int_t)status->revision,
		      "audit_seq", (json_int_t)status->audit_seq, "audit_writable",
		      status->audit_writable, "arena_used", (json_int_t)status->arena_used,
		      "arena_size", (json_int_t)status->arena_size, "key_epoch",
		      (json_int_t)status->key_epoch, "key_rotating", status->key_rotating,
		      "backup_at_ms", (json_int_t)status->backup_at_ms, "methods",
		      methods_json(status)));
}

static cli_exit print_lines(const struct cli *cli, const struct coffer_status *status)
{
	struct bytes out = { 0 };
	char started[OUTPUT_TIME_LEN], backup[OUTPUT_TIME_LEN];

	output_time(started, status->started_at_ms);
	output_time(backup, status->backup_at_ms);
	bytes_print(&out, "server       ");
	bytes_clean(&out, status->server);
	bytes_print(&out, "\ncipher       ");
	bytes_clean(&out, status->cipher);
	bytes_print(&out, "\nstarted      %s\nconnections  %" PRIu32 "\nrevision     %" PRIu64 "\n",
		    started, status->connections, status->revision);
	bytes_print(&out, "audit        record %" PRIu64 ", %s\n", status->audit_seq,
		    status->audit_writable ? "writable" : "NOT WRITABLE: requests are refused");
	bytes_print(&out, "memory       %" PRIu64 " of %" PRIu64 " locked bytes\n",
		    status->arena_used, status->arena_size);
	bytes_print(&out, "root key     number %" PRIu32 "%s\n", status->key_epoch,
		    status->key_rotating ? ", secrets are being sealed under it" : "");
	bytes_print(&out, "last backup  %s\n", backup);
	for (size_t i = 0; i < status->methods_len; i++) {
		bytes_print(&out, "method       ");
		bytes_clean(&out, status->methods[i].method);
		bytes_print(&out, " %" PRIu64 " calls, %" PRIu64 " errors\n",
			    status->methods[i].calls, status->methods[i].errors);
	}
	return output_send(cli, &out);
}

static cli_exit show_status(struct cli *cli, int argc, char **argv)
{
	bool json = false;
	const struct option_row rows[] = { { "json", OPTION_FLAG, { .flag = &json } } };
	struct option_list operands;
	struct coffer_admin *admin = NULL;
	struct coffer_status answer = { 0 };
	cli_exit status;

	if (!options_parse(cli, argc, argv, rows, 1, &operands) ||
	    !options_expect(cli, &operands, 0, 0, ""))
		return cli->status;
	if ((status = connect_admin(cli, &admin)) == CLI_DONE)
		status = connect_result(cli, admin, coffer_admin_status(admin, &answer));
	if (status == CLI_DONE)
		status = json ? print_json(cli, &answer) : print_lines(cli, &answer);
	coffer_status_free(&answer);
	coffer_admin_close(admin);
	return status;
}

const struct command cmd_status = {
	.name = "status",
	.synopsis = "[--json]",
	.summary = "tell how the daemon is",
	.details = "  --json   {server, cipher, started_at_ms, connections, revision, audit_seq,\n"
		   "           audit_writable, arena_used, arena_size, key_epoch,\n"
		   "           key_rotating, backup_at_ms, methods}\n",
	.run = show_status,
};
