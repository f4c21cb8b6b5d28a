#include "ask.h"

#include "coffer/wiped.h"
#include "frame.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static coffer_err fail(struct ask *ask, coffer_err err, const char *message)
{
	(void)snprintf(ask->message, sizeof(ask->message), "%s", message);
	return err;
}

/* --- the URL ------------------------------------------------------------------------------------------ */

/* libcurl itself has localhost mean the loopback addresses. */
static bool is_loopback(const char *host)
{
	struct in_addr address;

	if (inet_pton(AF_INET, host, &address) == 1)
		return ntohl(address.s_addr) >> 24 == 127;
	return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0;
}

static bool has_part(CURLU *url, CURLUPart part)
{
	char *text = NULL;
	bool has = curl_url_get(url, part, &text, 0) == CURLUE_OK;

	curl_free(text);
	return has;
}

/* NULL: the URL can be used. */
static const char *check_url(CURLU *url, bool *encrypted)
{
	char *scheme = NULL;
	char *host = NULL;
	const char *why = NULL;

	if (curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
	    curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK) {
		why = "it is not of the form https://host[:port][/base]";
	} else {
		*encrypted = strcmp(scheme, "https") == 0;
		if (!*encrypted && strcmp(scheme, "http") != 0)
			why = "it is neither of https nor of http";
		else if (!*encrypted && !is_loopback(host))
			why = "http would show the token to the network: only a loopback address "
			      "is asked without TLS";
		else if (has_part(url, CURLUPART_QUERY) || has_part(url, CURLUPART_FRAGMENT))
			why = "it has more than a host and a base";
	}
	curl_free(scheme);
	curl_free(host);
	return why;
}

static coffer_err parse_url(struct ask *ask, const char *text, bool *encrypted)
{
	const char *why = NULL;
	CURLUcode code;

	if (!(ask->url = curl_url()))
		return fail(ask, COFFER_RESOURCE_EXHAUSTED, "no memory");
	code = curl_url_set(ask->url, CURLUPART_URL, text, CURLU_DISALLOW_USER);
	if (code == CURLUE_USER_NOT_ALLOWED)
		why = "it names a user, and the token is all that is sent";
	else if (code != CURLUE_OK)
		why = "it is not of the form https://host[:port][/base]";
	else
		why = check_url(ask->url, encrypted);
	if (why) {
		(void)snprintf(ask->message, sizeof(ask->message),
			       "SECRETS_API_URL cannot be used: %s", why);
		return COFFER_INVALID_ARGUMENT;
	}
	if (curl_url_get(ask->url, CURLUPART_PATH, &ask->base, 0) != CURLUE_OK)
		return fail(ask, COFFER_RESOURCE_EXHAUSTED, "no memory");
	for (size_t len = strlen(ask->base); len > 0 && ask->base[len - 1] == '/'; len--)
		ask->base[len - 1] = '\0';
	return COFFER_OK;
}

/* --- libcurl ------------------------------------------------------------------------------------------ */

static size_t take_body(char *data, size_t size, size_t count, void *context)
{
	struct ask *ask = context;
	size_t len = size * count;
	char *body;

	if (len > FRAME_ANSWER_MAX - ask->len) {
		ask->too_large = true;
		return CURL_WRITEFUNC_ERROR;
	}
	/* By halves, so that many small pieces are not copied again and again. */
	if (!(body = ask->body) || len > wiped_size(body) - ask->len)
		body = wiped_realloc(ask->body, ask->len + len + (ask->len + len) / 2);
	if (!body)
		return CURL_WRITEFUNC_ERROR;
	ask->body = body;
	memcpy(body + ask->len, data, len);
	ask->len += len;
	return len;
}

/* An option that is not set is a check that is not made: each must succeed. */
static bool set_texts(struct ask *ask, const struct ask_plan *plan, bool encrypted)
{
	const struct {
		CURLoption option;
		const char *text;
		bool wanted;
	} texts[] = {
		{ CURLOPT_PROTOCOLS_STR, encrypted ? "https" : "http", true },
		{ CURLOPT_XOAUTH2_BEARER, plan->token, true },
		{ CURLOPT_USERAGENT, "coffer/" COFFER_VERSION, true },
		{ CURLOPT_CAINFO, plan->ca, plan->ca[0] },
		{ CURLOPT_CAPATH, NULL, plan->ca[0] }, /* a CA that is named is the only one */
		{ CURLOPT_SSLCERT, plan->cert, plan->cert[0] },
		{ CURLOPT_SSLKEY, plan->key, plan->key[0] },
		{ CURLOPT_PROXY, "", !encrypted }, /* none: it would see the token */
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].wanted &&
		    curl_easy_setopt(ask->curl, texts[i].option, texts[i].text) != CURLE_OK)
			return false;
	return true;
}

