#include "verbs.h"

#include "connect.h"
#include "options.h"
#include "output.h"
#include "secrets_file.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of the values and names of one request with several secrets: it fits into the frame of any daemon,
 * however small its greatest value. A larger value goes alone. */
#define BATCH_BYTES (COFFER_FRAME_OVERHEAD / 2)
#define ENTRY_BYTES 16 /* what stands around a name and a value */

struct import {
	const char *scope;
	bool system;
	bool dry_run;
	bool overwrite;
	bool skip;
	struct secrets_file file;
	struct coffer_infos there; /* what the scope has */
	struct coffer_write *writes;
	size_t writes_len;
	size_t same, skipped, differ;
};

static const struct coffer_info *find(const struct import *import, const char *name)
{
	size_t low = 0, high = import->there.len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(import->there.items[middle].name, name);
		if (order == 0)
			return &import->there.items[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* Whether the secret has that value already. One that is read from elsewhere has none of its own. */
static cli_exit compare(const struct cli *cli, struct coffer_admin *admin,
			const struct import *import, const struct coffer_info *info,
			const struct secrets_entry *entry, bool *same)
{
	struct coffer_where where = { import->scope, info->name, import->system };
	struct coffer_value value = { 0 };
	cli_exit status;

	*same = false;
	if (info->source)
		return CLI_DONE;
	status =
	    connect_result(cli, admin, coffer_admin_reveal(admin, &where, info->version, &value));
	*same = status == CLI_DONE && value.len == entry->len &&
		(entry->len == 0 || memcmp(value.data, entry->data, entry->len) == 0);
	coffer_value_free(&value);
	return status;
}

/* What is to be done about one entry. The version is checked again when it is written. */
static cli_exit plan_one(const struct cli *cli, struct coffer_admin *admin, struct import *import,
			 const struct secrets_entry *entry)
{
	const struct coffer_info *info = find(import, entry->name);
	cli_exit status;
	bool same;

	if (info && import->skip) {
		import->skipped++;
		return CLI_DONE;
	}
	if (info) {
		status = compare(cli, admin, import, info, entry, &same);
		if (status != CLI_DONE)
			return status;
		if (same) {
			import->same++;
			return CLI_DONE;
		}
		if (!import->overwrite) {
			import->differ++;
			return cli_refuse(cli, "'%s' has another value", entry->name);
		}
	}
	import->writes[import->writes_len++] = (struct coffer_write){
		.name = entry->name,
		.data = entry->data,
		.len = entry->len,
		.if_version = { true, info ? info->version : 0 },
	};
	return CLI_DONE;
}

static cli_exit plan(const struct cli *cli, struct coffer_admin *admin, struct import *import)
{
	cli_exit status = CLI_DONE;

	import->writes = calloc(import->file.len + 1, sizeof(*import->writes));
	if (!import->writes)
		return cli_refuse(cli, "out of memory");
	for (size_t i = 0; i < import->file.len; i++) {
		size_t differ = import->differ;
		cli_exit one = plan_one(cli, admin, import, &import->file.items[i]);
		if (one != CLI_DONE && import->differ == differ)
			return one;
	}
	if (import->differ > 0)
		status = cli_refuse(cli, "nothing was written: use --overwrite or --skip-existing");
	return status;
}

/* How many of the writes from first on go into one request. */
static size_t batch(const struct import *import, size_t first)
{
	size_t bytes = 0, end = first;

	while (end < import->writes_len && end - first < COFFER_BATCH_MAX) {
		const struct coffer_write *write = &import->writes[end];
		assert(write->name != NULL);
		bytes += strlen(write->name) + write->len + ENTRY_BYTES;
		if (bytes > BATCH_BYTES && end > first)
			break;
		end++;
	}
	return end - first;
}

static cli_exit write_all(const struct cli *cli, struct coffer_admin *admin,
			  const struct import *import)
{
	size_t done = 0, count;
	cli_exit status = CLI_DONE;

	for (; done < import->writes_len && status == CLI_DONE; done += count) {
		count = batch(import, done);
		status = connect_result(cli, admin,
					coffer_admin_put(admin, import->scope, import->system,
							 import->writes + done, count, NULL));
		if (status != CLI_DONE)
			count = 0;
		if (status != CLI_DONE && import->writes_len > 1)
			cli_warn(cli,
				 "%zu of %zu secrets are known to be written; the same import "
				 "again writes the rest",
				 done, import->writes_len);
	}
	return status;
}

static cli_exit tell(const struct cli *cli, const struct import *import)
{
	struct bytes out = { 0 };

	for (size_t i = 0; import->dry_run && i < import->writes_len; i++)
		bytes_print(&out, "%s %s\n",
			    import->writes[i].if_version.version ? "overwrite" : "write",
			    import->writes[i].name);
	bytes_print(&out, "%s%zu written, %zu unchanged, %zu skipped\n",
		    import->dry_run ? "not done: " : "", import->writes_len, import->same,
		    import->skipped);
	return output_send(cli, &out);
}

static cli_exit run_import(const struct cli *cli, struct import *import)
{
	struct coffer_admin *admin = NULL;
	cli_exit status = connect_admin(cli, &admin);

	if (status == CLI_DONE)
		status = connect_result(cli, admin,
					coffer_admin_list(admin, import->scope, import->system,
							  &import->there));
	if (status == CLI_DONE)
		status = plan(cli, admin, import);
	if (status == CLI_DONE && !import->dry_run)
		status = write_all(cli, admin, import);
	coffer_admin_close(admin);
	return status == CLI_DONE ? tell(cli, import) : status;
}

static cli_exit import_verb(struct cli *cli, int argc, char **argv)
{
	struct import import = { .scope = "global" };
	const char *name = NULL;
	const struct option_row rows[] = {
		{ "format", OPTION_TEXT, { .text = &name } },
		{ "scope", OPTION_TEXT, { .text = &import.scope } },
		{ "overwrite", OPTION_FLAG, { .flag = &import.overwrite } },
		{ "skip-existing", OPTION_FLAG, { .flag = &import.skip } },
		{ "dry-run", OPTION_FLAG, { .flag = &import.dry_run } },
		{ "system", OPTION_FLAG, { .flag = &import.system } },
	};
	struct option_list operands;
	secrets_format format;
	cli_exit status;

	if (!options_parse(cli, argc, argv, rows, sizeof(rows) / sizeof(rows[0]), &operands) ||
	    !options_expect(cli, &operands, 1, 1, "FILE, or - for standard input"))
		return cli->status;
	if (!name || !secrets_format_find(name, &format) || format == SECRETS_SHELL)
		return cli_usage(cli, "needs --format dotenv or --format json");
	if (import.overwrite && import.skip)
		return cli_usage(cli, "takes --overwrite or --skip-existing, not both");
	status = secrets_file_read(cli, operands.items[0], format, &import.file);
	if (status == CLI_DONE)
		status = run_import(cli, &import);
	free(import.writes);
	coffer_infos_free(&import.there);
	secrets_file_free(&import.file);
	return status;
}

const struct command cmd_import = {
	.name = "import",
	.synopsis = "FILE|- --format dotenv|json [--scope S] [--overwrite | --skip-existing]",
	.summary = "write the secrets of a file, leaving alone what is equal already",
	.details =
	    "Names are looked at before anything is written. A secret that has another value\n"
	    "already is refused, and then nothing is written.\n\n"
	    "  --format F        dotenv: NAME=VALUE a line, as for exec --env-file; or\n"
	    "                    json: an object of strings, and {\"base64\": \"...\"} for bytes\n"
	    "  --scope S         global (the default), pipeline/<id>, system/<component>\n"
	    "  --overwrite       give a new version to what has another value\n"
	    "  --skip-existing   leave alone whatever exists, without looking at its value\n"
	    "  --dry-run         only tell what would be written\n"
	    "  --system          allow the scope to be system/<component>\n",
	.run = import_verb,
};
