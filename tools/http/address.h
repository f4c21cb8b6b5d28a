/* address.h - addresses of the internet as text. Layer: tools. */
#ifndef HTTP_ADDRESS_H
#define HTTP_ADDRESS_H

#include <coffer/error.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* "[", an address with its scope, "]:65535" */
#define ADDRESS_TEXT_LEN 80

struct address {
	struct sockaddr_storage storage;
	socklen_t len;
};

/* Reads "127.0.0.1:8200" or "[::1]:8200"; no name is looked up. COFFER_INVALID_ARGUMENT. */
COFFER_MUST_USE coffer_err address_parse(struct address *out, const char *text);

/* The address at the other end, and at this end, of a socket. An IPv4 address that comes as an IPv6 one becomes
 * what it is. COFFER_INTERNAL: it has none. */
COFFER_MUST_USE coffer_err address_of_peer(struct address *out, int fd);
COFFER_MUST_USE coffer_err address_of_socket(struct address *out, int fd);

/* As address_parse reads it. */
void address_print(const struct address *address, char out[ADDRESS_TEXT_LEN]);

uint16_t address_port(const struct address *address);
bool address_is_loopback(const struct address *address);

/* The bytes of the address alone: 4 or 16 of them. */
const uint8_t *address_bytes(const struct address *address, size_t *len);

#endif
