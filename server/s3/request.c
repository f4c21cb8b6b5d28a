#include "s3/request.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "s3/sign.h"
#include "wipe.h"

/* A page of a listing: 1000 keys with what stands around them. */
#define PAGE_MAX (4u << 20)

#define HEADERS_MAX 12
#define KEY_LEN     32

static coffer_err hash_key(const char *base64, char out[BUCKET_MD5_LEN + 1])
{
	unsigned char key[KEY_LEN + 1], digest[EVP_MAX_MD_SIZE], coded[32];
	unsigned len = 0;
	coffer_err err = COFFER_INTERNAL;

	/* 44 characters are 33 bytes, and the last one is what '=' stands for. */
	if (EVP_DecodeBlock(key, (const unsigned char *)base64, 44) == 33 &&
	    EVP_Digest(key, KEY_LEN, digest, &len, EVP_md5(), NULL) == 1) {
		EVP_EncodeBlock(coded, digest, (int)len);
		memcpy(out, coded, strlen((const char *)coded) + 1);
		err = COFFER_OK;
	} else {
		log_error("sse-c needs MD5, which this host's OpenSSL does not have");
	}
	wipe(key, sizeof(key));
	return err;
}

/* Where requests go, and the path that they begin with. */
static bool make_address(struct bucket *out, const struct settings *s)
{
	const char *host = strstr(s->endpoint, "://") + 3;

	out->scheme = strncmp(s->endpoint, "https", 5) == 0 ? "https" : "http";
	if (asprintf(&out->host, "%s%s%s", s->path_style ? "" : s->bucket, s->path_style ? "" : ".",
		     host) < 0) {
		out->host = NULL;
		return false;
	}
	if (asprintf(&out->path, "/%s%s", s->path_style ? s->bucket : "",
		     s->path_style ? "/" : "") >= 0)
		return true;
	out->path = NULL;
	return false;
}

coffer_err bucket_open(struct bucket *out, const struct settings *settings)
{
	coffer_err err = COFFER_OK;

	*out = (struct bucket){ .settings = settings };
	if (settings->encryption == ENCRYPT_SSE_C &&
	    (err = hash_key(settings->sse_c_key, out->sse_c_md5)) != COFFER_OK)
		return err;
	if (make_address(out, settings))
		return COFFER_OK;
	log_error("out of memory");
	bucket_close(out);
	return COFFER_RESOURCE_EXHAUSTED;
}

void bucket_close(struct bucket *bucket)
{
	free(bucket->host);
	free(bucket->path);
	*bucket = (struct bucket){ .settings = NULL };
}

/* A request as it is put together. Values are borrowed, but for those that are here. */
struct draft {
	struct sign_header headers[HEADERS_MAX];
	size_t len;
	char digest[SIGN_DIGEST_LEN + 1];
	char date[SIGN_DATE_LEN + 1];
	char *path;
	char *query; /* "" or heap */
};

static void add(struct draft *draft, const char *name, const char *value)
{
	assert(draft->len < HEADERS_MAX);
	draft->headers[draft->len++] = (struct sign_header){ name, value };
}

static void add_encryption(struct draft *draft, const struct bucket *bucket, bool put)
{
#define SSE "x-amz-server-side-encryption"
	const struct settings *s = bucket->settings;

	if (put && s->encryption == ENCRYPT_SSE_S3)
		add(draft, SSE, "AES256");
	if (put && s->encryption == ENCRYPT_SSE_KMS)
		add(draft, SSE, "aws:kms");
	if (put && s->encryption == ENCRYPT_SSE_KMS && s->sse_kms_key_id != NULL)
		add(draft, SSE "-aws-kms-key-id", s->sse_kms_key_id);
	if (s->encryption == ENCRYPT_SSE_C) {
		add(draft, SSE "-customer-algorithm", "AES256");
		add(draft, SSE "-customer-key", s->sse_c_key);
		add(draft, SSE "-customer-key-md5", bucket->sse_c_md5);
	}
#undef SSE
}

static bool is_put(const struct request_options *options)
{
	return options->kind == REQUEST_PUT || options->kind == REQUEST_PUT_NEW;
}

