/* paths.h - where everything is. Layer: main. */
#ifndef PATHS_H
#define PATHS_H

#include <coffer/error.h>
#include <limits.h>
#include <stdbool.h>

/* With a home (--home, COFFER_HOME) everything is below it, the sockets in its folder run. Without one:
 * as the superuser /var/lib/coffer and /run/coffer, else the XDG state and runtime folders. */
struct paths {
	char home[PATH_MAX];
	char run[PATH_MAX];
	char key[PATH_MAX];
	char database[PATH_MAX];
	char audit[PATH_MAX];
	char reserve[PATH_MAX];
	char config[PATH_MAX];
	char runner_socket[PATH_MAX];
	char admin_socket[PATH_MAX];
};

/* home may be NULL. COFFER_INVALID_ARGUMENT, logged, if a path is too long or no folder can be told. */
COFFER_MUST_USE coffer_err paths_find(struct paths *out, const char *home);

/* Makes the home, its audit folder and the run folder where they are missing, and checks them. The first
 * and the last let others pass but not look, so that jobs of other uids reach the runner socket. */
COFFER_MUST_USE coffer_err paths_make(const struct paths *paths);

#endif
