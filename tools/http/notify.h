/* notify.h - what a service manager gives and is told, as sd_listen_fds(3) and sd_notify(3) say. Layer: tools. */
#ifndef HTTP_NOTIFY_H
#define HTTP_NOTIFY_H

#include <coffer/error.h>

/* The one listening socket that was passed on; -1 if none was. The variables are removed. COFFER_INVALID_ARGUMENT,
 * with the reason logged: there is more than one, or it is not a listening socket of the internet. */
COFFER_MUST_USE coffer_err notify_socket(int *fd);

/* Tells the manager, if there is one, "READY=1" or the like. */
void notify_tell(const char *state);

#endif
