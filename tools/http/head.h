/* head.h - whether all of a request's head was understood. Layer: tools.
 *
 * libmicrohttpd is lenient: what it does not understand, or does not see behind a NUL, it passes over, joins lines
 * that are continued, and takes a header without a name for the end. A proxy in front of us may read the same bytes
 * as something else, and a request hide in the difference. libmicrohttpd reads in place: so where each thing begins
 * and ends tells what stands between them, which must be what belongs there and nothing else. */
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include <microhttpd.h>

/* The three words of the request line are libmicrohttpd's. What is wrong, as a static string, or NULL. */
const char *head_find_fault(struct MHD_Connection *connection, const char *method, const char *url,
			    const char *version);

#endif
