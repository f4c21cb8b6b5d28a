#include "home.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *environment(const char *name)
{
	const char *value = getenv(name);

	return value && value[0] ? value : NULL;
}

const char *home_folder(const struct cli *cli)
{
	return cli->home ? cli->home : environment("COFFER_HOME");
}

static int print_default(char out[HOME_PATH_MAX], const char *file)
{
	const char *runtime = environment("XDG_RUNTIME_DIR");

	if (geteuid() == 0)
		return snprintf(out, HOME_PATH_MAX, "/run/coffer/%s", file);
	/* The XDG specification has relative paths ignored. */
	if (runtime && runtime[0] == '/')
		return snprintf(out, HOME_PATH_MAX, "%s/coffer/%s", runtime, file);
	return snprintf(out, HOME_PATH_MAX, "/run/user/%u/coffer/%s", (unsigned)geteuid(), file);
}

/* named is what a flag or a variable says; NULL: neither does. */
static cli_exit find(const struct cli *cli, const char *named, const char *file,
		     char out[HOME_PATH_MAX])
{
	const char *home = home_folder(cli);
	int len;

	if (named)
		len = snprintf(out, HOME_PATH_MAX, "%s", named);
	else if (home)
		len = snprintf(out, HOME_PATH_MAX, "%s/run/%s", home, file);
	else
		len = print_default(out, file);
	if (len < 0 || len >= HOME_PATH_MAX)
		return cli_refuse(cli, "the path of %s is too long", file);
	return CLI_DONE;
}

cli_exit home_admin_socket(const struct cli *cli, char out[HOME_PATH_MAX])
{
	const char *path = cli->admin_socket;

	if (!path && !cli->home)
		path = environment("COFFER_ADMIN_SOCKET");
	return find(cli, path, "admin.sock", out);
}

const char *home_url(const struct cli *cli)
{
	return cli->home || environment("COFFER_SOCKET") ? NULL : environment("SECRETS_API_URL");
}

cli_exit home_runner_socket(const struct cli *cli, char out[HOME_PATH_MAX])
{
	const char *path = cli->home ? NULL : environment("COFFER_SOCKET");
	const char *url = home_url(cli);

	/* The URL is not shown: it may hold a password. */
	if (url && strncmp(url, "unix:///", strlen("unix:///")) != 0)
		return cli_refuse(cli, "SECRETS_API_URL is not of the form unix:///path, and no "
				       "other is spoken here: over https there are get, ls, "
				       "bootstrap, exec, redact and resolve");
	if (url)
		path = url + strlen("unix://");
	return find(cli, path, "coffer.sock", out);
}
