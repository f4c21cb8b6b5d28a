#include "verbs.h"

#include "daemon.h"
#include "home.h"
#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static cli_exit restore(struct cli *cli, int argc, char **argv)
{
	const char *passphrase_file = NULL;
	const char *key_file = NULL;
	bool check = false;
	const struct option_row rows[] = {
		{ "passphrase-file", OPTION_TEXT, { .text = &passphrase_file } },
		{ "key-file", OPTION_TEXT, { .text = &key_file } },
		{ "check", OPTION_FLAG, { .flag = &check } },
	};
	static char words[4][HOME_PATH_MAX + sizeof("--passphrase-file=")];
	char program[] = "cofferd";
	char *daemon_argv[6] = { program };
	size_t len = 1;
	struct option_list operands;

	if (!options_parse(cli, argc, argv, rows, 3, &operands) ||
	    !options_expect(cli, &operands, 1, 1, "FILE"))
		return cli->status;
	const char *const values[] = { operands.items[0], home_folder(cli), key_file,
				       passphrase_file };
	const char *const names[] = { check ? "--check-backup" : "--restore", "--home",
				      "--key-file", "--passphrase-file" };
	for (size_t i = 0; i < 4; i++) {
		if (!values[i])
			continue;
		if (strlen(values[i]) >= HOME_PATH_MAX)
			return cli_refuse(cli, "the value of %s is too long", names[i]);
		snprintf(words[i], sizeof(words[i]), "%s=%s", names[i], values[i]);
		daemon_argv[len++] = words[i];
	}
	daemon_exec(daemon_argv);
	return cli_refuse(cli, "cannot start cofferd: %s", strerror(errno));
}

const struct command cmd_restore = {
	.name = "restore",
	.synopsis = "FILE [--check] [--key-file F | --passphrase-file F]",
	.summary = "make the home that of a backup",
	.details = "  --check               open and check everything, and change nothing\n"
		   "  --key-file F          the key file of the time of the backup\n"
		   "  --passphrase-file F   the passphrase of that time\n",
	.run = restore,
};
