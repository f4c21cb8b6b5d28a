#include "s3/answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "s3/xml.h"

#define WORD_MAX 96

/* What an error of S3 says. */
struct fault {
	char code[WORD_MAX];
	char message[WORD_MAX];
	char region[WORD_MAX];
};

void answer_set(struct answer *out, coffer_err err, bool again, const char *format, ...)
{
	va_list args;

	out->code = err;
	out->again = again;
	va_start(args, format);
	(void)vsnprintf(out->text, sizeof(out->text), format, args);
	va_end(args);
}

/* A server's text ends on terminals and in logs. */
static void take_word(char out[WORD_MAX], struct slice text)
{
	size_t len = text.len < WORD_MAX ? text.len : WORD_MAX - 1;

	for (size_t i = 0; i < len; i++)
		out[i] = text.data[i] >= 0x20 && text.data[i] <= 0x7e ? (char)text.data[i] : '?';
	out[len] = '\0';
}

static void on_text(void *user, const char *parent, const char *leaf, struct slice text)
{
	struct fault *fault = user;

	if (strcmp(parent, "Error") != 0)
		return;
	if (strcmp(leaf, "Code") == 0)
		take_word(fault->code, text);
	else if (strcmp(leaf, "Message") == 0)
		take_word(fault->message, text);
	else if (strcmp(leaf, "Region") == 0)
		take_word(fault->region, text);
}

/* S3's codes that have one cause, which people can mend. */
static const struct cause {
	const char *code;
	coffer_err err;
	bool again;
	const char *text;
} causes[] = {
	{ "InvalidAccessKeyId", COFFER_PERMISSION_DENIED, false,
	  "the store does not know the access key id" },
	{ "SignatureDoesNotMatch", COFFER_PERMISSION_DENIED, false,
	  "the secret access key is wrong" },
	{ "ExpiredToken", COFFER_PERMISSION_DENIED, false, "the session token has expired" },
	{ "InvalidToken", COFFER_PERMISSION_DENIED, false, "the session token is wrong" },
	{ "RequestTimeTooSkewed", COFFER_PERMISSION_DENIED, false,
	  "the clock of this host differs too much from the store's" },
	{ "AccessDenied", COFFER_PERMISSION_DENIED, false,
	  "the store denies access: wrong credentials, or they do not allow this" },
	{ "NoSuchKey", COFFER_NOT_FOUND, false, "no such object" },
	{ "PreconditionFailed", COFFER_ALREADY_EXISTS, false, "the object exists" },
	{ "ConditionalRequestConflict", COFFER_UNAVAILABLE, true,
	  "another host writes the same object" },
	{ "NotImplemented", COFFER_UNIMPLEMENTED, false,
	  "the store has no conditional writes: one host alone can use it, in single-writer mode" },
	{ "SlowDown", COFFER_UNAVAILABLE, true, "the store asks to slow down" },
	{ "RequestTimeout", COFFER_UNAVAILABLE, true, "the store waited too long for the request" },
};

static bool find_cause(struct answer *out, const struct fault *fault)
{
	for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++) {
		if (strcmp(fault->code, causes[i].code) != 0)
			continue;
		answer_set(out, causes[i].err, causes[i].again, "%s (%s)", causes[i].text,
			   fault->code);
		return true;
	}
	return false;
}

static bool is_elsewhere(long status, const struct fault *fault)
{
	return (status >= 300 && status < 400) || strcmp(fault->code, "PermanentRedirect") == 0 ||
	       strcmp(fault->code, "AuthorizationHeaderMalformed") == 0 ||
	       strcmp(fault->code, "IllegalLocationConstraintException") == 0;
}

/* What has no line of its own in the table above. */
static void judge_status(struct answer *out, const struct settings *s, long status,
			 const struct fault *fault)
{
	const char *comma = fault->code[0] != '\0' ? ", " : "";

	if (strcmp(fault->code, "NoSuchBucket") == 0)
		answer_set(out, COFFER_FAILED_PRECONDITION, false, "there is no bucket '%s' at %s",
			   s->bucket, s->endpoint);
	else if (is_elsewhere(status, fault))
		answer_set(out, COFFER_FAILED_PRECONDITION, false,
			   "the bucket '%s' is not at %s in region %s: HTTP %ld%s%s%s%s", s->bucket,
			   s->endpoint, s->region, status, comma, fault->code,
			   fault->region[0] != '\0' ? ": try region " : "", fault->region);
	else if (status == 412)
		answer_set(out, COFFER_ALREADY_EXISTS, false, "the object exists");
	else if (status == 429 || (status >= 500 && status != 501))
		answer_set(out, COFFER_UNAVAILABLE, true, "%s answers HTTP %ld%s%s", s->endpoint,
			   status, comma, fault->code);
	else
		answer_set(out,
			   status == 403 ? COFFER_PERMISSION_DENIED : COFFER_FAILED_PRECONDITION,
			   false, "%s answers HTTP %ld%s%s%s%s", s->endpoint, status, comma,
			   fault->code[0] != '\0' ? fault->code : " in words that are not S3's",
			   fault->message[0] != '\0' ? ": " : "", fault->message);
}

void answer_read(struct answer *out, const struct settings *settings, long status,
		 struct slice body)
{
	struct fault fault = { .code = "" };

	if (status >= 200 && status < 300) {
		answer_set(out, COFFER_OK, false, "%s", "");
		return;
	}
	if (xml_read(body, on_text, &fault) != COFFER_OK)
		fault = (struct fault){ .code = "" };
	if (!find_cause(out, &fault))
		judge_status(out, settings, status, &fault);
}
