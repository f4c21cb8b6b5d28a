/* request.h - one HTTP request to the bucket, signed, as a curl handle, and its reply. Layer: s3. */
#ifndef S3_REQUEST_H
#define S3_REQUEST_H

#include <coffer/error.h>
#include <curl/curl.h>

#include "s3/answer.h"
#include "s3/settings.h"
#include "slice.h"

/* An object's key behind the prefix and its '/': "v1/root/00000000000000000001". */
#define REQUEST_KEY_MAX 256

#define BUCKET_MD5_LEN 24 /* in base64 */

/* Where the bucket is: what all requests have in common. */
struct bucket {
	const struct settings *settings; /* borrowed */
	const char *scheme;
	char *host; /* with the port that was given */
	char *path; /* of the bucket, with a '/' at the end */
	char sse_c_md5[BUCKET_MD5_LEN + 1];
};

typedef enum request_kind {
	REQUEST_PUT,     /* whatever is there */
	REQUEST_PUT_NEW, /* if there is nothing */
	REQUEST_GET,
	REQUEST_DELETE,
	REQUEST_LIST, /* key is the beginning of the keys that are listed */
} request_kind;

struct request_options {
	request_kind kind;
	const char *key;
	struct slice body;        /* of a PUT; borrowed until request_end */
	const char *continuation; /* of a listing: the page before's end; NULL: the first page */
	unsigned page;            /* of a listing: keys at most */
	size_t timeout_ms;
};

struct request {
	CURL *easy;
	struct curl_slist *headers;
	struct buf got; /* heap */
	size_t got_max;
	bool too_large;
	char why[CURL_ERROR_SIZE];
};

/* COFFER_RESOURCE_EXHAUSTED: no memory; COFFER_INTERNAL: there is no MD5 for sse-c. Both are logged. */
COFFER_MUST_USE coffer_err bucket_open(struct bucket *out, const struct settings *settings);
void bucket_close(struct bucket *bucket);

/* Makes the handle; it must go to request_end, also on failure. COFFER_INVALID_ARGUMENT: no key that coffer makes;
 * COFFER_RESOURCE_EXHAUSTED: no memory. */
COFFER_MUST_USE coffer_err request_begin(struct request *out, const struct bucket *bucket,
					 const struct request_options *options);

/* What the reply means, once curl has come to an end with that code. */
void request_answer(const struct request *request, const struct settings *settings, CURLcode code,
		    struct answer *out);

/* Frees all, got too. An empty one is fine. The handle must be in no multi handle. */
void request_end(struct request *request);

#endif