static bool set_numbers(struct ask *ask, const struct ask_plan *plan)
{
	const struct {
		CURLoption option;
		long number;
	} numbers[] = {
		{ CURLOPT_SSL_VERIFYPEER, 1 },
		{ CURLOPT_SSL_VERIFYHOST, 2 },
		{ CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2 },
		{ CURLOPT_FOLLOWLOCATION, 0 },
		{ CURLOPT_HTTPAUTH, CURLAUTH_BEARER },
		{ CURLOPT_TIMEOUT_MS, plan->timeout_ms },
		{ CURLOPT_NOSIGNAL, 1 },
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (curl_easy_setopt(ask->curl, numbers[i].option, numbers[i].number) != CURLE_OK)
			return false;
	return true;
}

coffer_err ask_open(struct ask *ask, const struct ask_plan *plan)
{
	bool encrypted = false;
	coffer_err err = parse_url(ask, plan->url, &encrypted);

	if (err != COFFER_OK)
		return err;
	ask->headers = curl_slist_append(NULL, "Accept: application/json");
	if (!ask->headers || !(ask->curl = curl_easy_init()) || !set_texts(ask, plan, encrypted) ||
	    !set_numbers(ask, plan) ||
	    curl_easy_setopt(ask->curl, CURLOPT_CURLU, ask->url) != CURLE_OK ||
	    curl_easy_setopt(ask->curl, CURLOPT_HTTPHEADER, ask->headers) != CURLE_OK ||
	    curl_easy_setopt(ask->curl, CURLOPT_WRITEFUNCTION, take_body) != CURLE_OK ||
	    curl_easy_setopt(ask->curl, CURLOPT_WRITEDATA, ask) != CURLE_OK ||
	    curl_easy_setopt(ask->curl, CURLOPT_ERRORBUFFER, ask->reason) != CURLE_OK)
		return fail(ask, COFFER_INTERNAL, "libcurl cannot do what is needed");
	return COFFER_OK;
}

/* What libcurl says, as one of ours. The rest is that nobody answers, or not to the end, which may pass. */
static coffer_err explain(struct ask *ask, CURLcode code)
{
	static const struct {
		CURLcode code;
		coffer_err err;
		const char *words;
	} known[] = {
		{ CURLE_PEER_FAILED_VERIFICATION, COFFER_PERMISSION_DENIED,
		  "the server's certificate is not trusted" },
		{ CURLE_SSL_ISSUER_ERROR, COFFER_PERMISSION_DENIED,
		  "the server's certificate is not trusted" },
		{ CURLE_SSL_CACERT_BADFILE, COFFER_INVALID_ARGUMENT,
		  "the CA's file cannot be used" },
		{ CURLE_SSL_CERTPROBLEM, COFFER_INVALID_ARGUMENT,
		  "the client's certificate or key cannot be used" },
		{ CURLE_OPERATION_TIMEDOUT, COFFER_DEADLINE_EXCEEDED,
		  "the server did not answer in time" },
		{ CURLE_OUT_OF_MEMORY, COFFER_RESOURCE_EXHAUSTED, "no memory" },
		{ CURLE_WRITE_ERROR, COFFER_RESOURCE_EXHAUSTED, "no memory for the answer" },
	};
	const char *reason = ask->reason[0] ? ask->reason : curl_easy_strerror(code);
	const char *words = "the server cannot be asked";
	coffer_err err = COFFER_UNAVAILABLE;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (known[i].code == code) {
			err = known[i].err;
			words = known[i].words;
		}
	}
	(void)snprintf(ask->message, sizeof(ask->message), "%s: %s", words, reason);
	return err;
}

coffer_err ask_path(struct ask *ask, const char *path, long *status)
{
	char *whole = wiped_malloc(strlen(ask->base) + strlen(path) + 1);
	CURLUcode placed = CURLUE_OUT_OF_MEMORY;
	CURLcode code;

	ask->len = 0;
	ask->too_large = false;
	ask->reason[0] = '\0';
	if (whole) {
		(void)stpcpy(stpcpy(whole, ask->base), path);
		placed = curl_url_set(ask->url, CURLUPART_PATH, whole, 0);
	}
	wiped_free(whole);
	if (placed != CURLUE_OK)
		return fail(ask, COFFER_RESOURCE_EXHAUSTED, "no memory");
	code = curl_easy_perform(ask->curl);
	if (ask->too_large)
		return fail(ask, COFFER_RESOURCE_EXHAUSTED,
			    "the server's answer is larger than 64 MiB");
	if (code != CURLE_OK)
		return explain(ask, code);
	(void)curl_easy_getinfo(ask->curl, CURLINFO_RESPONSE_CODE, status);
	return COFFER_OK;
}

void ask_close(struct ask *ask)
{
	curl_easy_cleanup(ask->curl);
	curl_slist_free_all(ask->headers);
	curl_free(ask->base);
	curl_url_cleanup(ask->url);
	wiped_free(ask->body);
	*ask = (struct ask){ .curl = NULL };
}
