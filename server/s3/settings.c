#include "s3/settings.h"

#include <coffer/limits.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "wipe.h"

typedef enum kind { TEXT, NUMBER, SWITCH } kind;

struct setting {
	const char *name;
	kind kind;
	size_t offset;
	size_t min, max; /* of a NUMBER */
};

#define AT(field) offsetof(struct settings, field)

static const struct setting table[] = {
	{ "admin_socket", TEXT, AT(admin_socket), 0, 0 },
	{ "bucket", TEXT, AT(bucket), 0, 0 },
	{ "endpoint", TEXT, AT(endpoint), 0, 0 },
	{ "region", TEXT, AT(region), 0, 0 },
	{ "access_key_id", TEXT, AT(access_key_id), 0, 0 },
	{ "secret_access_key", TEXT, AT(secret_access_key), 0, 0 },
	{ "session_token", TEXT, AT(session_token), 0, 0 },
	{ "prefix", TEXT, AT(prefix), 0, 0 },
	{ "encrypt", TEXT, AT(encrypt), 0, 0 },
	{ "sse_kms_key_id", TEXT, AT(sse_kms_key_id), 0, 0 },
	{ "sse_c_key", TEXT, AT(sse_c_key), 0, 0 },
	{ "ca_file", TEXT, AT(ca_file), 0, 0 },
	{ "single_writer", SWITCH, AT(single_writer), 0, 0 },
	{ "path_style", TEXT, AT(path_style_text), 0, 0 },
	{ "sync_interval_ms", NUMBER, AT(sync_interval_ms), 10, 86400000 },
	{ "parallel", NUMBER, AT(parallel), 1, 256 },
	{ "timeout_ms", NUMBER, AT(timeout_ms), 10, 600000 },
	{ "give_up_ms", NUMBER, AT(give_up_ms), 10, 600000 },
	{ "backoff_ms", NUMBER, AT(backoff_ms), 1, 60000 },
	{ "frame_max", NUMBER, AT(frame_max), COFFER_VALUE_MAX_DEFAULT + COFFER_FRAME_OVERHEAD,
	  COFFER_VALUE_MAX_CEILING + COFFER_FRAME_OVERHEAD },
};

#define TABLE_LEN (sizeof(table) / sizeof(table[0]))

static void *field_of(struct settings *settings, const struct setting *setting)
{
	return (char *)settings + setting->offset;
}

/* Never with the value, which may be a secret. */
static coffer_err fail(const char *name, const char *why)
{
	log_error("settings: %s %s", name, why);
	return COFFER_INVALID_ARGUMENT;
}

static void text_free(char *text)
{
	if (text != NULL)
		wipe(text, strlen(text));
	free(text);
}

static coffer_err text_set(char **out, struct slice text)
{
	char *copy = malloc(text.len + 1);

	if (copy == NULL) {
		log_error("settings: out of memory");
		return COFFER_RESOURCE_EXHAUSTED;
	}
	memcpy(copy, text.data, text.len);
	copy[text.len] = '\0';
	text_free(*out);
	*out = copy;
	return COFFER_OK;
}

static coffer_err number_set(const struct setting *setting, struct slice text, size_t *out)
{
	size_t n = 0;

	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] < '0' || text.data[i] > '9' || n > setting->max)
			return fail(setting->name, "is no number, or too large");
		n = n * 10 + (size_t)(text.data[i] - '0');
	}
	if (n < setting->min || n > setting->max)
		return fail(setting->name, "is too small or too large");
	*out = n;
	return COFFER_OK;
}

static coffer_err switch_set(const char *name, struct slice text, bool *out)
{
	*out = slice_equal(text, SLICE_LITERAL("yes")) ||
	       slice_equal(text, SLICE_LITERAL("true")) || slice_equal(text, SLICE_LITERAL("1"));
	if (*out || slice_equal(text, SLICE_LITERAL("no")) ||
	    slice_equal(text, SLICE_LITERAL("false")) || slice_equal(text, SLICE_LITERAL("0")))
		return COFFER_OK;
	return fail(name, "is yes or no");
}

