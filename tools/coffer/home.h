/* home.h - where the daemon of this user is. Layer: tools. */
#ifndef HOME_H
#define HOME_H

#include "cli.h"

#define HOME_PATH_MAX 4096

/* --home, else $COFFER_HOME, else NULL. Empty variables count as not set, here and below. */
const char *home_folder(const struct cli *cli);

/* Paths of the sockets. Flags beat the environment: --admin-socket, --home, then
 * $COFFER_ADMIN_SOCKET, or $COFFER_SOCKET and $SECRETS_API_URL, then $COFFER_HOME, then the user's
 * own folder. A path that is too long is refused with a message, and so is a URL that is not
 * unix:// and a path. */
COFFER_MUST_USE cli_exit home_admin_socket(const struct cli *cli, char out[HOME_PATH_MAX]);
COFFER_MUST_USE cli_exit home_runner_socket(const struct cli *cli, char out[HOME_PATH_MAX]);

/* $SECRETS_API_URL, if nothing that goes before it is set; else NULL. */
const char *home_url(const struct cli *cli);

#endif
