/* paths.h - where everything is. Layer: main. */
#ifndef PATHS_H
#define PATHS_H

#include <coffer/error.h>

/* With a home (--home, COFFER_HOME) everything is below it, the sockets in its folder run. Without one:
 * as the superuser /var/lib/coffer and /run/coffer, else the XDG state and runtime folders. */
struct paths {
	char *home;
	char *run;
	char *key;
	char *database;
	char *audit;
	char *reserve;
	char *config;
	char *runner_socket;
	char *admin_socket;
};

/* home may be NULL. The caller frees *out with paths_free. COFFER_INVALID_ARGUMENT, logged, if no folder can
 * be told; COFFER_RESOURCE_EXHAUSTED without memory; then *out is empty. */
COFFER_MUST_USE coffer_err paths_find(struct paths *out, const char *home);
/* Another database than the home's. COFFER_RESOURCE_EXHAUSTED without memory; nothing is changed then. */
COFFER_MUST_USE coffer_err paths_use_database(struct paths *paths, const char *database);
void paths_free(struct paths *paths); /* an empty one is fine */

/* The path of a credential that the service manager passed on, in $CREDENTIALS_DIRECTORY; the caller frees *out.
 * COFFER_NOT_FOUND, not logged, if there is none of that name; COFFER_RESOURCE_EXHAUSTED without memory; *out is
 * then NULL. */
COFFER_MUST_USE coffer_err paths_credential(const char *name, char **out);

/* Makes the folders that path is to be in, as far as it can: those of a default path ($HOME/.local/state) need not
 * exist yet. */
void paths_make_parents(const char *path);

/* Makes the home, its audit folder and the run folder where they are missing, and checks them. The first
 * and the last let others pass but not look, so that jobs of other uids reach the runner socket. */
COFFER_MUST_USE coffer_err paths_make(const struct paths *paths);

#endif