static coffer_err set(struct settings *settings, struct slice name, struct slice value)
{
	for (size_t i = 0; i < TABLE_LEN; i++) {
		void *field = field_of(settings, &table[i]);
		if (!slice_equal(name, slice_str(table[i].name)))
			continue;
		if (value.len == 0)
			return fail(table[i].name, "is empty");
		if (table[i].kind == NUMBER)
			return number_set(&table[i], value, field);
		if (table[i].kind == SWITCH)
			return switch_set(table[i].name, value, field);
		return text_set(field, value);
	}
	log_error("settings: there is no '%.*s'", SLICE_ARG(name));
	return COFFER_INVALID_ARGUMENT;
}

static struct slice trim(struct slice text)
{
	while (text.len > 0 && (text.data[0] == ' ' || text.data[0] == '\t')) {
		text.data++;
		text.len--;
	}
	while (text.len > 0 && strchr(" \t\r", text.data[text.len - 1]) != NULL &&
	       text.data[text.len - 1] != '\0')
		text.len--;
	return text;
}

/* What stands there goes into HTTP headers, where a control character would begin another one. */
static bool is_printable(struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] < 0x20 || text.data[i] > 0x7e)
			return false;
	return true;
}

static coffer_err take_line(struct settings *settings, struct slice line)
{
	const uint8_t *equals;
	struct slice name, value;

	line = trim(line);
	if (line.len == 0 || line.data[0] == '#' || line.data[0] == ';')
		return COFFER_OK;
	if ((equals = memchr(line.data, '=', line.len)) == NULL)
		return fail("a line", "has no '='");
	name = trim((struct slice){ line.data, (size_t)(equals - line.data) });
	value = trim((struct slice){ equals + 1, line.len - (size_t)(equals - line.data) - 1 });
	if (!is_printable(name) || !is_printable(value))
		return fail("a line", "has characters that are not printable ASCII");
	return set(settings, name, value);
}

/* So that no part of a key or of an address needs an escape, which two sides may write differently. */
static bool is_made_of(const char *text, const char *others)
{
	for (; *text != '\0'; text++)
		if (!(*text >= 'a' && *text <= 'z') && !(*text >= 'A' && *text <= 'Z') &&
		    !(*text >= '0' && *text <= '9') && strchr(others, *text) == NULL)
			return false;
	return true;
}

static coffer_err check_prefix(const char *prefix)
{
	if (!is_made_of(prefix, "._-/") || prefix[0] == '/' || prefix[strlen(prefix) - 1] == '/' ||
	    strstr(prefix, "//") != NULL || strlen(prefix) > 512)
		return fail("prefix",
			    "is made of at most 512 of [A-Za-z0-9._-] and '/' between them");
	for (const char *part = prefix; part != NULL; part = strchr(part, '/')) {
		part += *part == '/';
		if (part[strspn(part, ".")] == '/' || part[strspn(part, ".")] == '\0')
			return fail("prefix", "has a part of dots alone");
	}
	return COFFER_OK;
}

static coffer_err check_endpoint(struct settings *s)
{
	const char *host = strstr(s->endpoint, "://");
	bool known =
	    strncmp(s->endpoint, "https://", 8) == 0 || strncmp(s->endpoint, "http://", 7) == 0;

	if (s->endpoint[strlen(s->endpoint) - 1] == '/')
		s->endpoint[strlen(s->endpoint) - 1] = '\0';
	if (!known || host[3] == '\0' || !is_made_of(host + 3, "._-:[]"))
		return fail("endpoint", "is https://HOST or http://HOST, with or without :PORT");
	return COFFER_OK;
}

static coffer_err check_encryption(struct settings *s)
{
	static const char *const names[] = { [ENCRYPT_NONE] = "none",
					     [ENCRYPT_SSE_S3] = "sse-s3",
					     [ENCRYPT_SSE_KMS] = "sse-kms",
					     [ENCRYPT_SSE_C] = "sse-c" };
	size_t i = 0;

	while (s->encrypt != NULL && i < 4 && strcmp(s->encrypt, names[i]) != 0)
		i++;
	if (i == 4)
		return fail("encrypt", "is none, sse-s3, sse-kms or sse-c");
	s->encryption = (s3_encryption)i;
	if (s->encryption == ENCRYPT_SSE_C && s->sse_c_key == NULL)
		return fail("sse_c_key", "is missing");
	if (s->sse_c_key != NULL && (strlen(s->sse_c_key) != 44 || s->sse_c_key[43] != '=' ||
				     strspn(s->sse_c_key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmn"
							  "opqrstuvwxyz0123456789+/") != 43))
		return fail("sse_c_key", "is not the base64 of 32 bytes");
	return COFFER_OK;
}

