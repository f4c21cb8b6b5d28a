#include "verbs.h"

#include "connect.h"
#include "expiry.h"
#include "input.h"
#include "options.h"

#include <string.h>

struct set_options {
	const char *scope;
	const char *file;
	const char *source;
	const char *note; /* NULL: as before */
	const char *expires;
	int64_t expires_at_ms;
	struct option_number if_version;
	bool trim;
	bool system;
};

/* "NAME", "NAME -", "NAME --file F" or "NAME --source S", which reads nothing. */
static cli_exit read_one(struct cli *cli, const struct set_options *options,
			 const struct option_list *operands, struct bytes *value)
{
	if (operands->len > 2 || (operands->len == 2 && strcmp(operands->items[1], "-") != 0))
		return cli_usage(cli, "takes one NAME, or NAME=@FILE for each of several");
	if (options->file && operands->len == 2)
		return cli_usage(cli,
				 "takes the value from --file or from standard input, not both");
	if (options->source && (options->file || options->trim || operands->len == 2))
		return cli_usage(cli, "takes no value with --source");
	if (options->source)
		return CLI_DONE;
	if (options->file)
		return input_file(cli, options->file, options->trim, value);
	if (operands->len == 2)
		return input_file(cli, "-", options->trim, value);
	return input_stdin(cli, options->trim, value);
}

static cli_exit put(const struct cli *cli, const struct set_options *options,
		    struct coffer_write *writes, size_t count)
{
	struct coffer_admin *admin = NULL;
	cli_exit status;

	for (size_t i = 0; i < count; i++) {
		writes[i].if_version = (struct coffer_if_version){ options->if_version.given,
								   options->if_version.value };
		writes[i].source = options->source;
		writes[i].note = options->note;
		writes[i].expires_at_ms = options->expires_at_ms;
	}
	if ((status = connect_admin(cli, &admin)) == CLI_DONE)
		status = connect_result(cli, admin,
					coffer_admin_put(admin, options->scope, options->system,
							 writes, count, NULL));
	coffer_admin_close(admin);
	return status;
}

static cli_exit set_one(struct cli *cli, const struct set_options *options,
			const struct option_list *operands)
{
	struct bytes value = { 0 };
	cli_exit status = read_one(cli, options, operands, &value);

	if (status == CLI_DONE) {
		struct coffer_write write = {
			.name = operands->items[0],
			.data = (const uint8_t *)value.data,
			.len = value.len,
		};
		status = put(cli, options, &write, 1);
	}
	bytes_free(&value);
	return status;
}

static cli_exit set_several(struct cli *cli, const struct set_options *options,
			    const struct option_list *operands)
{
	struct inputs inputs = { 0 };
	cli_exit status;

	if (options->file)
		return cli_usage(cli, "takes --file with one NAME alone; use NAME=@FILE");
	if (options->source)
		return cli_usage(cli, "takes --source with one NAME alone");
	if (options->if_version.given && operands->len > 1)
		return cli_usage(cli, "takes --if-version with one secret alone");
	if ((status = input_assignments(cli, operands->items, operands->len, options->trim,
					&inputs)) == CLI_DONE)
		status = put(cli, options, inputs.writes, inputs.len);
	input_free(&inputs);
	return status;
}

static cli_exit set(struct cli *cli, int argc, char **argv)
{
	struct set_options options = { .scope = "global" };
	const struct option_row rows[] = {
		{ "scope", OPTION_TEXT, { .text = &options.scope } },
		{ "file", OPTION_TEXT, { .text = &options.file } },
		{ "source", OPTION_TEXT, { .text = &options.source } },
		{ "note", OPTION_ANY_TEXT, { .text = &options.note } },
		{ "expires", OPTION_TEXT, { .text = &options.expires } },
		{ "if-version", OPTION_NUMBER, { .number = &options.if_version } },
		{ "trim", OPTION_FLAG, { .flag = &options.trim } },
		{ "system", OPTION_FLAG, { .flag = &options.system } },
	};
	struct option_list operands;

	if (!options_parse(cli, argc, argv, rows, sizeof(rows) / sizeof(rows[0]), &operands) ||
	    !options_expect(cli, &operands, 1, (size_t)argc, "NAME"))
		return cli->status;
	if (options.expires && !expiry_read(options.expires, &options.expires_at_ms))
		return cli_usage(cli, "option '--expires' needs a duration like 90s or 30d, or a "
				      "time like 2026-12-24T00:00:00Z");
	if (strchr(operands.items[0], '='))
		return set_several(cli, &options, &operands);
	return set_one(cli, &options, &operands);
}

const struct command cmd_set = {
	.name = "set",
	.synopsis = "NAME [- | --file F | --source S] | NAME=@FILE ... [--scope S] [--expires T]",
	.summary = "write a secret, or several of one scope: all of them or none",
	.details =
	    "The value is read from standard input, or asked for if that is a terminal. Bytes are\n"
	    "taken exactly as they are; 'echo' adds a newline, 'printf %s' does not.\n\n"
	    "  --scope S        global (the default), pipeline/<id>, system/<component>\n"
	    "  --file F         read the value from F; the same as NAME=@F\n"
	    "  --source S       no value, but file:/PATH: a file of the daemon's host, which it "
	    "reads\n"
	    "                   anew at each reveal\n"
	    "  --expires T      deleted from then on: 90s, 30d, 2026-12-24T00:00:00Z; the next\n"
	    "                   version has an expiry only if it is given one\n"
	    "  --note TEXT      what it is for; kept by later versions, '' takes it away\n"
	    "  --if-version N   only if the newest version is N (0: only if there is none)\n"
	    "  --trim           take one newline off the end of what was read\n"
	    "  --system         allow the scope to be system/<component>\n"
	    "  NAME=-           from standard input; NAME=VALUE works too, but shows the value\n"
	    "                   to everyone who can list processes\n",
	.run = set,
};
