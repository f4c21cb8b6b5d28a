#include "verbs.h"

#include "daemon.h"

static cli_exit restore(struct cli *cli, int argc, char **argv)
{
	/* The last two are the verb's own. */
	struct daemon_setting settings[] = {
		{ .name = "key-file" },
		{ .name = "passphrase-file" },
		{ .name = "restore" },
		{ .name = "skip-damaged", .flag = true },
	};
	bool check = false, skip_damaged = false;
	struct option_row rows[4] = {
		[2] = { "check", OPTION_FLAG, { .flag = &check } },
		[3] = { "skip-damaged", OPTION_FLAG, { .flag = &skip_damaged } },
	};
	struct option_list operands;

	daemon_rows(settings, 2, rows);
	if (!options_parse(cli, argc, argv, rows, 4, &operands) ||
	    !options_expect(cli, &operands, 1, 1, "FILE"))
		return cli->status;
	settings[2].name = check ? "check-backup" : "restore";
	settings[2].value = operands.items[0];
	return daemon_run(cli, settings, skip_damaged ? 4 : 3);
}

const struct command cmd_restore = {
	.name = "restore",
	.synopsis = "FILE [--check] [--skip-damaged] [--key-file F | --passphrase-file F]",
	.summary = "make the home that of a backup",
	.details = "  --check               open and check everything, and change nothing\n"
		   "  --key-file F          the key file of the time of the backup\n"
		   "  --passphrase-file F   the passphrase of that time\n"
		   "  --skip-damaged        restore all but the records that do not open\n",
	.run = restore,
};
