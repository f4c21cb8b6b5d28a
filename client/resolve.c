#include <coffer/registry.h>

#include "json.h"
#include "names.h"
#include "registry.h"
#include "unknown.h"

#include <stdlib.h>

#define PREFIX     "secret:"
#define PREFIX_LEN (sizeof(PREFIX) - 1)

/* A string that is a reference, with each of its characters as an escape and its quotes. */
#define STRING_MAX (6 * (PREFIX_LEN + COFFER_NAME_MAX) + 2)

/* One name that the document refers to, however often. */
struct found {
	char name[COFFER_NAME_MAX + 1];
	struct coffer_value value;
};

/* A document on its way, which is walked over three times: for its names, for its length, for its bytes. */
struct document {
	struct coffer_registry *registry;
	struct slice json;
	struct found *found;
	size_t len, cap;
	size_t copied;  /* bytes of json that are in out, or replaced there */
	struct buf out; /* without memory only the length counts */
};

const char *coffer_reference(const char *text)
{
	const char *why;

	if (text == NULL || strncmp(text, PREFIX, PREFIX_LEN) != 0 ||
	    names_check_secret(slice_str(text + PREFIX_LEN), &why) != COFFER_OK)
		return NULL;
	return text + PREFIX_LEN;
}

/* The name, in text, that a token refers to, or NULL. */
static const char *refers_to(const struct json_token *token, char text[STRING_MAX + 1])
{
	size_t len;

	if (token->kind != JSON_STRING || token->text.len > STRING_MAX)
		return NULL;
	len = json_decode(token->text, (uint8_t *)text);
	text[len] = '\0';
	return strlen(text) == len ? coffer_reference(text) : NULL;
}

static struct found *find(const struct document *document, const char *name)
{
	for (size_t i = 0; i < document->len; i++)
		if (strcmp(document->found[i].name, name) == 0)
			return &document->found[i];
	return NULL;
}

/* The array holds pointers to values and no value, so realloc leaves none behind. */
static struct found *append(struct document *document, const char *name)
{
	size_t cap = document->cap > 0 ? document->cap * 2 : 16;
	struct found *found;

	if (document->len == document->cap) {
		found = realloc(document->found, cap * sizeof(*found));
		if (found == NULL)
			return NULL;
		document->found = found;
		document->cap = cap;
	}
	found = &document->found[document->len++];
	*found = (struct found){ .value = { 0 } };
	memcpy(found->name, name, strlen(name));
	return found;
}

static coffer_err add_name(struct document *document, struct slice string, const char *name)
{
	(void)string;
	if (find(document, name) != NULL || append(document, name) != NULL)
		return COFFER_OK;
	return registry_fail(document->registry, COFFER_RESOURCE_EXHAUSTED, "no memory");
}

static coffer_err fail_at(struct document *document, const struct json *json)
{
	size_t line, column;

	json_place(document->json, json->at, &line, &column);
	return registry_fail(document->registry, COFFER_INVALID_ARGUMENT,
			     "line %zu, column %zu: %s", line, column, json->why);
}

/* Calls visit for each reference of the document. */
static coffer_err walk(struct document *document,
		       coffer_err (*visit)(struct document *, struct slice, const char *))
{
	char text[STRING_MAX + 1];
	struct json_token token;
	struct json json;
	const char *name;
	coffer_err err;

	json_begin(&json, document->json);
	do {
		if (json_next(&json, &token) != COFFER_OK)
			return fail_at(document, &json);
		name = refers_to(&token, text);
		err = name != NULL ? visit(document, token.text, name) : COFFER_OK;
	} while (err == COFFER_OK && token.kind != JSON_END);
	return err;
}

