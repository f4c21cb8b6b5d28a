/* coffer - the command line, for operators and for jobs. Values alone on standard output, all
 * else on standard error; exit status 0 done, 1 refused or failed, 2 wrong usage. */
#include "command.h"
#include "options.h"
#include "output.h"
#include "verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* In the order of the usage. */
static const struct command *const verbs[] = {
	&cmd_init,     &cmd_set,    &cmd_get,     &cmd_ls,     &cmd_rm,      &cmd_history,
	&cmd_rollback, &cmd_import, &cmd_export,  &cmd_run,    &cmd_service, &cmd_bootstrap,
	&cmd_exec,     &cmd_redact, &cmd_resolve, &cmd_key,    &cmd_audit,   &cmd_why,
	&cmd_migrate,  &cmd_backup, &cmd_restore, &cmd_status, &cmd_sync,    NULL,
};

/* A descriptor 0, 1 or 2 that is closed would be taken by the next open: a value printed to
 * "standard output" would go into the daemon's socket. What stands in its place refuses the use
 * it would have. */
static bool hold_standard_descriptors(void)
{
	static const int modes[] = { O_WRONLY, O_RDONLY, O_RDONLY };

	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", modes[fd]) != fd)
			return false;
	return true;
}

static cli_exit run(struct cli *cli, int argc, char **argv)
{
	bool version = false;
	bool help = false;
	int verb = options_parse_global(cli, argc, argv, &version, &help);

	if (verb == 0)
		return cli->status;
	if (version)
		return output_write(cli, "coffer " COFFER_VERSION "\n",
				    strlen("coffer " COFFER_VERSION "\n"));
	if (help)
		return command_help(cli, verbs, 0, NULL);
	if (verb == argc)
		return cli_usage(cli, "needs a verb");
	if (strcmp(argv[verb], "help") == 0)
		return command_help(cli, verbs, argc - verb - 1, argv + verb + 1);
	if (strcmp(argv[verb], "__complete") == 0)
		return cmd_complete(cli, verbs);
	return command_run(cli, verbs, argc - verb, argv + verb);
}

int main(int argc, char **argv)
{
	struct cli cli = { 0 };

	if (!hold_standard_descriptors())
		return CLI_REFUSED;
#ifndef COFFER_SANITIZE
	/* No core dump and no tracing by another process of the user while values are in memory.
	 * (The leak sanitizer is such a tracer.) */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
	/* A closed pipe is reported like any other failed write. */
	cli.pipe_ignored = signal(SIGPIPE, SIG_IGN) == SIG_IGN;
	output_init();
	cli_exit status = run(&cli, argc, argv);
	/* Some file systems tell only now that the disk is full. */
	if (close(STDOUT_FILENO) != 0 && status == CLI_DONE)
		status = cli_refuse(&cli, "cannot write to standard output: %s", strerror(errno));
	return (int)status;
}
