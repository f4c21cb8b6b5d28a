#include "paths.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"

#define MODE_PASSABLE 0711

static coffer_err join(char **out, const char *folder, const char *name)
{
	if (asprintf(out, "%s/%s", folder, name) >= 0)
		return COFFER_OK;
	*out = NULL;
	return COFFER_RESOURCE_EXHAUSTED;
}

static bool is_absolute(const char *path)
{
	return path != NULL && path[0] == '/';
}

static coffer_err user_folders(struct paths *out)
{
	const char *state = getenv("XDG_STATE_HOME"), *runtime = getenv("XDG_RUNTIME_DIR");
	const char *user = getenv("HOME");
	coffer_err err;

	if (is_absolute(state)) {
		err = join(&out->home, state, "coffer");
	} else if (is_absolute(user)) {
		err = join(&out->home, user, ".local/state/coffer");
	} else {
		log_error("no home folder: use --home or set COFFER_HOME");
		return COFFER_INVALID_ARGUMENT;
	}
	if (err != COFFER_OK)
		return err;
	if (is_absolute(runtime))
		return join(&out->run, runtime, "coffer");
	return asprintf(&out->run, "/run/user/%u/coffer", (unsigned)getuid()) >= 0
		   ? COFFER_OK
		   : COFFER_RESOURCE_EXHAUSTED;
}

/* The home as it is without links in its path, which the store would refuse; as given if it is not there
 * yet. A link as the home's own last part is left to be refused. */
static char *resolve(const char *home)
{
	struct stat st;
	char *real = NULL;

	if (lstat(home, &st) == 0 && !S_ISLNK(st.st_mode))
		real = realpath(home, NULL);
	return real != NULL ? real : strdup(home);
}

static coffer_err folders(struct paths *out, const char *home)
{
	if (home == NULL && geteuid() != 0)
		return user_folders(out);
	if (home != NULL && (out->home = resolve(home)) != NULL)
		return join(&out->run, out->home, "run");
	if (home == NULL && (out->home = strdup("/var/lib/coffer")) != NULL &&
	    (out->run = strdup("/run/coffer")) != NULL)
		return COFFER_OK;
	return COFFER_RESOURCE_EXHAUSTED;
}

coffer_err paths_find(struct paths *out, const char *home)
{
	coffer_err err;

	*out = (struct paths){ .home = NULL };
	if ((err = folders(out, home)) == COFFER_OK &&
	    (err = join(&out->key, out->home, "key")) == COFFER_OK &&
	    (err = join(&out->database, out->home, "coffer.db")) == COFFER_OK &&
	    (err = join(&out->audit, out->home, "audit")) == COFFER_OK &&
	    (err = join(&out->reserve, out->home, "reserve")) == COFFER_OK &&
	    (err = join(&out->config, out->home, "coffer.conf")) == COFFER_OK &&
	    (err = join(&out->runner_socket, out->run, "coffer.sock")) == COFFER_OK)
		err = join(&out->admin_socket, out->run, "admin.sock");
	if (err != COFFER_OK)
		paths_free(out);
	return err;
}

coffer_err paths_use_database(struct paths *paths, const char *database)
{
	char *copy = strdup(database);

	if (copy == NULL)
		return COFFER_RESOURCE_EXHAUSTED;
	free(paths->database);
	paths->database = copy;
	return COFFER_OK;
}

coffer_err paths_credential(const char *name, char **out)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");

	*out = NULL;
	if (!is_absolute(folder))
		return COFFER_NOT_FOUND;
	if (join(out, folder, name) != COFFER_OK)
		return COFFER_RESOURCE_EXHAUSTED;
	if (access(*out, F_OK) == 0)
		return COFFER_OK;
	free(*out);
	*out = NULL;
	return COFFER_NOT_FOUND;
}

void paths_free(struct paths *paths)
{
	free(paths->home);
	free(paths->run);
	free(paths->key);
	free(paths->database);
	free(paths->audit);
	free(paths->reserve);
	free(paths->config);
	free(paths->runner_socket);
	free(paths->admin_socket);
	*paths = (struct paths){ .home = NULL };
}

void paths_make_parents(const char *path)
{
	char *part = strdup(path);

	for (char *slash = part ? strchr(part + 1, '/') : NULL; slash != NULL;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(part, 0755) != 0 && errno != EEXIST)
			break; /* making the folder itself will tell why */
		*slash = '/';
	}
	free(part);
}

/* A folder that is there already keeps its mode: whoever closed it had a reason. */
static coffer_err make_passable(const char *path)
{
	struct stat st;
	bool exists = lstat(path, &st) == 0;
	coffer_err err;

	if (!exists)
		paths_make_parents(path);
	if ((err = file_make_folder(path)) != COFFER_OK)
		return err;
	if (exists || chmod(path, MODE_PASSABLE) == 0)
		return COFFER_OK;
	log_error("cannot set the mode of %s: %s", path, strerror(errno));
	return COFFER_UNAVAILABLE;
}

coffer_err paths_make(const struct paths *paths)
{
	coffer_err err;

	if ((err = make_passable(paths->home)) != COFFER_OK ||
	    (err = file_make_folder(paths->audit)) != COFFER_OK)
		return err;
	return make_passable(paths->run);
}
