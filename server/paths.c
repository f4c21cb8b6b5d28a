#include "paths.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"

#define MODE_PASSABLE 0711

static coffer_err join(char out[PATH_MAX], const char *folder, const char *name)
{
	int n = snprintf(out, PATH_MAX, "%s/%s", folder, name);

	if (n > 0 && n < PATH_MAX)
		return COFFER_OK;
	log_error("the path %.64s... is too long", folder);
	return COFFER_INVALID_ARGUMENT;
}

/* $variable/coffer, or below the user's home $HOME/fallback/coffer. */
static coffer_err xdg(char out[PATH_MAX], const char *variable, const char *fallback)
{
	const char *base = getenv(variable), *user = getenv("HOME");
	char folder[PATH_MAX];
	coffer_err err;

	if (base != NULL && base[0] == '/')
		return join(out, base, "coffer");
	if (user == NULL || user[0] != '/') {
		log_error("no home folder: use --home or set COFFER_HOME");
		return COFFER_INVALID_ARGUMENT;
	}
	err = join(folder, user, fallback);
	return err == COFFER_OK ? join(out, folder, "coffer") : err;
}

static coffer_err user_folders(struct paths *out)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	coffer_err err;

	if ((err = xdg(out->home, "XDG_STATE_HOME", ".local/state")) != COFFER_OK)
		return err;
	if (runtime != NULL && runtime[0] == '/')
		return join(out->run, runtime, "coffer");
	return snprintf(out->run, PATH_MAX, "/run/user/%u/coffer", (unsigned)getuid()) > 0
		   ? COFFER_OK
		   : COFFER_INVALID_ARGUMENT;
}

static coffer_err folders(struct paths *out, const char *home)
{
	coffer_err err;

	if (home != NULL) {
		if ((err = join(out->home, home, "")) != COFFER_OK)
			return err;
		out->home[strlen(home)] = '\0';
		return join(out->run, home, "run");
	}
	if (geteuid() != 0)
		return user_folders(out);
	memcpy(out->home, "/var/lib/coffer", sizeof("/var/lib/coffer"));
	memcpy(out->run, "/run/coffer", sizeof("/run/coffer"));
	return COFFER_OK;
}

coffer_err paths_find(struct paths *out, const char *home)
{
	coffer_err err;

	if ((err = folders(out, home)) != COFFER_OK ||
	    (err = join(out->key, out->home, "key")) != COFFER_OK ||
	    (err = join(out->database, out->home, "coffer.db")) != COFFER_OK ||
	    (err = join(out->audit, out->home, "audit")) != COFFER_OK ||
	    (err = join(out->reserve, out->home, "reserve")) != COFFER_OK ||
	    (err = join(out->config, out->home, "coffer.conf")) != COFFER_OK ||
	    (err = join(out->runner_socket, out->run, "coffer.sock")) != COFFER_OK)
		return err;
	return join(out->admin_socket, out->run, "admin.sock");
}

/* The parents of a default path ($HOME/.local/state) need not exist yet. */
static void make_parents(const char *path)
{
	char part[PATH_MAX];

	for (const char *slash = strchr(path + 1, '/'); slash != NULL;
	     slash = strchr(slash + 1, '/')) {
		memcpy(part, path, (size_t)(slash - path));
		part[slash - path] = '\0';
		if (mkdir(part, 0755) != 0 && errno != EEXIST)
			return; /* making the folder itself will tell why */
	}
}

/* A folder that is there already keeps its mode: whoever closed it had a reason. */
static coffer_err make_passable(const char *path)
{
	struct stat st;
	bool exists = lstat(path, &st) == 0;
	coffer_err err;

	if (!exists)
		make_parents(path);
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
