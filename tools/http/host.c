#include "host.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define NAME_MAX_LEN 255

/* Splits "name:port" and "[address]:port"; without a port *port is "". */
static bool split(const char *host, char name[NAME_MAX_LEN + 1], const char **port)
{
	bool bracketed = host[0] == '[';
	const char *begin = host + (bracketed ? 1 : 0);
	size_t len = strcspn(begin, bracketed ? "]" : ":");
	const char *rest = begin + len;

	if (len == 0 || len > NAME_MAX_LEN || (bracketed && *rest++ != ']'))
		return false;
	if (*rest != '\0' && (*rest++ != ':' || *rest == '\0'))
		return false;
	memcpy(name, begin, len);
	name[len] = '\0';
	*port = rest;
	return true;
}

static bool is_address(const char *name, const struct address *local)
{
	uint8_t bytes[sizeof(struct in6_addr)];
	size_t len;
	const uint8_t *own = address_bytes(local, &len);

	return inet_pton(local->storage.ss_family, name, bytes) == 1 &&
	       memcmp(bytes, own, len) == 0;
}

static bool is_allowed(const char *host, const char *name, const char *allowed)
{
	while (allowed != NULL && *allowed != '\0') {
		size_t len = strcspn(allowed, " ");
		if ((strlen(host) == len && strncasecmp(host, allowed, len) == 0) ||
		    (strlen(name) == len && strncasecmp(name, allowed, len) == 0))
			return len > 0;
		allowed += len;
		allowed += strspn(allowed, " ");
	}
	return false;
}

bool host_is_ours(const char *host, const struct address *local, const char *allowed)
{
	char name[NAME_MAX_LEN + 1], own_port[8];
	const char *port;

	if (!split(host, name, &port))
		return false;
	if (is_allowed(host, name, allowed))
		return true;
	snprintf(own_port, sizeof(own_port), "%u", address_port(local));
	if (*port != '\0' && strcmp(port, own_port) != 0)
		return false;
	return is_address(name, local) ||
	       (address_is_loopback(local) && strcasecmp(name, "localhost") == 0);
}