/* Every name that nobody knows is told, not only the first. */
static coffer_err resolve_all(struct document *document)
{
	char text[COFFER_MESSAGE_MAX + 1] = "";
	size_t missing = 0;

	for (size_t i = 0; i < document->len; i++) {
		struct found *found = &document->found[i];
		coffer_err err =
		    coffer_registry_resolve(document->registry, found->name, &found->value);
		if (err == COFFER_NOT_FOUND)
			unknown_add(text, missing++, found->name);
		else if (err != COFFER_OK)
			return err;
	}
	if (missing == 0)
		return COFFER_OK;
	return registry_fail(document->registry, COFFER_NOT_FOUND, "%s", text);
}

static coffer_err check_values(struct document *document)
{
	for (size_t i = 0; i < document->len; i++) {
		const struct found *found = &document->found[i];
		struct slice rest = { found->value.data, found->value.len };
		size_t n = 1;
		while (rest.len > 0 && (n = names_utf8(rest)) > 0)
			rest = (struct slice){ rest.data + n, rest.len - n };
		if (n == 0)
			return registry_fail(document->registry, COFFER_INVALID_ARGUMENT,
					     "the value of '%s' is not UTF-8 and cannot stand in "
					     "JSON",
					     found->name);
	}
	return COFFER_OK;
}

/* A length that nothing can have stays as it is, and no memory will be had for it. */
static void put(struct buf *out, const void *bytes, size_t len)
{
	if (out->data != NULL && len > 0)
		memcpy(out->data + out->len, bytes, len);
	if (out->len < SIZE_MAX / 2)
		out->len += len;
}

static void put_byte(struct buf *out, uint8_t c)
{
	static const char letters[] = "\"\\\b\f\n\r\t", escapes[] = "\"\\bfnrt";
	static const char digits[] = "0123456789abcdef";
	const char *letter = c != '\0' ? strchr(letters, c) : NULL;

	if (letter != NULL)
		put(out, (const char[]){ '\\', escapes[letter - letters] }, 2);
	else if (c < 0x20)
		put(out, (const char[]){ '\\', 'u', '0', '0', digits[c >> 4], digits[c & 15] }, 6);
	else
		put(out, &c, 1);
}

/* Puts what stands before the reference, and then the value in its place. */
static coffer_err replace(struct document *document, struct slice string, const char *name)
{
	const struct found *found = find(document, name);
	size_t start = (size_t)(string.data - document->json.data);
	struct buf *out = &document->out;

	put(out, document->json.data + document->copied, start - document->copied);
	document->copied = start + string.len;
	put(out, "\"", 1);
	for (size_t i = 0; i < found->value.len; i++)
		put_byte(out, found->value.data[i]);
	put(out, "\"", 1);
	return COFFER_OK;
}

static coffer_err splice(struct document *document)
{
	coffer_err err;

	document->copied = 0;
	document->out.len = 0;
	err = walk(document, replace);
	put(&document->out, document->json.data + document->copied,
	    document->json.len - document->copied);
	return err;
}

static coffer_err write_out(struct document *document, struct coffer_value *out)
{
	coffer_err err = splice(document);

	if (err != COFFER_OK)
		return err;
	document->out.data = malloc(document->out.len + 1);
	if (document->out.data == NULL)
		return registry_fail(document->registry, COFFER_RESOURCE_EXHAUSTED, "no memory");
	err = splice(document);
	document->out.data[document->out.len] = '\0';
	*out = (struct coffer_value){ .data = document->out.data, .len = document->out.len };
	return err;
}

coffer_err coffer_resolve_json(struct coffer_registry *registry, const char *json, size_t len,
			       struct coffer_value *out)
{
	struct document document = { .registry = registry, .json = { (const uint8_t *)json, len } };
	coffer_err err;

	*out = (struct coffer_value){ 0 };
	registry_begin(registry);
	if ((err = walk(&document, add_name)) == COFFER_OK &&
	    (err = resolve_all(&document)) == COFFER_OK &&
	    (err = check_values(&document)) == COFFER_OK)
		err = write_out(&document, out);
	for (size_t i = 0; i < document.len; i++)
		coffer_value_free(&document.found[i].value);
	free(document.found);
	return err;
}
