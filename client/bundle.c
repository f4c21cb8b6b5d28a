#include "bundle.h"

#include "base64.h"
#include "copy.h"
#include "json.h"
#include "names.h"
#include "pages.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Where in an object something stands, and how it must begin. */
struct field {
	const char *key;
	json_kind kind;
	bool seen;
	struct slice text; /* as it stands; empty if it does not, or is null */
};

struct reader {
	struct bundle *bundle;
	const char *path;
	struct transport *t;
};

static coffer_err fail(const struct reader *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static coffer_err fail(const struct reader *r, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return transport_fail(r->t, COFFER_INVALID_ARGUMENT, "%s: %s", r->path, text);
}

/* After this no scan over a part of the text can fail: each part is decoded only when it has been read. */
static coffer_err check_json(const struct reader *r)
{
	struct json_token token;
	struct json json;
	size_t line, column;

	json_begin(&json, (struct slice){ r->bundle->pages, r->bundle->len });
	do {
		if (json_next(&json, &token) == COFFER_OK)
			continue;
		json_place(json.text, json.at, &line, &column);
		return fail(r, "line %zu, column %zu: %s", line, column, json.why);
	} while (token.kind != JSON_END);
	return COFFER_OK;
}

/* Decodes a string in its place. There is room for a NUL behind it. */
static struct slice decode(struct slice string)
{
	uint8_t *at = (uint8_t *)(uintptr_t)string.data;

	return (struct slice){ at, json_decode(string, at) };
}

/* Empty if it does not stand there. */
static struct slice decode_field(const struct field *field)
{
	return field->text.len > 0 ? decode(field->text) : SLICE_EMPTY;
}

static void enter(struct json *json, struct slice text)
{
	struct json_token bracket;

	json_begin(json, text);
	if (text.len > 0)
		(void)!json_next(json, &bracket);
}

/* The next member of an object that was entered, its key decoded. */
static bool next_member(struct json *json, struct slice *key, struct json_token *value)
{
	struct json_token token;

	if (json_next(json, &token) != COFFER_OK || token.kind != JSON_KEY)
		return false;
	*key = decode(token.text);
	return json_next_whole(json, value) == COFFER_OK;
}

static struct field *find_field(struct slice key, struct field *fields, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (slice_equal(key, slice_str(fields[i].key)))
			return &fields[i];
	return NULL;
}

static coffer_err find_fields(const struct reader *r, struct slice object, struct field *fields,
			      size_t count)
{
	struct json_token value;
	struct slice key;
	struct json json;

	enter(&json, object);
	while (next_member(&json, &key, &value)) {
		struct field *field = find_field(key, fields, count);
		if (field == NULL)
			continue;
		if (field->seen)
			return fail(r, "'%s' stands there twice", field->key);
		field->seen = true;
		if (value.kind == JSON_NULL)
			continue;
		if (value.kind != field->kind)
			return fail(r, "'%s' is not of its type", field->key);
		field->text = value.text;
	}
	return COFFER_OK;
}

/* A whole number from 0 on; 0 if it does not stand there. */
static coffer_err read_number(const struct reader *r, const struct field *field, int64_t max,
			      int64_t *out)
{
	*out = 0;
	for (size_t i = 0; i < field->text.len; i++) {
		int digit = field->text.data[i] - '0';
		if (digit < 0 || digit > 9 || *out > (max - digit) / 10)
			return fail(r, "'%s' is not a whole number, or too large", field->key);
		*out = *out * 10 + digit;
	}
	return COFFER_OK;
}

static coffer_err read_meta(const struct reader *r, struct slice object, coffer_v1_RunMeta *meta)
{
	struct field fields[] = { { .key = "pipeline", .kind = JSON_STRING },
				  { .key = "repo", .kind = JSON_STRING },
				  { .key = "ref", .kind = JSON_STRING },
				  { .key = "sha", .kind = JSON_STRING },
				  { .key = "pushed_at_ms", .kind = JSON_NUMBER } };
	coffer_err err = find_fields(r, object, fields, sizeof(fields) / sizeof(fields[0]));

	if (err != COFFER_OK)
		return err;
	meta->pipeline = decode_field(&fields[0]);
	meta->repo = decode_field(&fields[1]);
	meta->ref = decode_field(&fields[2]);
	meta->sha = decode_field(&fields[3]);
	return read_number(r, &fields[4], INT64_MAX, &meta->pushed_at_ms);
}

static coffer_err read_sentry(const struct reader *r, struct slice object, coffer_v1_Sentry *sentry)
{
	struct field fields[] = { { .key = "dsn", .kind = JSON_STRING },
				  { .key = "trace_id", .kind = JSON_STRING } };
	coffer_err err = find_fields(r, object, fields, sizeof(fields) / sizeof(fields[0]));

	sentry->dsn = decode_field(&fields[0]);
	sentry->trace_id = decode_field(&fields[1]);
	return err;
}

static coffer_err read_extras(const struct reader *r, struct slice object, struct copy_run *run)
{
	struct json_token value;
	struct json json;
	struct slice key;

	enter(&json, object);
	while (next_member(&json, &key, &value)) {
		if (value.kind != JSON_STRING)
			return fail(r, "an extra is not a string");
		for (size_t i = 0; i < run->extras_len; i++)
			if (slice_equal(run->extras[i].key, key))
				return fail(r, "an extra stands there twice");
		if (run->extras_len == COFFER_EXTRAS_MAX)
			return fail(r, "there are more than %d extras", COFFER_EXTRAS_MAX);
		run->extras[run->extras_len++] = (coffer_v1_Pair){ key, decode(value.text) };
	}
	return COFFER_OK;
}

/* The strings of an array, at most max. */
static coffer_err read_strings(const struct reader *r, const struct field *field,
			       struct slice *strings, size_t max, size_t *len)
{
	struct json_token token = { .kind = JSON_END };
	struct json json;

	*len = 0;
	enter(&json, field->text);
	while (json_next_whole(&json, &token) == COFFER_OK && token.kind == JSON_STRING) {
		if (*len == max)
			return fail(r, "'%s' holds more than %zu strings", field->key, max);
		strings[(*len)++] = decode(token.text);
	}
	if (field->text.len > 0 && token.kind != JSON_ARRAY_END)
		return fail(r, "'%s' holds something else than strings", field->key);
	return COFFER_OK;
}

static coffer_err read_allow(const struct reader *r, const struct field *field)
{
	struct slice globs[COFFER_ALLOW_MAX];
	struct bundle *bundle = r->bundle;
	const char *why;
	coffer_err err = read_strings(r, field, globs, COFFER_ALLOW_MAX, &bundle->allow_len);

	for (size_t i = 0; err == COFFER_OK && i < bundle->allow_len; i++) {
		if (names_check_glob(globs[i], &why) != COFFER_OK)
			return fail(r, "a glob in 'allow' %s", why);
		((uint8_t *)(uintptr_t)globs[i].data)[globs[i].len] = '\0';
		bundle->allow[i] = (const char *)globs[i].data;
	}
	return err;
}

/* The index holds no value, so realloc leaves none behind. */
static struct bundle_secret *append(struct bundle *bundle)
{
	size_t cap = bundle->secrets_cap > 0 ? bundle->secrets_cap * 2 : 32;
	struct bundle_secret *secrets = bundle->secrets;

	if (bundle->secrets_len == bundle->secrets_cap) {
		secrets = realloc(secrets, cap * sizeof(*secrets));
		if (secrets == NULL)
			return NULL;
		bundle->secrets = secrets;
		bundle->secrets_cap = cap;
	}
	return &secrets[bundle->secrets_len++];
}

static coffer_err add_secret(const struct reader *r, struct slice name,
			     const struct json_token *value, bool base64)
{
	struct bundle_secret secret = { .name = name }, *to;
	const char *why;

	if (names_check_secret(name, &why) != COFFER_OK)
		return fail(r, "a secret's name %s", why);
	if (value->kind != JSON_STRING)
		return fail(r, "the value of '%.*s' is not a string", SLICE_ARG(name));
	secret.value = decode(value->text);
	if (base64 && !base64_decode(secret.value, (uint8_t *)(uintptr_t)secret.value.data,
				     &secret.value.len))
		return fail(r, "the value of '%.*s' is not base64", SLICE_ARG(name));
	if ((to = append(r->bundle)) == NULL)
		return transport_fail(r->t, COFFER_RESOURCE_EXHAUSTED, "no memory");
	*to = secret;
	return COFFER_OK;
}

static coffer_err read_secrets(const struct reader *r, struct slice object, bool base64)
{
	coffer_err err = COFFER_OK;
	struct json_token value;
	struct slice name;
	struct json json;

	enter(&json, object);
	while (err == COFFER_OK && next_member(&json, &name, &value))
		err = add_secret(r, name, &value, base64);
	return err;
}

static int compare(const void *a, const void *b)
{
	const struct slice *x = &((const struct bundle_secret *)a)->name;
	const struct slice *y = &((const struct bundle_secret *)b)->name;
	int order = memcmp(x->data, y->data, x->len < y->len ? x->len : y->len);

	return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

static coffer_err sort_secrets(const struct reader *r)
{
	struct bundle_secret *secrets = r->bundle->secrets;

	if (r->bundle->secrets_len > 0)
		qsort(secrets, r->bundle->secrets_len, sizeof(*secrets), compare);
	for (size_t i = 1; i < r->bundle->secrets_len; i++)
		if (compare(&secrets[i - 1], &secrets[i]) == 0)
			return fail(r, "'%.*s' stands there twice", SLICE_ARG(secrets[i].name));
	return COFFER_OK;
}

const struct bundle_secret *bundle_find(const struct bundle *bundle, struct slice name)
{
	struct bundle_secret key = { .name = name };

	if (bundle->secrets_len == 0)
		return NULL;
	return bsearch(&key, bundle->secrets, bundle->secrets_len, sizeof(key), compare);
}

static coffer_err read_one_info(const struct reader *r, struct slice object,
				struct bundle_secret *secret)
{
	struct field fields[] = { { .key = "scope", .kind = JSON_STRING },
				  { .key = "version", .kind = JSON_NUMBER },
				  { .key = "updated_at_ms", .kind = JSON_NUMBER } };
	int64_t version;
	scope_kind kind;
	const char *why;
	coffer_err err = find_fields(r, object, fields, sizeof(fields) / sizeof(fields[0]));

	if (err != COFFER_OK ||
	    (err = read_number(r, &fields[1], UINT32_MAX, &version)) != COFFER_OK)
		return err;
	secret->scope = decode_field(&fields[0]);
	secret->version = (uint32_t)version;
	if (secret->scope.len > 0 && names_check_scope(secret->scope, &kind, &why) != COFFER_OK)
		return fail(r, "the scope of '%.*s' %s", SLICE_ARG(secret->name), why);
	return read_number(r, &fields[2], INT64_MAX, &secret->updated_at_ms);
}

static coffer_err read_info(const struct reader *r, struct slice object)
{
	coffer_err err = COFFER_OK;
	struct json_token value;
	struct slice name;
	struct json json;

	enter(&json, object);
	while (err == COFFER_OK && next_member(&json, &name, &value)) {
		const struct bundle_secret *secret = bundle_find(r->bundle, name);
		if (secret == NULL)
			continue;
		if (value.kind != JSON_OBJECT)
			return fail(r, "'secret_info' holds something else than objects");
		err =
		    read_one_info(r, value.text, &r->bundle->secrets[secret - r->bundle->secrets]);
	}
	return err;
}

enum {
	VERSION,
	RUN_ID,
	EXPIRES,
	SCOPES,
	ALLOW,
	GIT_DIR,
	META,
	SENTRY,
	EXTRAS,
	SECRETS,
	SECRETS_BASE64,
	SECRET_INFO,
	FIELDS
};

static coffer_err read_about(const struct reader *r, const struct field *fields)
{
	struct copy_run run = { .git_dir = decode_field(&fields[GIT_DIR]) };
	struct bundle *bundle = r->bundle;
	coffer_err err;

	bundle->claimable = fields[META].text.len > 0;
	run.run_id = bundle->run_id = decode_field(&fields[RUN_ID]);
	if ((err = read_meta(r, fields[META].text, &run.meta)) != COFFER_OK ||
	    (err = read_sentry(r, fields[SENTRY].text, &run.sentry)) != COFFER_OK ||
	    (err = read_extras(r, fields[EXTRAS].text, &run)) != COFFER_OK)
		return err;
	err = copy_run(&run, &bundle->about, NULL);
	if (err == COFFER_INTERNAL)
		return fail(r, "a text of the bootstrap data has a NUL");
	return err == COFFER_OK ? err : transport_fail(r->t, err, "no memory");
}

static coffer_err read_all(const struct reader *r, const struct field *fields)
{
	struct bundle *bundle = r->bundle;
	coffer_err err;

	if (!slice_equal(fields[VERSION].text, SLICE_LITERAL("1")))
		return fail(r, "'version' is not 1");
	if ((err = read_number(r, &fields[EXPIRES], INT64_MAX, &bundle->expires_at_ms)) !=
		COFFER_OK ||
	    (err = read_strings(r, &fields[SCOPES], bundle->scopes, COFFER_SCOPES_MAX,
				&bundle->scopes_len)) != COFFER_OK ||
	    (err = read_allow(r, &fields[ALLOW])) != COFFER_OK ||
	    (err = read_about(r, fields)) != COFFER_OK ||
	    (err = read_secrets(r, fields[SECRETS].text, false)) != COFFER_OK ||
	    (err = read_secrets(r, fields[SECRETS_BASE64].text, true)) != COFFER_OK ||
	    (err = sort_secrets(r)) != COFFER_OK)
		return err;
	return read_info(r, fields[SECRET_INFO].text);
}

coffer_err bundle_parse(struct bundle *bundle, const char *path, struct transport *t)
{
	struct field fields[FIELDS] = {
		[VERSION] = { .key = "version", .kind = JSON_NUMBER },
		[RUN_ID] = { .key = "run_id", .kind = JSON_STRING },
		[EXPIRES] = { .key = "expires_at_ms", .kind = JSON_NUMBER },
		[SCOPES] = { .key = "scopes", .kind = JSON_ARRAY },
		[ALLOW] = { .key = "allow", .kind = JSON_ARRAY },
		[GIT_DIR] = { .key = "git_dir", .kind = JSON_STRING },
		[META] = { .key = "meta", .kind = JSON_OBJECT },
		[SENTRY] = { .key = "sentry", .kind = JSON_OBJECT },
		[EXTRAS] = { .key = "extras", .kind = JSON_OBJECT },
		[SECRETS] = { .key = "secrets", .kind = JSON_OBJECT },
		[SECRETS_BASE64] = { .key = "secrets_base64", .kind = JSON_OBJECT },
		[SECRET_INFO] = { .key = "secret_info", .kind = JSON_OBJECT },
	};
	struct reader r = { bundle, path, t };
	struct slice text = { bundle->pages, bundle->len };
	coffer_err err;

	if ((err = check_json(&r)) != COFFER_OK ||
	    (err = find_fields(&r, text, fields, FIELDS)) != COFFER_OK)
		return err;
	return read_all(&r, fields);
}

void bundle_free(struct bundle *bundle)
{
	pages_free(bundle->pages, bundle->pages_len);
	coffer_bootstrap_free(&bundle->about);
	free(bundle->secrets);
	*bundle = (struct bundle){ .pages = NULL };
}
