/* json.h - what libcoffer gives, as JSON. Layer: tools.
 *
 * Every block that jansson frees is wiped first. A function that returns a json_t returns a new reference, or
 * NULL without memory; NULL given as a member makes the whole NULL. */
#ifndef HTTP_JSON_H
#define HTTP_JSON_H

#include <coffer/client.h>
#include <jansson.h>
#include <stdbool.h>

#include "body.h"

/* Once, before any other function and any thread. */
void json_begin(void);

bool json_is_utf8(const char *text, size_t len);

/* Text of which no more is known than that it is one. */
json_t *json_text(const char *text);

/* Appends json, and gives the reference up. NULL fails the body. */
void json_append(struct body *out, json_t *json);

/* {"value": text}, or {"value_base64": text} for what is not UTF-8. */
void json_append_value(struct body *out, const struct coffer_value *value);

/* {"NAME": value, ...}: a string, or an object as above for what is not UTF-8. */
void json_append_environment(struct body *out, const struct coffer_secrets *secrets);

/* {"secrets": [{name, scope, version, updated_at_ms}, ...]} */
void json_append_listing(struct body *out, const struct coffer_secrets *secrets);

/* {run_id, git_dir, meta, sentry, extras} */
void json_append_bootstrap(struct body *out, const struct coffer_bootstrap *about);

/* {"error": text} */
void json_append_error(struct body *out, const char *text);

#endif
