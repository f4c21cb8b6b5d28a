/* host.h - whether a Host header means this server. Layer: tools.
 *
 * A page of a foreign site can make a browser of this host ask us, if the site's name is made to resolve to our
 * address (DNS rebinding): its Host header still has the site's name. */
#ifndef HTTP_HOST_H
#define HTTP_HOST_H

#include <stdbool.h>

#include "address.h"

/* Longer is nobody's: a name of 255 bytes and a port. */
#define HOST_TEXT_MAX 261

/* host is the header's value, local the address at which the request came in. Ours are that address, "localhost" if
 * it is a loopback address (both with no port or the right one), and what stands in allowed: words with spaces
 * between them, "NAME" for any port or "NAME:PORT". allowed may be NULL. */
bool host_is_ours(const char *host, const struct address *local, const char *allowed);

#endif
