#include "values.h"

#include <coffer/registry.h>
#include <stdlib.h>
#include <string.h>

/* Out of memory inside uthash leaves the table as it was, and hh.tbl unset in what was to be added. */
#undef uthash_nonfatal_oom
#define uthash_nonfatal_oom(element) ((element)->hh.tbl = NULL)

const struct value *values_find(const struct values *values, const char *name)
{
	struct value *found;

	HASH_FIND_STR(values->first, name, found);
	return found;
}

static void drop(struct value *value)
{
	coffer_value_free(&value->secret);
	free(value->why);
	free(value);
}

/* The one under the name, empty. NULL: no memory. */
static struct value *make_room(struct values *values, const char *name)
{
	size_t size = strlen(name) + 1;
	struct value *value;

	HASH_FIND_STR(values->first, name, value);
	if (value) {
		coffer_value_free(&value->secret);
		free(value->why);
		value->why = NULL;
		return value;
	}
	if (!(value = calloc(1, sizeof(*value) + size)))
		return NULL;
	memcpy(value->name, name, size);
	HASH_ADD_STR(values->first, name, value);
	if (value->hh.tbl)
		return value;
	free(value);
	return NULL;
}

bool values_move(struct values *values, const char *name, struct coffer_value *secret)
{
	struct value *value = make_room(values, name);

	if (!value) {
		coffer_value_free(secret);
		return false;
	}
	value->secret = *secret; /* ownership moves to the table */
	*secret = (struct coffer_value){ 0 };
	return true;
}

bool values_copy(struct values *values, const char *name, const char *data, size_t len)
{
	struct coffer_value secret;

	if (coffer_value_copy(&secret, (const uint8_t *)data, len) != COFFER_OK)
		return false;
	return values_move(values, name, &secret);
}

bool values_lack(struct values *values, const char *name, const char *why)
{
	struct value *value = make_room(values, name);

	return value && (value->why = strdup(why));
}

void values_free(struct values *values)
{
	struct value *value = values->first;

	HASH_CLEAR(hh, values->first);
	while (value) {
		struct value *next = value->hh.next;
		drop(value);
		value = next;
	}
}
