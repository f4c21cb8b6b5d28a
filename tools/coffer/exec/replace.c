#include "replace.h"

#include "exec/supervise.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

int replace_run(const struct cli *cli, char *const *argv, char **envp)
{
	if (!cli->pipe_ignored)
		(void)signal(SIGPIPE, SIG_DFL);
	/* execvp takes PATH from here, execvpe would take it from the old environment. */
	environ = envp;
	(void)execvp(argv[0], argv);
	int error = errno;
	(void)signal(SIGPIPE, SIG_IGN);
	cli_warn(cli, "cannot run '%s': %s", argv[0], strerror(error));
	return error == ENOENT ? SUPERVISE_NOT_FOUND : SUPERVISE_REFUSED;
}