/* In the order of their names, in which they are signed. */
static void add_headers(struct draft *draft, const struct bucket *bucket,
			const struct request_options *options)
{
	bool put = is_put(options);

	if (put)
		add(draft, "content-type", "application/octet-stream");
	add(draft, "host", bucket->host);
	if (options->kind == REQUEST_PUT_NEW)
		add(draft, "if-none-match", "*");
	add(draft, "x-amz-content-sha256", draft->digest);
	add(draft, "x-amz-date", draft->date);
	if (bucket->settings->session_token != NULL)
		add(draft, "x-amz-security-token", bucket->settings->session_token);
	if (put || options->kind == REQUEST_GET)
		add_encryption(draft, bucket, put);
}

static bool append_header(struct curl_slist **list, const char *name, const char *value)
{
	struct curl_slist *longer = NULL;
	char *line = NULL;

	if (asprintf(&line, "%s: %s", name, value) >= 0) {
		longer = curl_slist_append(*list, line);
		wipe(line, strlen(line));
		free(line);
	}
	if (longer != NULL)
		*list = longer;
	return longer != NULL;
}

/* Keys are made of what needs no escape; others would be signed otherwise than they are sent. */
static bool is_key(const char *key)
{
	size_t len = strlen(key);

	for (size_t i = 0; i < len; i++)
		if (!(key[i] >= 'a' && key[i] <= 'z') && !(key[i] >= '0' && key[i] <= '9') &&
		    key[i] != '/')
			return false;
	return len > 0 && len <= REQUEST_KEY_MAX && key[0] != '/' && strstr(key, "//") == NULL;
}

/* The names in their order and the values escaped, as what is signed is the text as it stands. */
static char *make_query(CURL *easy, const struct bucket *bucket,
			const struct request_options *options)
{
	bool first = options->continuation == NULL;
	char *token = first ? NULL : curl_easy_escape(easy, options->continuation, 0);
	char *from = NULL, *prefix = NULL, *query = NULL;

	if (asprintf(&from, "%s/%s", bucket->settings->prefix, options->key) < 0)
		from = NULL;
	else
		prefix = curl_easy_escape(easy, from, 0);
	if (prefix == NULL || (!first && token == NULL) ||
	    asprintf(&query, "%s%s%slist-type=2&max-keys=%u&prefix=%s",
		     first ? "" : "continuation-token=", first ? "" : token, first ? "" : "&",
		     options->page, prefix) < 0)
		query = NULL;
	free(from);
	curl_free(prefix);
	curl_free(token);
	return query;
}

static coffer_err make_draft(struct draft *out, CURL *easy, const struct bucket *bucket,
			     const struct request_options *options)
{
	bool list = options->kind == REQUEST_LIST;
	coffer_err err;

	*out = (struct draft){ .len = 0 };
	if ((err = sign_digest(options->body, out->digest)) != COFFER_OK)
		return err;
	sign_date(clock_wall_ms() / 1000, out->date);
	out->query = list ? make_query(easy, bucket, options) : strdup("");
	if (asprintf(&out->path, "%s%s%s%s", bucket->path, list ? "" : bucket->settings->prefix,
		     list ? "" : "/", list ? "" : options->key) < 0)
		out->path = NULL;
	add_headers(out, bucket, options);
	return out->path != NULL && out->query != NULL ? COFFER_OK : COFFER_RESOURCE_EXHAUSTED;
}

/* Signs the draft and turns it into what curl sends. */
static coffer_err take_draft(struct request *request, const struct bucket *bucket,
			     const struct draft *draft, const char *method)
{
	const struct sign_request signing = { .method = method,
					      .path = draft->path,
					      .query = draft->query,
					      .headers = draft->headers,
					      .headers_len = draft->len,
					      .digest = draft->digest,
					      .date = draft->date };
	char *authorization = NULL, *url = NULL;
	CURLcode code = CURLE_OUT_OF_MEMORY;
	coffer_err err;
	bool ok;

	if ((err = sign_make(bucket->settings, &signing, &authorization)) != COFFER_OK)
		return err;
	ok = append_header(&request->headers, "authorization", authorization);
	for (size_t i = 0; ok && i < draft->len; i++)
		ok = append_header(&request->headers, draft->headers[i].name,
				   draft->headers[i].value);
	if (ok && asprintf(&url, "%s://%s%s%s%s", bucket->scheme, bucket->host, draft->path,
			   draft->query[0] != '\0' ? "?" : "", draft->query) >= 0)
		code = curl_easy_setopt(request->easy, CURLOPT_URL, url);
	free(authorization);
	free(url);
	return code == CURLE_OK ? COFFER_OK : COFFER_RESOURCE_EXHAUSTED;
}

