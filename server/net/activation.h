/* activation.h - listening sockets that a service manager made and passes on. Layer: net.
 *
 * The protocol of sd_listen_fds(3): descriptors from 3 on, $LISTEN_FDS of them, if $LISTEN_PID is this process,
 * with the names $LISTEN_FDNAMES, ':' between them. */
#ifndef NET_ACTIVATION_H
#define NET_ACTIVATION_H

#include <coffer/error.h>
#include <stdbool.h>

#define ACTIVATION_FIRST 3 /* descriptor */
#define ACTIVATION_MAX   8

struct activation {
	int count; /* 0: none; all is made here */
	struct activation_socket {
		char name[8]; /* cut: no name of ours is longer */
		bool taken;
	} sockets[ACTIVATION_MAX];
};

/* Reads the variables and removes them from the environment. COFFER_INVALID_ARGUMENT, logged, if they are for this
 * process and malformed, or name more than ACTIVATION_MAX descriptors or one that is not open. */
COFFER_MUST_USE coffer_err activation_read(struct activation *out);

/* Hands over the socket of that name ("runner", "admin"), or one of neither name that is bound to path: *fd, closed on exec and not blocking,
 * is then the caller's, its path in the file system is not. COFFER_NOT_FOUND if there is none; *fd is -1 then.
 * COFFER_INVALID_ARGUMENT, logged: it is not a listening stream socket of the Unix domain. */
COFFER_MUST_USE coffer_err activation_take(struct activation *activation, const char *name,
					   const char *path, int *fd);

/* COFFER_INVALID_ARGUMENT, logged, if a socket was not taken: whoever connects there would wait for ever. */
COFFER_MUST_USE coffer_err activation_finish(const struct activation *activation);

#endif
