#include "daemon.h"

#include "home.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void daemon_rows(struct daemon_setting *settings, size_t count, struct option_row *rows)
{
	for (size_t i = 0; i < count; i++)
		rows[i] = (struct option_row){ settings[i].name,
					       OPTION_TEXT,
					       { .text = &settings[i].value } };
}

/* False: no memory. */
static bool add_word(char **argv, size_t *len, const struct daemon_setting *setting)
{
	bool flag = setting->flag;

	if (!flag && !setting->value)
		return true;
	if (asprintf(&argv[*len], "--%s%s%s", setting->name, flag ? "" : "=",
		     flag ? "" : setting->value) < 0) {
		argv[*len] = NULL;
		return false;
	}
	(*len)++;
	return true;
}

/* Returns only on failure, with errno set. */
static void become(char **argv)
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

cli_exit daemon_run(const struct cli *cli, const struct daemon_setting *settings, size_t count)
{
	const struct daemon_setting home = { .name = "home", .value = home_folder(cli) };
	char program[] = "cofferd";
	char **argv = calloc(count + 3, sizeof(*argv));
	size_t len = 1;
	bool made = argv && add_word(argv, &len, &home);

	for (size_t i = 0; made && i < count; i++)
		made = add_word(argv, &len, &settings[i]);
	if (made) {
		argv[0] = program;
		become(argv);
	}
	cli_exit status =
	    cli_refuse(cli, "cannot start cofferd: %s", strerror(made ? errno : ENOMEM));
	for (size_t i = 1; argv && i < len; i++)
		free(argv[i]);
	free(argv);
	return status;
}