/* Refuses what is larger than anything that coffer stores. */
static size_t on_body(char *data, size_t size, size_t count, void *user)
{
	struct request *request = user;
	size_t len = size * count;

	if (len > request->got_max - request->got.len) {
		request->too_large = true;
		return 0;
	}
	if (len > request->got.cap - request->got.len) {
		size_t cap = request->got.cap < 4096 ? 4096 : request->got.cap;
		uint8_t *more;
		while (cap - request->got.len < len)
			cap *= 2;
		if ((more = realloc(request->got.data, cap)) == NULL)
			return 0;
		request->got.data = more;
		request->got.cap = cap;
	}
	memcpy(request->got.data + request->got.len, data, len);
	request->got.len += len;
	return len;
}

/* Keeps the first failure. */
#define SET(option, value)    \
	if (code == CURLE_OK) \
	code = curl_easy_setopt(easy, option, value)

static CURLcode set_method(CURL *easy, const struct request_options *options, const char *method)
{
	CURLcode code = CURLE_OK;

	if (is_put(options)) {
		SET(CURLOPT_POSTFIELDS,
		    options->body.len > 0 ? (const char *)options->body.data : "");
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)options->body.len);
	}
	SET(CURLOPT_CUSTOMREQUEST, method);
	return code;
}

static CURLcode set_options(struct request *request, const struct settings *settings,
			    size_t timeout_ms)
{
	CURL *easy = request->easy;
	CURLcode code = CURLE_OK;

	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	SET(CURLOPT_PATH_AS_IS, 1L);
	SET(CURLOPT_HTTPHEADER, request->headers);
	SET(CURLOPT_ERRORBUFFER, request->why);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, request);
	if (settings->ca_file != NULL)
		SET(CURLOPT_CAINFO, settings->ca_file);
	return code;
}

static const char *method_of(request_kind kind)
{
	if (kind == REQUEST_PUT || kind == REQUEST_PUT_NEW)
		return "PUT";
	return kind == REQUEST_DELETE ? "DELETE" : "GET";
}

coffer_err request_begin(struct request *out, const struct bucket *bucket,
			 const struct request_options *options)
{
	const char *method = method_of(options->kind);
	struct draft draft = { .len = 0 };
	coffer_err err;

	*out = (struct request){ .got_max = options->kind == REQUEST_LIST
						? PAGE_MAX
						: bucket->settings->frame_max };
	if (!is_key(options->key))
		return COFFER_INVALID_ARGUMENT;
	if ((out->easy = curl_easy_init()) == NULL)
		return COFFER_RESOURCE_EXHAUSTED;
	if ((err = make_draft(&draft, out->easy, bucket, options)) == COFFER_OK)
		err = take_draft(out, bucket, &draft, method);
	if (err == COFFER_OK &&
	    (set_options(out, bucket->settings, options->timeout_ms) != CURLE_OK ||
	     set_method(out->easy, options, method) != CURLE_OK))
		err = COFFER_RESOURCE_EXHAUSTED;
	free(draft.path);
	free(draft.query);
	return err;
}

/* What is wrong on this side, and stays so. */
static bool is_lasting(CURLcode code)
{
	return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE ||
	       code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL;
}

void request_answer(const struct request *request, const struct settings *settings, CURLcode code,
		    struct answer *out)
{
	const char *why = request->why;
	long status = 0;

	/* Where curl's own words hold how long it took, each of them would be news. */
	if (why[0] == '\0' || code == CURLE_COULDNT_CONNECT || code == CURLE_OPERATION_TIMEDOUT)
		why = curl_easy_strerror(code);
	if (request->too_large)
		answer_set(out, COFFER_RESOURCE_EXHAUSTED, false,
			   "%s: the answer is larger than %zu bytes", settings->endpoint,
			   request->got_max);
	else if (code != CURLE_OK)
		answer_set(out, is_lasting(code) ? COFFER_FAILED_PRECONDITION : COFFER_UNAVAILABLE,
			   !is_lasting(code), "%s: %s", settings->endpoint, why);
	else if (curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK)
		answer_read(out, settings, status,
			    (struct slice){ request->got.data, request->got.len });
	else
		answer_set(out, COFFER_INTERNAL, false, "curl has no status");
}

void request_end(struct request *request)
{
	curl_easy_cleanup(request->easy);
	for (struct curl_slist *at = request->headers; at != NULL; at = at->next)
		wipe(at->data, strlen(at->data)); /* one may hold the key of sse-c */
	curl_slist_free_all(request->headers);
	free(request->got.data);
	*request = (struct request){ .easy = NULL };
}
