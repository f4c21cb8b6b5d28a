/* ask.h - GET requests to one server, over libcurl. Layer: tools.
 *
 * The server is always checked; no redirect is followed, for the token would go along. What libcurl holds is wiped when
 * it frees it; what OpenSSL holds is gone with the process. */
#ifndef FETCH_ASK_H
#define FETCH_ASK_H

#include <coffer/error.h>
#include <curl/curl.h>
#include <stdbool.h>

/* Whom to ask, and as whom; texts of frame.h, "" where there is none. Borrowed. */
struct ask_plan {
	const char *url;
	const char *token;
	const char *ca;
	const char *cert;
	const char *key;
	long timeout_ms;
};

/* Zero it to begin. */
struct ask {
	CURL *curl;
	CURLU *url;
	char *base;
	struct curl_slist *headers;
	char *body; /* of the last answer */
	size_t len;
	bool too_large;
	char message[CURL_ERROR_SIZE +
		     128]; /* of the last failure; never the URL, which may hold a password */
	char reason[CURL_ERROR_SIZE]; /* libcurl's */
};

/* COFFER_INVALID_ARGUMENT: the URL is none of its kind, or would show the token to a network. */
COFFER_MUST_USE coffer_err ask_open(struct ask *ask, const struct ask_plan *plan);

/* Gets base and path. COFFER_OK: *status is HTTP's, and ask->body holds ask->len bytes until the next call. */
COFFER_MUST_USE coffer_err ask_path(struct ask *ask, const char *path, long *status);

void ask_close(struct ask *ask);

#endif
