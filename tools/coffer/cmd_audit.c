#include "verbs.h"

#include "connect.h"
#include "options.h"
#include "output.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Appends before and the text of a field, if the record has it. */
static void add(struct bytes *out, const json_t *record, const char *field, const char *before)
{
	const json_t *value = json_object_get(record, field);

	if (json_is_string(value)) {
		bytes_print(out, "%s", before);
		bytes_clean(out, json_string_value(value));
	} else if (json_is_integer(value)) {
		bytes_print(out, "%s%" JSON_INTEGER_FORMAT, before, json_integer_value(value));
	}
}

static void add_secret(struct bytes *out, const json_t *secret)
{
	add(out, secret, "scope", " ");
	add(out, secret, "name", json_object_get(secret, "scope") ? "/" : " ");
	add(out, secret, "version", "@");
}

/* "TIME OP OUTCOME run=ID uid=0 pid=1 via=X scope/name@version (reason)" */
static void add_record(struct bytes *out, const json_t *record)
{
	static const struct {
		const char *field;
		const char *before;
	} who[] = {
		{ "time", "" },         { "op", " " },      { "outcome", " " }, { "run", " run=" },
		{ "grant", " grant=" }, { "uid", " uid=" }, { "pid", " pid=" }, { "via", " via=" },
	};
	size_t i;
	json_t *secret;

	for (i = 0; i < sizeof(who) / sizeof(who[0]); i++)
		add(out, record, who[i].field, who[i].before);
	add_secret(out, record);
	json_array_foreach(json_object_get(record, "secrets"), i, secret) add_secret(out, secret);
	if (json_object_get(record, "reason")) {
		add(out, record, "reason", " (");
		bytes_append(out, ")", 1);
	}
	bytes_append(out, "\n", 1);
}

static void add_line(struct bytes *out, const char *line, size_t len)
{
	json_t *record = json_loadb(line, len, 0, NULL);

	/* What is no record is shown as such and not left out: verify tells what is wrong with
	 * it. */
	if (json_is_object(record))
		add_record(out, record);
	else
		bytes_print(out, "- (a line that is no record)\n");
	json_decref(record);
}

static cli_exit print_page(const struct cli *cli, const char *lines, bool json)
{
	struct bytes out = { 0 };

	if (json)
		return output_write(cli, lines, strlen(lines));
	while (*lines) {
		size_t len = strcspn(lines, "\n");
		add_line(&out, lines, len);
		lines += len + (lines[len] == '\n');
	}
	return output_send(cli, &out);
}

static cli_exit print_all(const struct cli *cli, struct coffer_admin *admin, bool json)
{
	uint64_t seq = 0;
	bool more = true;
	cli_exit status = CLI_DONE;

	while (more && status == CLI_DONE) {
		char *lines = NULL;
		status = connect_result(cli, admin,
					coffer_admin_read_audit(admin, seq, &lines, &seq, &more));
		if (status == CLI_DONE && lines)
			status = print_page(cli, lines, json);
		free(lines);
	}
	return status;
}

static cli_exit audit(struct cli *cli, int argc, char **argv)
{
	bool json = false;
	const struct option_row rows[] = { { "json", OPTION_FLAG, { .flag = &json } } };
	struct option_list operands;
	struct coffer_admin *admin = NULL;
	cli_exit status;

	if (!options_parse(cli, argc, argv, rows, 1, &operands) ||
	    !options_expect(cli, &operands, 0, 0, ""))
		return cli->status;
	if ((status = connect_admin(cli, &admin)) == CLI_DONE)
		status = print_all(cli, admin, json);
	coffer_admin_close(admin);
	return status;
}

static cli_exit print_verdict(const struct cli *cli, const struct coffer_verdict *verdict)
{
	struct bytes out = { 0 };

	if (verdict->problem[0])
		return cli_refuse(cli, "%s", verdict->problem);
	if (verdict->last_seq == 0)
		bytes_print(&out, "audit verified: 0 records\n");
	else
		bytes_print(&out,
			    "audit verified: %" PRIu64 " records (%" PRIu64 " to %" PRIu64 ")\n",
			    verdict->last_seq - verdict->first_seq + 1, verdict->first_seq,
			    verdict->last_seq);
	return output_send(cli, &out);
}

static cli_exit verify(struct cli *cli, int argc, char **argv)
{
	struct option_list operands;
	struct coffer_admin *admin = NULL;
	struct coffer_verdict verdict = { 0 };
	cli_exit status;

	if (!options_parse(cli, argc, argv, NULL, 0, &operands) ||
	    !options_expect(cli, &operands, 0, 0, ""))
		return cli->status;
	if ((status = connect_admin(cli, &admin)) == CLI_DONE)
		status = connect_result(cli, admin, coffer_admin_verify_audit(admin, &verdict));
	if (status == CLI_DONE)
		status = print_verdict(cli, &verdict);
	coffer_admin_close(admin);
	return status;
}

static const struct command cmd_audit_verify = {
	.name = "verify",
	.synopsis = "",
	.summary = "check that no record was edited, moved, left out or cut off",
	.run = verify,
};

static const struct command *const audit_verbs[] = { &cmd_audit_verify, NULL };

const struct command cmd_audit = {
	.name = "audit",
	.synopsis = "[--json] | audit verify",
	.summary = "print the audit log, or verify it",
	.details = "  --json   the records as they stand, one JSON object a line\n",
	.run = audit,
	.subs = audit_verbs,
};
