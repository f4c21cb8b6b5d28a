#include "registry.h"

#include "names.h"
#include "unknown.h"
#include "wipe.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define ENTRIES_FIRST 16

struct source {
	coffer_source ask; /* NULL: there is none */
	void *context;
};

struct entry {
	char name[COFFER_NAME_MAX + 1];
	struct source source;
	struct coffer_value value; /* unless there is a source */
};

struct coffer_registry {
	struct coffer_redactor *redactor;
	struct source fallback;
	struct entry *entries; /* in the order of declaration */
	size_t len, cap;
	char message[COFFER_MESSAGE_MAX + 1];
};

coffer_err registry_fail(struct coffer_registry *registry, coffer_err err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(registry->message, sizeof(registry->message), format, args);
	va_end(args);
	return err;
}

void registry_begin(struct coffer_registry *registry)
{
	registry->message[0] = '\0';
}

const char *coffer_registry_message(const struct coffer_registry *registry)
{
	return registry != NULL ? registry->message : "out of memory";
}

coffer_err coffer_registry_new(struct coffer_registry **out, struct coffer_redactor *redactor)
{
	struct coffer_registry *registry = calloc(1, sizeof(*registry));

	*out = registry;
	if (registry == NULL)
		return COFFER_RESOURCE_EXHAUSTED;
	registry->redactor = redactor;
	return COFFER_OK;
}

void coffer_registry_free(struct coffer_registry *registry)
{
	if (registry == NULL)
		return;
	for (size_t i = 0; i < registry->len; i++)
		coffer_value_free(&registry->entries[i].value);
	free(registry->entries);
	free(registry);
}

static coffer_err check_name(struct coffer_registry *registry, const char *name)
{
	const char *why;

	registry_begin(registry);
	if (names_check_secret(slice_str(name), &why) == COFFER_OK)
		return COFFER_OK;
	return registry_fail(registry, COFFER_INVALID_ARGUMENT, "the secret's name %s", why);
}

static struct entry *find(const struct coffer_registry *registry, const char *name)
{
	for (size_t i = 0; i < registry->len; i++)
		if (strcmp(registry->entries[i].name, name) == 0)
			return &registry->entries[i];
	return NULL;
}

/* The entries hold pointers to values and no value, so realloc leaves none behind. */
static struct entry *append(struct coffer_registry *registry, const char *name)
{
	size_t cap = registry->cap > 0 ? registry->cap * 2 : ENTRIES_FIRST;
	struct entry *entry;

	if (registry->len == registry->cap) {
		entry = realloc(registry->entries, cap * sizeof(*entry));
		if (entry == NULL)
			return NULL;
		registry->entries = entry;
		registry->cap = cap;
	}
	entry = &registry->entries[registry->len++];
	*entry = (struct entry){ .source.ask = NULL };
	memcpy(entry->name, name, strlen(name));
	return entry;
}

/* What is declared moves into the registry on COFFER_OK. */
static coffer_err declare(struct coffer_registry *registry, const char *name, struct source source,
			  struct coffer_value *value)
{
	struct entry *entry = find(registry, name);

	if (entry == NULL && (entry = append(registry, name)) == NULL)
		return registry_fail(registry, COFFER_RESOURCE_EXHAUSTED, "no memory");
	coffer_value_free(&entry->value);
	entry->source = source;
	entry->value = *value;
	*value = (struct coffer_value){ 0 };
	return COFFER_OK;
}

coffer_err coffer_registry_declare(struct coffer_registry *registry, const char *name,
				   const uint8_t *data, size_t len)
{
	struct coffer_value value = { 0 };
	coffer_err err;

	if ((err = check_name(registry, name)) != COFFER_OK)
		return err;
	if ((err = coffer_value_copy(&value, data, len)) != COFFER_OK)
		return registry_fail(registry, err, "no memory");
	err = declare(registry, name, (struct source){ NULL, NULL }, &value);
	coffer_value_free(&value);
	return err;
}

coffer_err coffer_registry_declare_source(struct coffer_registry *registry, const char *name,
					  coffer_source source, void *context)
{
	struct coffer_value none = { 0 };
	coffer_err err;

	if ((err = check_name(registry, name)) != COFFER_OK)
		return err;
	if (source == NULL)
		return registry_fail(registry, COFFER_INVALID_ARGUMENT, "no source was given");
	return declare(registry, name, (struct source){ source, context }, &none);
}

void coffer_registry_fallback(struct coffer_registry *registry, coffer_source source, void *context)
{
	registry->fallback = (struct source){ source, context };
}

static coffer_err unknown(struct coffer_registry *registry, const char *name)
{
	unknown_add(registry->message, 0, name);
	return COFFER_NOT_FOUND;
}

static coffer_err ask(struct coffer_registry *registry, const struct source *source,
		      const char *name, struct coffer_value *out)
{
	const char *why = NULL;
	coffer_err err = source->ask(source->context, name, out, &why);

	if (err == COFFER_OK && out->data != NULL)
		return COFFER_OK;
	coffer_value_free(out);
	if (err == COFFER_OK)
		return registry_fail(registry, COFFER_INTERNAL, "the source of '%s' gave no value",
				     name);
	if (why != NULL && why[0] != '\0')
		return registry_fail(registry, err, "%s", why);
	if (err == COFFER_NOT_FOUND)
		return unknown(registry, name);
	return registry_fail(registry, err, "the source of '%s' failed: %s", name,
			     coffer_err_text(err));
}

static coffer_err copy_declared(struct coffer_registry *registry, const struct entry *entry,
				struct coffer_value *out)
{
	coffer_err err = coffer_value_copy(out, entry->value.data, entry->value.len);

	return err == COFFER_OK ? err : registry_fail(registry, err, "no memory");
}

/* A value is known to the redactor before anybody has it; one that cannot be is given to nobody. */
static coffer_err hand_out(struct coffer_registry *registry, const char *name,
			   struct coffer_value *value)
{
	coffer_err err;

	if (registry->redactor == NULL)
		return COFFER_OK;
	err = coffer_redactor_add(registry->redactor, name, value->data, value->len);
	if (err == COFFER_OK || err == COFFER_FAILED_PRECONDITION)
		return COFFER_OK;
	coffer_value_free(value);
	return registry_fail(registry, err, "%s", coffer_redactor_message(registry->redactor));
}

coffer_err coffer_registry_resolve(struct coffer_registry *registry, const char *name,
				   struct coffer_value *out)
{
	const struct entry *entry;
	coffer_err err;

	*out = (struct coffer_value){ 0 };
	if ((err = check_name(registry, name)) != COFFER_OK)
		return err;
	entry = find(registry, name);
	if (entry != NULL && entry->source.ask == NULL)
		err = copy_declared(registry, entry, out);
	else if (entry != NULL)
		err = ask(registry, &entry->source, name, out);
	else if (registry->fallback.ask != NULL)
		err = ask(registry, &registry->fallback, name, out);
	else
		err = unknown(registry, name);
	return err == COFFER_OK ? hand_out(registry, name, out) : err;
}

const char *coffer_registry_name(const struct coffer_registry *registry, size_t i)
{
	return i < registry->len ? registry->entries[i].name : NULL;
}

coffer_err coffer_session_source(void *session, const char *name, struct coffer_value *out,
				 const char **why)
{
	coffer_err err = coffer_get(session, name, out);

	*why = coffer_message(session);
	return err;
}
