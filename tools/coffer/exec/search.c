#include "exec/search.h"

#include "bytes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SHELL        "/bin/sh"
#define PATH_DEFAULT "/bin:/usr/bin" /* where there is no PATH, as execvp has it */

/* How a program is started once it is found. */
struct starter {
	char *const *argv;
	search_start start;
	void *context;
};

static size_t count_words(char *const *words)
{
	size_t count = 0;

	while (words[count])
		count++;
	return count;
}

/* sh, the script, and the command's arguments. */
static int start_script(const struct starter *starter, const char *path)
{
	size_t count = count_words(starter->argv);
	char **words = calloc(count + 2, sizeof(*words));
	char shell[] = SHELL;
	char *script = strdup(path);
	int error = ENOMEM;

	if (words && script) {
		words[0] = shell;
		words[1] = script;
		memcpy(words + 2, starter->argv + 1, (count - 1) * sizeof(*words));
		error = starter->start(starter->context, shell, words);
	}
	free(script);
	free(words);
	return error;
}

static int start_path(const struct starter *starter, const char *path)
{
	int error = starter->start(starter->context, path, starter->argv);

	return error == ENOEXEC ? start_script(starter, path) : error;
}

static const char *path_of(char *const *envp)
{
	for (; *envp; envp++)
		if (strncmp(*envp, "PATH=", 5) == 0)
			return *envp + 5;
	return PATH_DEFAULT;
}

/* Whether the search goes on after an error: there is no such file here. */
static bool is_elsewhere(int error)
{
	return error == ENOENT || error == ENOTDIR || error == EACCES || error == ESTALE ||
	       error == ENODEV || error == ETIMEDOUT;
}

/* An empty folder is the current one. */
static int start_in(const struct starter *starter, const char *folder, size_t len)
{
	struct bytes path = { 0 };
	int error = ENOMEM;

	bytes_print(&path, "%.*s%s%s", (int)len, folder, len > 0 ? "/" : "", starter->argv[0]);
	bytes_append(&path, "", 1);
	/* To look first costs less than to start a process for nothing. What cannot be seen is not there. */
	if (!path.failed)
		error = access(path.data, F_OK) == 0 ? start_path(starter, path.data) : ENOENT;
	bytes_free(&path);
	return error;
}

int search_run(char *const *argv, char *const *envp, search_start start, void *context)
{
	const struct starter starter = { argv, start, context };
	const char *folder = path_of(envp);
	bool denied = false;

	if (!*argv[0] || strchr(argv[0], '/'))
		return start_path(&starter, argv[0]);
	for (bool more = true; more;) {
		size_t len = strcspn(folder, ":");
		int error = start_in(&starter, folder, len);

		if (!is_elsewhere(error))
			return error;
		denied = denied || error == EACCES;
		more = folder[len] == ':';
		folder += len + 1;
	}
	return denied ? EACCES : ENOENT;
}
