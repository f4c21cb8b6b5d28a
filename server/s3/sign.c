#include "s3/sign.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "wipe.h"

#define HASH_LEN 32
#define DAY_LEN  8 /* of a date */

static void to_hex(const uint8_t hash[HASH_LEN], char out[SIGN_DIGEST_LEN + 1])
{
	for (size_t i = 0; i < HASH_LEN; i++)
		(void)snprintf(out + 2 * i, 3, "%02x", hash[i]);
}

coffer_err sign_digest(struct slice body, char out[SIGN_DIGEST_LEN + 1])
{
	uint8_t hash[EVP_MAX_MD_SIZE];
	const void *data = body.len > 0 ? body.data : (const uint8_t *)"";

	out[0] = '\0';
	if (EVP_Digest(data, body.len, hash, NULL, EVP_sha256(), NULL) != 1)
		return COFFER_INTERNAL;
	to_hex(hash, out);
	return COFFER_OK;
}

void sign_date(int64_t seconds, char out[SIGN_DATE_LEN + 1])
{
	time_t time = (time_t)seconds;
	struct tm utc = { .tm_year = 0 };

	(void)gmtime_r(&time, &utc);
	if (strftime(out, SIGN_DATE_LEN + 1, "%Y%m%dT%H%M%SZ", &utc) == 0)
		out[0] = '\0';
}

static bool feed(EVP_MD_CTX *hash, const char *text)
{
	return EVP_DigestUpdate(hash, text, strlen(text)) == 1;
}

static bool feed_line(EVP_MD_CTX *hash, const char *text)
{
	return feed(hash, text) && feed(hash, "\n");
}

/* The request in its canonical form, hashed piece by piece: a header may be a key, and would be copied otherwise. */
static bool hash_request(const struct sign_request *r, const char *names,
			 char out[SIGN_DIGEST_LEN + 1])
{
	EVP_MD_CTX *hash = EVP_MD_CTX_new();
	uint8_t digest[EVP_MAX_MD_SIZE];
	bool ok = hash != NULL && EVP_DigestInit_ex(hash, EVP_sha256(), NULL) == 1 &&
		  feed_line(hash, r->method) && feed_line(hash, r->path) &&
		  feed_line(hash, r->query);

	for (size_t i = 0; ok && i < r->headers_len; i++)
		ok = feed(hash, r->headers[i].name) && feed(hash, ":") &&
		     feed_line(hash, r->headers[i].value);
	ok = ok && feed_line(hash, "") && feed_line(hash, names) && feed(hash, r->digest) &&
	     EVP_DigestFinal_ex(hash, digest, NULL) == 1;
	if (ok)
		to_hex(digest, out);
	EVP_MD_CTX_free(hash);
	return ok;
}

/* key = HMAC(key, text) */
static bool chain(uint8_t key[EVP_MAX_MD_SIZE], int *len, const char *text, size_t text_len)
{
	uint8_t next[EVP_MAX_MD_SIZE];
	unsigned next_len = 0;
	bool ok = HMAC(EVP_sha256(), key, *len, (const unsigned char *)text, text_len, next,
		       &next_len) != NULL;

	memcpy(key, next, next_len);
	*len = (int)next_len;
	wipe(next, sizeof(next));
	return ok;
}

/* The key is good for one day, one region and one service. */
static bool sign_text(const struct settings *s, const char *date, const char *text,
		      char out[SIGN_DIGEST_LEN + 1])
{
	uint8_t key[EVP_MAX_MD_SIZE];
	size_t secret_len = strlen(s->secret_access_key);
	char *first = malloc(sizeof("AWS4") + secret_len);
	unsigned first_len = 0;
	int len;
	bool ok;

	if (first == NULL)
		return false;
	memcpy(first, "AWS4", 4);
	memcpy(first + 4, s->secret_access_key, secret_len + 1);
	ok = HMAC(EVP_sha256(), first, (int)(4 + secret_len), (const unsigned char *)date, DAY_LEN,
		  key, &first_len) != NULL;
	len = (int)first_len;
	ok = ok && chain(key, &len, s->region, strlen(s->region)) && chain(key, &len, "s3", 2) &&
	     chain(key, &len, "aws4_request", 12) && chain(key, &len, text, strlen(text));
	if (ok)
		to_hex(key, out);
	wipe(first, 4 + secret_len);
	wipe(key, sizeof(key));
	free(first);
	return ok;
}

/* "host;x-amz-date" */
static char *join_names(const struct sign_request *request)
{
	size_t len = 1;
	char *names, *at;

	for (size_t i = 0; i < request->headers_len; i++)
		len += strlen(request->headers[i].name) + 1;
	if ((names = at = malloc(len)) == NULL)
		return NULL;
	*at = '\0';
	for (size_t i = 0; i < request->headers_len; i++)
		at += sprintf(at, "%s%s", i > 0 ? ";" : "", request->headers[i].name);
	return names;
}

coffer_err sign_make(const struct settings *settings, const struct sign_request *request,
		     char **out)
{
	char digest[SIGN_DIGEST_LEN + 1] = "", signature[SIGN_DIGEST_LEN + 1] = "";
	char *names = join_names(request), *scope = NULL, *text = NULL;
	coffer_err err = COFFER_RESOURCE_EXHAUSTED;

	*out = NULL;
	if (names == NULL)
		return err;
	if (asprintf(&scope, "%.*s/%s/s3/aws4_request", DAY_LEN, request->date, settings->region) <
	    0) {
		scope = NULL;
		goto out;
	}
	err = COFFER_INTERNAL;
	if (!hash_request(request, names, digest))
		goto out;
	if (asprintf(&text, "AWS4-HMAC-SHA256\n%s\n%s\n%s", request->date, scope, digest) < 0) {
		text = NULL;
		goto out;
	}
	if (!sign_text(settings, request->date, text, signature))
		goto out;
	err = COFFER_OK;
	if (asprintf(out, "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s",
		     settings->access_key_id, scope, names, signature) < 0) {
		*out = NULL;
		err = COFFER_RESOURCE_EXHAUSTED;
	}
out:
	free(names);
	free(scope);
	free(text);
	return err;
}
