#include "verbs.h"

#include "home.h"
#include "options.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Starts the daemon's program: the one installed with this one, in bin or sbin, whatever link this
 * was started by; else the one in PATH. */
static void exec_daemon(char **argv)
{
	static const char *const places[] = { "cofferd", "../sbin/cofferd" };
	char path[HOME_PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - sizeof("../sbin/cofferd"));
	char *slash = len > 0 ? memrchr(path, '/', (size_t)len) : NULL;

	(void)signal(SIGPIPE, SIG_DFL);
	for (size_t i = 0; slash && i < sizeof(places) / sizeof(places[0]); i++) {
		memcpy(slash + 1, places[i], strlen(places[i]) + 1);
		execv(path, argv);
		/* One that is there and cannot be started is not to be passed over for another. */
		if (errno != ENOENT)
			return;
	}
	execvp("cofferd", argv);
}

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
	exec_daemon(daemon_argv);
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
