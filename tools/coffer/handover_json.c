/* What stands in the file, as JSON. */
#include "handover.h"

#include "bytes.h"
#include "output.h"
#include "run_json.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* Sets a member; false without memory, also of the value. */
static bool set(json_t *object, const char *key, json_t *value)
{
	return json_object_set_new(object, key, value) == 0;
}

static json_t *base64(const struct coffer_value *value)
{
	size_t size = sodium_base64_ENCODED_LEN(value->len, sodium_base64_VARIANT_ORIGINAL);
	struct bytes text = { 0 };
	json_t *json = NULL;

	if (bytes_reserve(&text, size))
		json = json_string(sodium_bin2base64(text.data, size, value->data, value->len,
						     sodium_base64_VARIANT_ORIGINAL));
	bytes_free(&text);
	return json;
}

/* Each value goes where it fits: text as it is, other bytes as base64. */
static bool add_values(json_t *json, const struct coffer_secrets *values)
{
	json_t *texts = json_object();
	json_t *others = json_object();
	bool ok = set(json, "secrets", texts) && set(json, "secrets_base64", others);

	for (size_t i = 0; ok && i < values->len; i++) {
		const struct coffer_secret *secret = &values->items[i];
		json_t *text = json_stringn((const char *)secret->value.data, secret->value.len);
		ok = text ? set(texts, secret->name, text)
			  : set(others, secret->name, base64(&secret->value));
	}
	return ok;
}

static int compare_name(const void *name, const void *secret)
{
	return strcmp(name, ((const struct coffer_secret *)secret)->name);
}

/* When the version of the value was written; 0 if there is another one by now. */
static int64_t written_at(const struct coffer_secrets *listing, const struct coffer_secret *secret)
{
	const struct coffer_secret *found =
	    listing->len > 0 ? bsearch(secret->name, listing->items, listing->len,
				       sizeof(*listing->items), compare_name)
			     : NULL;

	return found && found->value.version == secret->value.version ? found->updated_at_ms : 0;
}

static json_t *info(const struct handover *handover)
{
	json_t *json = json_object();
	bool ok = json != NULL;

	for (size_t i = 0; ok && i < handover->values.len; i++) {
		const struct coffer_secret *secret = &handover->values.items[i];
		ok =
		    set(json, secret->name,
			json_pack("{s:o, s:I, s:I}", "scope", output_json_text(secret->value.scope),
				  "version", (json_int_t)secret->value.version, "updated_at_ms",
				  (json_int_t)written_at(&handover->listing, secret)));
	}
	if (ok)
		return json;
	json_decref(json);
	return NULL;
}

static bool add_scopes(json_t *json, const struct coffer_session *session)
{
	json_t *array = json_array();
	bool ok = set(json, "scopes", array);
	const char *scope;

	for (size_t i = 0; ok && (scope = coffer_scope(session, i)); i++)
		ok = json_array_append_new(array, output_json_text(scope)) == 0;
	return ok;
}

static bool add_globs(json_t *json, const char *const *allow, size_t allow_len)
{
	json_t *array = json_array();
	bool ok = set(json, "allow", array);

	for (size_t i = 0; ok && i < allow_len; i++)
		ok = json_array_append_new(array, output_json_text(allow[i])) == 0;
	return ok;
}

static bool add_about(json_t *json, const struct coffer_bootstrap *about)
{
	return set(json, "git_dir", output_json_text(about->git_dir)) &&
	       set(json, "meta", run_json_meta(about)) &&
	       set(json, "sentry", run_json_sentry(about)) &&
	       set(json, "extras", run_json_extras(about));
}

json_t *handover_json(const struct handover *handover, const struct coffer_run_made *made,
		      const struct coffer_bootstrap *about, const char *const *allow,
		      size_t allow_len)
{
	json_t *json = json_pack("{s:i, s:s, s:I}", "version", 1, "run_id", made->run_id,
				 "expires_at_ms", (json_int_t)made->expires_at_ms);
	bool ok = json != NULL;

	if (about)
		ok = ok && add_about(json, about);
	if (handover->session)
		ok = ok && add_scopes(json, handover->session) &&
		     add_globs(json, allow, allow_len) && add_values(json, &handover->values) &&
		     set(json, "secret_info", info(handover));
	if (ok)
		return json;
	json_decref(json);
	return NULL;
}
