#include "replace.h"

#include "exec/search.h"
#include "exec/supervise.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* The environment is the context. */
static int become(void *context, const char *path, char *const *argv)
{
	(void)execve(path, argv, context);
	return errno;
}

int replace_run(const struct cli *cli, char *const *argv, char **envp)
{
	if (!cli->pipe_ignored)
		(void)signal(SIGPIPE, SIG_DFL);
	int error = search_run(argv, envp, become, envp);
	(void)signal(SIGPIPE, SIG_IGN);
	cli_warn(cli, "cannot run '%s': %s", argv[0], strerror(error));
	return error == ENOENT ? SUPERVISE_NOT_FOUND : SUPERVISE_REFUSED;
}
