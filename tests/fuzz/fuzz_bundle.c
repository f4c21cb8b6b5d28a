/* One input as what the client takes apart that others wrote: as a bootstrap file, and as a document with
 * references. Whatever it is, both end without harm; what is accepted keeps its promises. */
#include <coffer/registry.h>

#include "bundle.h"
#include "json.h"
#include "names.h"
#include "pages.h"

#include "check.h"
#include <string.h>

static coffer_err answer(void *context, const char *name, struct coffer_value *out,
			 const char **why)
{
	(void)context, (void)why;
	return name[0] == 'X' ? COFFER_NOT_FOUND
			      : coffer_value_copy(out, (const uint8_t *)name, strlen(name));
}

/* All tokens, each of which is a part of the text behind the one before. */
static bool is_json(struct slice text)
{
	const uint8_t *end = text.data;
	struct json_token token;
	struct json json;

	json_begin(&json, text);
	do {
		if (json_next(&json, &token) != COFFER_OK) {
			CHECK(json.at <= text.len && json.why != NULL);
			return false;
		}
		CHECK(token.kind == JSON_END ||
		      (token.text.len > 0 && token.text.data >= end &&
		       token.text.data + token.text.len <= text.data + text.len));
		if (token.kind != JSON_END)
			end = token.text.data + token.text.len;
	} while (token.kind != JSON_END);
	return true;
}

static void resolve(struct slice text)
{
	struct coffer_registry *registry;
	struct coffer_value out, again;
	coffer_err err;

	CHECK(coffer_registry_new(&registry, NULL) == COFFER_OK);
	coffer_registry_fallback(registry, answer, NULL);
	err = coffer_resolve_json(registry, (const char *)text.data, text.len, &out);
	CHECK((err == COFFER_INVALID_ARGUMENT) == !is_json(text));
	if (err == COFFER_OK) {
		/* No value is a reference, so nothing is left to resolve. */
		CHECK(is_json((struct slice){ out.data, out.len }));
		CHECK(coffer_resolve_json(registry, (const char *)out.data, out.len, &again) ==
		      COFFER_OK);
		CHECK(again.len == out.len && memcmp(again.data, out.data, out.len) == 0);
		coffer_value_free(&again);
	}
	CHECK(err == COFFER_OK || out.data == NULL);
	coffer_value_free(&out);
	coffer_registry_free(registry);
}

static void parse(struct slice text)
{
	static struct transport transport;
	struct bundle bundle = { .pages_len = text.len + 1, .len = text.len };
	const char *why;

	bundle.pages = pages_map(bundle.pages_len);
	CHECK(bundle.pages != NULL);
	if (text.len > 0)
		memcpy(bundle.pages, text.data, text.len);
	if (bundle_parse(&bundle, "F", &transport) == COFFER_OK) {
		CHECK(is_json(text));
		for (size_t i = 0; i < bundle.secrets_len; i++) {
			const struct bundle_secret *secret = &bundle.secrets[i];
			CHECK(names_check_secret(secret->name, &why) == COFFER_OK);
			CHECK(bundle_find(&bundle, secret->name) == secret);
			CHECK(secret->value.data >= bundle.pages &&
			      secret->value.data + secret->value.len <= bundle.pages + bundle.len);
		}
	}
	bundle_free(&bundle);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct slice text = { data, len };

	resolve(text);
	parse(text);
	return 0;
}
