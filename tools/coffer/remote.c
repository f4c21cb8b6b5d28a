#include "remote.h"

#include <coffer/registry.h>

#include "connect.h"
#include "courier.h"
#include "fetch/frame.h"
#include "home.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MS 10000

#define SECRETS_PATH   "/api/run/secrets/"
#define LIST_PATH      "/api/run/secrets"
#define ENV_PATH       "/api/env"
#define BOOTSTRAP_PATH "/api/run/bootstrap"

__attribute__((format(printf, 3, 4))) static coffer_err fail(struct remote *remote, coffer_err err,
							     const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(remote->message, sizeof(remote->message), format, args);
	va_end(args);
	return err;
}

const char *remote_url(const struct cli *cli)
{
	const char *url = connect_is_file() ? NULL : home_url(cli);

	if (url && (strncmp(url, "https://", strlen("https://")) == 0 ||
		    strncmp(url, "http://", strlen("http://")) == 0))
		return url;
	return NULL;
}

cli_exit remote_open(const struct cli *cli, struct remote *remote, const char *url)
{
	coffer_err err = coffer_tokens_find(&remote->tokens, NULL);

	remote->url = url;
	remote->token = remote->tokens.len > 0 ? remote->tokens.items[0].text : NULL;
	remote->timeout_ms = TIMEOUT_MS;
	return cli_result(cli, err, remote->tokens.message);
}

void remote_close(struct remote *remote)
{
	coffer_tokens_free(&remote->tokens);
}

/* --- what is asked ------------------------------------------------------------------------------------ */

/* In a header, other characters would be another header. */
static bool is_token(const char *text)
{
	return strlen(text) == COFFER_TOKEN_LEN &&
	       strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") ==
		   COFFER_TOKEN_LEN;
}

/* In a path, other characters would be another path. */
static bool is_name(const char *text)
{
	char reference[sizeof("secret:") + COFFER_NAME_MAX];
	int len = snprintf(reference, sizeof(reference), "secret:%s", text);

	return len > 0 && (size_t)len < sizeof(reference) && coffer_reference(reference);
}

static void add(struct bytes *request, const char *text)
{
	bytes_append(request, text, strlen(text) + 1);
}

static void add_setting(struct bytes *request, const char *variable, const char *other)
{
	const char *value = getenv(variable);

	if ((!value || !value[0]) && other)
		value = getenv(other);
	add(request, value ? value : "");
}

/* All but the paths. */
static coffer_err begin(struct remote *remote, struct bytes *request)
{
	char timeout[16];

	remote->message[0] = '\0';
	if (!remote->token)
		return fail(remote, COFFER_INVALID_ARGUMENT,
			    "no token: SECRETS_API_TOKEN is not set");
	if (!is_token(remote->token))
		return fail(remote, COFFER_INVALID_ARGUMENT,
			    "the token is not %d letters and digits", COFFER_TOKEN_LEN);
	(void)snprintf(timeout, sizeof(timeout), "%d", remote->timeout_ms);
	add(request, remote->url);
	add(request, remote->token);
	add(request, timeout);
	add_setting(request, "COFFER_CA_FILE", "SECRETS_API_CA");
	add_setting(request, "COFFER_CLIENT_CERT", NULL);
	add_setting(request, "COFFER_CLIENT_KEY", NULL);
	return COFFER_OK;
}

/* --- what is answered --------------------------------------------------------------------------------- */

