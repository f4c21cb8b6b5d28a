/* sign.h - AWS's signature of a request, version 4. Layer: s3; with request.c the only user of OpenSSL.
 *
 * curl can sign, but 7.88 orders headers by their whole lines and not by their names: where one name begins another,
 * as "...-customer-key" and "...-customer-key-md5" of sse-c do, the signature is wrong. */
#ifndef S3_SIGN_H
#define S3_SIGN_H

#include <coffer/error.h>
#include <stddef.h>
#include <stdint.h>

#include "s3/settings.h"
#include "slice.h"

#define SIGN_DIGEST_LEN 64 /* of a SHA-256 in hex */
#define SIGN_DATE_LEN   16 /* "20261122T084500Z" */

struct sign_header {
	const char *name; /* in small letters */
	const char *value;
};

/* A request as it will be sent: escaped, the query and the headers in the order of their names. */
struct sign_request {
	const char *method;
	const char *path;
	const char *query; /* without '?'; "": none */
	const struct sign_header *headers;
	size_t headers_len;
	const char *digest; /* of the body */
	const char *date;
};

/* SHA-256 of body in hex, with a NUL. COFFER_INTERNAL: OpenSSL has none. */
COFFER_MUST_USE coffer_err sign_digest(struct slice body, char out[SIGN_DIGEST_LEN + 1]);

/* A time in seconds since 1970 as it stands in x-amz-date, with a NUL. */
void sign_date(int64_t seconds, char out[SIGN_DATE_LEN + 1]);

/* *out is the value of the header "authorization", the caller's to free. COFFER_RESOURCE_EXHAUSTED: no memory;
 * COFFER_INTERNAL: OpenSSL cannot do it. On error *out is NULL. */
COFFER_MUST_USE coffer_err sign_make(const struct settings *settings,
				     const struct sign_request *request, char **out);

#endif
