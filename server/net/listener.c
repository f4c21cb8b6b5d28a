#include "net/listener.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "net/activation.h"

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83 /* newer than the oldest kernel headers that this compiles with */
#endif

#define MODE_RUNNER 0666 /* the token is the authority there */

/* Only a refusal tells that nobody is there: not a full backlog (for which connect must not wait), nor
 * another kind of socket, nor that there is no descriptor to ask with. */
static bool somebody_answers(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool refused = fd >= 0 &&
		       connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0 &&
		       errno == ECONNREFUSED;

	if (fd >= 0)
		close(fd);
	return !refused;
}

/* Takes away what a daemon that was killed has left; never anything else. */
static coffer_err clear_path(const struct sockaddr_un *address)
{
	const char *path = address->sun_path;
	struct stat st;

	if (lstat(path, &st) != 0)
		return COFFER_OK;
	if (!S_ISSOCK(st.st_mode)) {
		log_error("%s is in the way: it is not a socket", path);
		return COFFER_ALREADY_EXISTS;
	}
	if (somebody_answers(address)) {
		log_error("a daemon answers on %s already", path);
		return COFFER_ALREADY_EXISTS;
	}
	if (unlink(path) == 0)
		return COFFER_OK;
	log_error("cannot replace %s: %s", path, strerror(errno));
	return COFFER_UNAVAILABLE;
}

/* The mode is right from the start: there is no moment in which anybody else could connect. */
static bool bind_with_mode(int fd, const struct sockaddr_un *address, unsigned mode)
{
	mode_t before = umask((mode_t)(0777 & ~mode));
	bool bound = bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0;
	int cause = errno;

	umask(before);
	errno = cause;
	return bound;
}

coffer_err listener_bind(const char *path, unsigned mode, int64_t group, int *fd)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	coffer_err err;

	*fd = -1;
	if (strlen(path) >= sizeof(address.sun_path)) {
		log_error("the socket's path is longer than %zu bytes: %s",
			  sizeof(address.sun_path) - 1, path);
		return COFFER_UNAVAILABLE;
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	if ((err = clear_path(&address)) != COFFER_OK)
		return err;
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*fd >= 0 && bind_with_mode(*fd, &address, mode) &&
	    (group < 0 || lchown(path, (uid_t)-1, (gid_t)group) == 0) &&
	    listen(*fd, SOMAXCONN) == 0)
		return COFFER_OK;
	log_error("cannot listen on %s: %s", path, strerror(errno));
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	return COFFER_UNAVAILABLE;
}

/* Since Linux 6.16 a peer that sends descriptors along can be refused; before, the kernel closes them, as they
 * are never asked for. Connections inherit it. */
static void refuse_descriptors(int fd)
{
	static const int off = 0;

	if (setsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof(off)) != 0)
		log_debug("peers may send descriptors, which are closed: %s", strerror(errno));
}

coffer_err listener_open(const struct net_options *options, rpc_service service, int *fd,
			 const char **path)
{
	bool admin = service == SERVICE_OPERATOR;
	const char *at = admin ? options->admin_socket : options->runner_socket;
	coffer_err err = COFFER_NOT_FOUND;

	*fd = -1;
	*path = NULL;
	if (options->activation != NULL)
		err = activation_take(options->activation, admin ? "admin" : "runner", at, fd);
	if (err == COFFER_NOT_FOUND) {
		err = listener_bind(at, admin ? options->admin_mode : MODE_RUNNER,
				    admin ? options->admin_group : -1, fd);
		*path = err == COFFER_OK ? at : NULL;
	}
	if (err == COFFER_OK)
		refuse_descriptors(*fd);
	return err;
}