static coffer_err set_default(char **field, const char *format, const char *argument)
{
	if (*field != NULL || asprintf(field, format, argument) >= 0)
		return COFFER_OK;
	*field = NULL;
	log_error("settings: out of memory");
	return COFFER_RESOURCE_EXHAUSTED;
}

static coffer_err check(struct settings *s)
{
	coffer_err err;

	if (s->bucket == NULL || !is_made_of(s->bucket, "._-") || strlen(s->bucket) > 255 ||
	    s->bucket[0] == '.')
		return fail("bucket", "is missing, or no name of a bucket");
	if (s->access_key_id == NULL)
		return fail("access_key_id", "is missing");
	if (s->secret_access_key == NULL)
		return fail("secret_access_key", "is missing");
	if ((err = set_default(&s->region, "us-east-1", NULL)) != COFFER_OK ||
	    (err = set_default(&s->prefix, "coffer", NULL)) != COFFER_OK)
		return err;
	if (!is_made_of(s->region, "_-"))
		return fail("region", "is no name of a region");
	/* A store of one's own has one address; Amazon's wants the bucket's name in it. */
	if (s->path_style_text == NULL)
		s->path_style = s->endpoint != NULL;
	else if ((err = switch_set("path_style", slice_str(s->path_style_text), &s->path_style)) !=
		 COFFER_OK)
		return err;
	if ((err = set_default(&s->endpoint, "https://s3.%s.amazonaws.com", s->region)) !=
		COFFER_OK ||
	    (err = check_endpoint(s)) != COFFER_OK || (err = check_prefix(s->prefix)) != COFFER_OK)
		return err;
	return check_encryption(s);
}

coffer_err settings_parse(struct settings *out, struct slice text)
{
	coffer_err err = COFFER_OK;

	*out = (struct settings){ .sync_interval_ms = 30000,
				  .parallel = 16,
				  .timeout_ms = 15000,
				  .give_up_ms = 20000,
				  .backoff_ms = 200,
				  .frame_max = COFFER_VALUE_MAX_DEFAULT + COFFER_FRAME_OVERHEAD };
	while (err == COFFER_OK && text.len > 0) {
		const uint8_t *end = memchr(text.data, '\n', text.len);
		size_t len = end != NULL ? (size_t)(end - text.data) : text.len;
		err = take_line(out, (struct slice){ text.data, len });
		len += end != NULL;
		text = (struct slice){ text.data + len, text.len - len };
	}
	return err == COFFER_OK ? check(out) : err;
}

coffer_err settings_read(struct settings *out, int fd)
{
	static const struct settings empty;
	uint8_t *text = malloc(SETTINGS_MAX + 1);
	size_t len = 0;
	coffer_err err = COFFER_OK;

	*out = empty;
	if (text == NULL)
		return COFFER_RESOURCE_EXHAUSTED;
	while (len <= SETTINGS_MAX) {
		ssize_t n = read(fd, text + len, SETTINGS_MAX + 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			log_error("settings: cannot read them: %m");
			err = COFFER_UNAVAILABLE;
		}
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	if (len > SETTINGS_MAX)
		err = fail("all of them together", "are too long");
	if (err == COFFER_OK)
		err = settings_parse(out, (struct slice){ text, len });
	wipe(text, SETTINGS_MAX + 1);
	free(text);
	return err;
}

void settings_free(struct settings *settings)
{
	for (size_t i = 0; i < TABLE_LEN; i++)
		if (table[i].kind == TEXT)
			text_free(*(char **)field_of(settings, &table[i]));
	*settings = (struct settings){ .bucket = NULL };
}
