#include "verbs.h"

#include "daemon.h"
#include "home.h"
#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static cli_exit init(struct cli *cli, int argc, char **argv)
{
	const char *passphrase_file = NULL;
	const char *cipher = NULL;
	const struct option_row rows[] = {
		{ "passphrase-file", OPTION_TEXT, { .text = &passphrase_file } },
		{ "cipher", OPTION_TEXT, { .text = &cipher } },
	};
	char program[] = "cofferd";
	char init_flag[] = "--init";
	char words[3][HOME_PATH_MAX + sizeof("--passphrase-file=")];
	char *daemon_argv[6] = { program, init_flag };
	size_t len = 2;
	struct option_list operands;

	if (!options_parse(cli, argc, argv, rows, 2, &operands) ||
	    !options_expect(cli, &operands, 0, 0, ""))
		return cli->status;
	const char *const values[] = { home_folder(cli), passphrase_file, cipher };
	static const char *const names[] = { "--home", "--passphrase-file", "--cipher" };
	for (size_t i = 0; i < 3; i++) {
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

const struct command cmd_init = {
	.name = "init",
	.synopsis = "[--passphrase-file F] [--cipher aes-256-gcm]",
	.summary = "make a home: the store, its key and the audit log",
	.details = "  --passphrase-file F    protect the key with the passphrase in F instead of a "
		   "key file\n"
		   "  --cipher aes-256-gcm   seal with AES instead of XChaCha20-Poly1305\n",
	.run = init,
};
