#include "address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOST_LEN 64

static const struct sockaddr_in *v4(const struct address *address)
{
	return (const struct sockaddr_in *)&address->storage;
}

static const struct sockaddr_in6 *v6(const struct address *address)
{
	return (const struct sockaddr_in6 *)&address->storage;
}

/* getaddrinfo takes numbers that are no ports, too. */
static bool is_port(const char *text)
{
	size_t len = strspn(text, "0123456789");

	return len > 0 && len <= 5 && text[len] == '\0' && strtoul(text, NULL, 10) <= UINT16_MAX;
}

coffer_err address_parse(struct address *out, const char *text)
{
	static const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
					       .ai_family = AF_UNSPEC,
					       .ai_socktype = SOCK_STREAM };
	const char *colon = strrchr(text, ':');
	bool bracketed = text[0] == '[';
	struct addrinfo *found;
	char host[HOST_LEN];
	size_t len;

	if (colon == NULL || !is_port(colon + 1) || (bracketed && colon[-1] != ']'))
		return COFFER_INVALID_ARGUMENT;
	len = (size_t)(colon - text) - (bracketed ? 2 : 0);
	if (len == 0 || len >= sizeof(host) || (!bracketed && memchr(text, ':', len) != NULL))
		return COFFER_INVALID_ARGUMENT;
	memcpy(host, text + (bracketed ? 1 : 0), len);
	host[len] = '\0';
	if (getaddrinfo(host, colon + 1, &hints, &found) != 0)
		return COFFER_INVALID_ARGUMENT;
	*out = (struct address){ .len = found->ai_addrlen };
	memcpy(&out->storage, found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	return COFFER_OK;
}

static void unmap(struct address *address)
{
	const struct sockaddr_in6 *mapped = v6(address);
	struct sockaddr_in plain = { .sin_family = AF_INET };

	if (mapped->sin6_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&mapped->sin6_addr))
		return;
	plain.sin_port = mapped->sin6_port;
	memcpy(&plain.sin_addr, mapped->sin6_addr.s6_addr + 12, sizeof(plain.sin_addr));
	*address = (struct address){ .len = sizeof(plain) };
	memcpy(&address->storage, &plain, sizeof(plain));
}

static coffer_err ask(struct address *out, int fd,
		      int (*which)(int, struct sockaddr *restrict, socklen_t *restrict))
{
	*out = (struct address){ .len = sizeof(out->storage) };
	if (which(fd, (struct sockaddr *)&out->storage, &out->len) != 0 ||
	    (out->storage.ss_family != AF_INET && out->storage.ss_family != AF_INET6))
		return COFFER_INTERNAL;
	unmap(out);
	return COFFER_OK;
}

coffer_err address_of_peer(struct address *out, int fd)
{
	return ask(out, fd, getpeername);
}

coffer_err address_of_socket(struct address *out, int fd)
{
	return ask(out, fd, getsockname);
}

void address_print(const struct address *address, char out[ADDRESS_TEXT_LEN])
{
	bool brackets = address->storage.ss_family == AF_INET6;
	char host[HOST_LEN];

	if (getnameinfo((const struct sockaddr *)&address->storage, address->len, host,
			sizeof(host), NULL, 0, NI_NUMERICHOST) != 0)
		memcpy(host, "?", 2);
	snprintf(out, ADDRESS_TEXT_LEN, "%s%s%s:%u", brackets ? "[" : "", host, brackets ? "]" : "",
		 address_port(address));
}

uint16_t address_port(const struct address *address)
{
	return ntohs(address->storage.ss_family == AF_INET ? v4(address)->sin_port
							   : v6(address)->sin6_port);
}

bool address_is_loopback(const struct address *address)
{
	if (address->storage.ss_family == AF_INET)
		return ntohl(v4(address)->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	return IN6_IS_ADDR_LOOPBACK(&v6(address)->sin6_addr);
}

const uint8_t *address_bytes(const struct address *address, size_t *len)
{
	if (address->storage.ss_family == AF_INET) {
		*len = sizeof(struct in_addr);
		return (const uint8_t *)&v4(address)->sin_addr;
	}
	*len = sizeof(struct in6_addr);
	return v6(address)->sin6_addr.s6_addr;
}
