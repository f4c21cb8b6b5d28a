#include "listen.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

coffer_err listen_adopt(int fd, struct address *address, bool plain)
{
	char text[ADDRESS_TEXT_LEN];

	if (address_of_socket(address, fd) != COFFER_OK) {
		log_error("cannot tell the address of the socket");
		return COFFER_INTERNAL;
	}
	if (!plain || address_is_loopback(address))
		return COFFER_OK;
	address_print(address, text);
	log_error(
	    "tokens and secrets could be read on the way to %s: give --tls-cert and --tls-key, "
	    "or --allow-plain",
	    text);
	return COFFER_INVALID_ARGUMENT;
}

static coffer_err start(int fd, const struct address *wanted)
{
	static const int on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
	    bind(fd, (const struct sockaddr *)&wanted->storage, wanted->len) != 0 ||
	    listen(fd, SOMAXCONN) != 0)
		return COFFER_UNAVAILABLE;
	return COFFER_OK;
}

coffer_err listen_open(int *fd, struct address *address, const char *text, bool plain)
{
	struct address wanted;
	coffer_err err;

	*fd = -1;
	if ((err = address_parse(&wanted, text)) != COFFER_OK) {
		log_error("cannot listen on '%s': give ADDRESS:PORT, with numbers", text);
		return err;
	}
	*fd = socket(wanted.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if ((err = start(*fd, &wanted)) != COFFER_OK)
		log_error("cannot listen on %s: %s", text, strerror(errno));
	else if ((err = listen_adopt(*fd, address, plain)) == COFFER_OK)
		return COFFER_OK;
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	return err;
}
