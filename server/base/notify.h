/* notify.h - tells the service manager how the daemon is: the protocol of sd_notify(3). Layer: base.
 *
 * Without a service manager, or with one that does not listen, nothing happens; a message that cannot be sent is
 * logged and no reason to stop. */
#ifndef BASE_NOTIFY_H
#define BASE_NOTIFY_H

#include <coffer/error.h>

struct notify {
	int fd; /* connected, as a sandboxed process makes no socket; -1: nobody asked */
};

/* Connects to $NOTIFY_SOCKET, a path or, with '@' in front, an abstract name, and removes the variable from the
 * environment. COFFER_INVALID_ARGUMENT, logged: it is neither; *out then is one that sends nothing. */
COFFER_MUST_USE coffer_err notify_open(struct notify *out);
void notify_close(struct notify *notify);

void notify_ready(const struct notify *notify);     /* also after a reload */
void notify_reloading(const struct notify *notify); /* before a reload begins */
void notify_stopping(const struct notify *notify);

#endif