static json_t *parse(const struct courier_answer *answer)
{
	return json_loadb(answer->data, answer->len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
}

static coffer_err fail_malformed(struct remote *remote)
{
	return fail(remote, COFFER_INTERNAL, "the server's answer is not one of coffer-http");
}

/* Where the words are not those of coffer-http, it is something before it that answers. */
static coffer_err explain_foreign(struct remote *remote, uint32_t status)
{
	if (status >= 300 && status < 400)
		return fail(remote, COFFER_INVALID_ARGUMENT,
			    "the server answered %u, a redirect, which is not followed: the token "
			    "would go along",
			    status);
	if (status >= 502 && status <= 504)
		return fail(remote, COFFER_UNAVAILABLE,
			    "the server answered %u: nobody is behind it", status);
	return fail(
	    remote, COFFER_INVALID_ARGUMENT,
	    "the server answered %u, and not as coffer-http does: is SECRETS_API_URL right?",
	    status);
}

static coffer_err explain(struct remote *remote, const struct courier_answer *answer)
{
	static const struct {
		uint32_t status;
		coffer_err err;
	} known[] = {
		{ 400, COFFER_INVALID_ARGUMENT },    { 401, COFFER_UNAUTHENTICATED },
		{ 403, COFFER_PERMISSION_DENIED },   { 404, COFFER_NOT_FOUND },
		{ 409, COFFER_FAILED_PRECONDITION }, { 410, COFFER_GONE },
		{ 429, COFFER_RESOURCE_EXHAUSTED },  { 500, COFFER_INTERNAL },
		{ 503, COFFER_UNAVAILABLE },         { 504, COFFER_DEADLINE_EXCEEDED },
	};
	json_t *json = answer->status >= 400 ? parse(answer) : NULL;
	const char *words = json_string_value(json_object_get(json, "error"));
	coffer_err err = COFFER_INTERNAL;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].status == answer->status)
			err = known[i].err;
	if (words)
		err = fail(remote, err, "%s", words);
	else
		err = explain_foreign(remote, answer->status);
	json_decref(json);
	return err;
}

/* *out is a JSON object if the answer is good. */
static coffer_err read_answer(struct remote *remote, const struct courier_answer *answer,
			      json_t **out)
{
	*out = NULL;
	if (answer->status < 100)
		return fail(remote, (coffer_err)answer->status, "%.*s", (int)answer->len,
			    answer->data);
	if (answer->status != 200)
		return explain(remote, answer);
	*out = parse(answer);
	if (json_is_object(*out))
		return COFFER_OK;
	json_decref(*out);
	*out = NULL;
	return fail_malformed(remote);
}

/* Whether nothing further was asked after it. */
static bool is_last(const struct courier_answer *answer)
{
	return answer->status < 100;
}

static coffer_err decode(struct remote *remote, const char *text, struct coffer_value *out)
{
	size_t len = text ? strlen(text) : 0;
	size_t decoded = 0;
	uint8_t *data = malloc(len + 1);
	coffer_err err;

	if (!data)
		return fail(remote, COFFER_RESOURCE_EXHAUSTED, "no memory");
	if (!text || sodium_base642bin(data, len + 1, text, len, NULL, &decoded, NULL,
				       sodium_base64_VARIANT_ORIGINAL) != 0)
		err = fail_malformed(remote);
	else if ((err = coffer_value_copy(out, data, decoded)) != COFFER_OK)
		err = fail(remote, err, "no memory");
	explicit_bzero(data, len + 1);
	free(data);
	return err;
}

/* A string, or {"value_base64": ...} for what is no text. */
static coffer_err read_value(struct remote *remote, const json_t *json, struct coffer_value *out)
{
	if (!json_is_string(json))
		return decode(remote, json_string_value(json_object_get(json, "value_base64")),
			      out);
	if (coffer_value_copy(out, (const uint8_t *)json_string_value(json),
			      json_string_length(json)) != COFFER_OK)
		return fail(remote, COFFER_RESOURCE_EXHAUSTED, "no memory");
	return COFFER_OK;
}

/* --- asking ------------------------------------------------------------------------------------------- */

static coffer_err send(struct remote *remote, struct bytes *request, struct bytes *answers)
{
	const char *why = courier_run(request, answers);

	bytes_free(request);
	return why ? fail(remote, COFFER_FAILED_PRECONDITION, "%s", why) : COFFER_OK;
}

/* For one path. */
static coffer_err ask(struct remote *remote, const char *path, json_t **out)
{
	struct bytes request = { 0 };
	struct bytes answers = { 0 };
	struct courier_answer answer;
	size_t at = 0;
	coffer_err err = begin(remote, &request);

	*out = NULL;
	if (err == COFFER_OK) {
		add(&request, path);
		err = send(remote, &request, &answers);
	}
	if (err == COFFER_OK)
		err = courier_next(&answers, &at, &answer)
			  ? read_answer(remote, &answer, out)
			  : fail(remote, COFFER_INTERNAL, "coffer-fetch has failed");
	bytes_free(&request);
	bytes_free(&answers);
	return err;
}

static coffer_err take_secret(struct remote *remote, const char *name,
			      const struct courier_answer *answer, remote_take take, void *context)
{
	struct coffer_value value = { 0 };
	json_t *json;
	coffer_err err = read_answer(remote, answer, &json);

	if (err == COFFER_OK) {
		const json_t *text = json_object_get(json, "value");
		err = read_value(remote, text ? text : json, &value);
	}
	json_decref(json);
	return is_last(answer) ? err : take(context, name, err, &value);
}

