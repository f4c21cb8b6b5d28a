#include "json.h"

#include "coffer/wiped.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

void json_begin(void)
{
	json_set_alloc_funcs(wiped_malloc, wiped_free);
}

bool json_is_utf8(const char *text, size_t len)
{
	json_t *json = json_stringn(text, len);

	json_decref(json);
	return json != NULL;
}

json_t *json_text(const char *text)
{
	json_t *json = json_string(text);

	return json != NULL ? json : json_string("(not UTF-8)");
}

static int append_dump(const char *data, size_t len, void *context)
{
	struct body *out = context;

	body_append(out, data, len);
	return out->failed ? -1 : 0;
}

static void append(struct body *out, const json_t *json)
{
	if (json == NULL ||
	    json_dump_callback(json, append_dump, out, JSON_COMPACT | JSON_ENCODE_ANY) != 0)
		out->failed = true;
}

void json_append(struct body *out, json_t *json)
{
	append(out, json);
	json_decref(json);
}

static json_t *base64(const struct coffer_value *value)
{
	size_t size = sodium_base64_ENCODED_LEN(value->len, sodium_base64_VARIANT_ORIGINAL);
	char *text = malloc(size);
	json_t *json = NULL;

	if (text == NULL)
		return NULL;
	json = json_string(
	    sodium_bin2base64(text, size, value->data, value->len, sodium_base64_VARIANT_ORIGINAL));
	explicit_bzero(text, size);
	free(text);
	return json;
}

static json_t *text_of(const struct coffer_value *value)
{
	return json_stringn((const char *)value->data, value->len);
}

static json_t *coded(const struct coffer_value *value)
{
	return json_pack("{s:o}", "value_base64", base64(value));
}

void json_append_value(struct body *out, const struct coffer_value *value)
{
	json_t *text = text_of(value);

	json_append(out, text != NULL ? json_pack("{s:o}", "value", text) : coded(value));
}

/* One after the other, so that all of them are never held a second time as a tree. */
void json_append_environment(struct body *out, const struct coffer_secrets *secrets)
{
	body_append(out, "{", 1);
	for (size_t i = 0; i < secrets->len && !out->failed; i++) {
		const struct coffer_value *value = &secrets->items[i].value;
		json_t *text = text_of(value);

		body_append(out, ",", i > 0);
		json_append(out, json_text(secrets->items[i].name));
		body_append(out, ":", 1);
		json_append(out, text != NULL ? text : coded(value));
	}
	body_append(out, "}", 1);
}

void json_append_listing(struct body *out, const struct coffer_secrets *secrets)
{
	body_print(out, "{\"secrets\":[");
	for (size_t i = 0; i < secrets->len && !out->failed; i++) {
		const struct coffer_secret *secret = &secrets->items[i];

		body_append(out, ",", i > 0);
		json_append(out, json_pack("{s:o, s:o, s:I, s:I}", "name", json_text(secret->name),
					   "scope", json_text(secret->value.scope), "version",
					   (json_int_t)secret->value.version, "updated_at_ms",
					   (json_int_t)secret->updated_at_ms));
	}
	body_print(out, "]}");
}

static json_t *extras(const struct coffer_bootstrap *about)
{
	json_t *json = json_object();

	for (size_t i = 0; i < about->extras_len && json != NULL; i++) {
		if (json_object_set_new(json, about->extras[i].key,
					json_text(about->extras[i].value)) == 0)
			continue;
		json_decref(json);
		json = NULL;
	}
	return json;
}

void json_append_bootstrap(struct body *out, const struct coffer_bootstrap *about)
{
	json_t *meta =
	    json_pack("{s:o, s:o, s:o, s:o, s:I}", "pipeline", json_text(about->pipeline), "repo",
		      json_text(about->repo), "ref", json_text(about->ref), "sha",
		      json_text(about->sha), "pushed_at_ms", (json_int_t)about->pushed_at_ms);
	json_t *sentry = json_pack("{s:o, s:o}", "dsn", json_text(about->sentry_dsn), "trace_id",
				   json_text(about->sentry_trace_id));

	json_append(out, json_pack("{s:o, s:o, s:o, s:o, s:o}", "run_id", json_text(about->run_id),
				   "git_dir", json_text(about->git_dir), "meta", meta, "sentry",
				   sentry, "extras", extras(about)));
}

void json_append_error(struct body *out, const char *text)
{
	json_append(out, json_pack("{s:o}", "error", json_text(text)));
}