coffer_err remote_get(struct remote *remote, const char *const *names, size_t count,
		      remote_take take, void *context)
{
	struct bytes request = { 0 };
	struct bytes answers = { 0 };
	struct courier_answer answer;
	size_t at = 0;
	coffer_err err = begin(remote, &request);

	for (size_t i = 0; err == COFFER_OK && i < count; i++) {
		if (!is_name(names[i]))
			err = fail(remote, COFFER_INVALID_ARGUMENT, "that is not a secret's name");
		bytes_print(&request, SECRETS_PATH "%s", names[i]);
		bytes_append(&request, "", 1);
	}
	if (err == COFFER_OK)
		err = send(remote, &request, &answers);
	for (size_t i = 0; err == COFFER_OK && i < count; i++)
		err = courier_next(&answers, &at, &answer)
			  ? take_secret(remote, names[i], &answer, take, context)
			  : fail(remote, COFFER_INTERNAL, "coffer-fetch has failed");
	bytes_free(&request);
	bytes_free(&answers);
	return err;
}

static coffer_err keep_one(void *context, const char *name, coffer_err err,
			   struct coffer_value *value)
{
	(void)name;
	if (err == COFFER_OK)
		*(struct coffer_value *)context = *value; /* ownership moves */
	return err;
}

coffer_err remote_get_one(struct remote *remote, const char *name, struct coffer_value *out)
{
	*out = (struct coffer_value){ 0 };
	return remote_get(remote, &name, 1, keep_one, out);
}

static bool read_listed(const json_t *json, struct coffer_secret *out)
{
	const char *name = json_string_value(json_object_get(json, "name"));
	const char *scope = json_string_value(json_object_get(json, "scope"));
	const json_t *version = json_object_get(json, "version");
	const json_t *updated_at_ms = json_object_get(json, "updated_at_ms");

	if (!name || !is_name(name) || !scope || strlen(scope) > COFFER_SCOPE_MAX ||
	    !json_is_integer(version) || json_integer_value(version) < 0 ||
	    json_integer_value(version) > UINT32_MAX || !json_is_integer(updated_at_ms))
		return false;
	memcpy(out->name, name, strlen(name) + 1);
	memcpy(out->value.scope, scope, strlen(scope) + 1);
	out->value.version = (uint32_t)json_integer_value(version);
	out->updated_at_ms = json_integer_value(updated_at_ms);
	return true;
}

static coffer_err read_listing(struct remote *remote, const json_t *listed,
			       struct coffer_secrets *out)
{
	if (!json_is_array(listed))
		return fail_malformed(remote);
	if (!(out->items = calloc(json_array_size(listed) + 1, sizeof(*out->items))))
		return fail(remote, COFFER_RESOURCE_EXHAUSTED, "no memory");
	for (; out->len < json_array_size(listed); out->len++)
		if (!read_listed(json_array_get(listed, out->len), &out->items[out->len]))
			return fail_malformed(remote);
	return COFFER_OK;
}

coffer_err remote_list(struct remote *remote, struct coffer_secrets *out)
{
	json_t *json;
	coffer_err err = ask(remote, LIST_PATH, &json);

	*out = (struct coffer_secrets){ NULL, 0 };
	if (err == COFFER_OK)
		err = read_listing(remote, json_object_get(json, "secrets"), out);
	if (err != COFFER_OK)
		coffer_secrets_free(out);
	json_decref(json);
	return err;
}

coffer_err remote_environment(struct remote *remote, remote_take take, void *context)
{
	const char *name;
	json_t *json;
	json_t *item;
	coffer_err err = ask(remote, ENV_PATH, &json);

	if (err != COFFER_OK)
		return err;
	json_object_foreach(json, name, item)
	{
		struct coffer_value value = { 0 };

		if (!is_name(name))
			err = fail_malformed(remote);
		else if ((err = read_value(remote, item, &value)) == COFFER_OK)
			err = take(context, name, COFFER_OK, &value);
		if (err != COFFER_OK)
			break;
	}
	json_decref(json);
	return err;
}

coffer_err remote_claim(struct remote *remote, json_t **out)
{
	return ask(remote, BOOTSTRAP_PATH, out);
}
