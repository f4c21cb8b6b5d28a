#include "environment.h"

#include <coffer/registry.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Out of memory inside uthash leaves the table as it was, and hh.tbl unset in what was to be added. */
#undef uthash_nonfatal_oom
#define uthash_nonfatal_oom(element) ((element)->hh.tbl = NULL)

/* What is shorter is no token, and stands in much that has nothing to do with it. */
#define TOKEN_MIN 8

/* Linux takes strings of so many pages at most, their NUL among them. */
#define STRING_PAGES 32

struct variable {
	const char *text;
	const char *secret; /* whose value it gets; NULL: text stands as it is */
	bool set;           /* before a secret of its own name */
	UT_hash_handle hh;
	char name[];
};

static bool is_name(const char *variable, const char *name, size_t len)
{
	return strlen(variable) == len && memcmp(variable, name, len) == 0;
}

bool environment_is_reserved(const char *name, size_t len)
{
	const char *variable;

	for (size_t i = 0; (variable = coffer_token_variable(i)); i++)
		if (is_name(variable, name, len))
			return true;
	return is_name("COFFER_BOOTSTRAP", name, len);
}

/* The value in "NAME=VALUE"; "" if there is no "=". */
static const char *value_of(const char *text)
{
	const char *equals = strchr(text, '=');

	return equals ? equals + 1 : text + strlen(text);
}

/* Also what is no variable, for want of a "=", would show a token. */
static bool hands_over(const struct environment *environment, const char *text)
{
	const struct coffer_tokens *tokens = environment->tokens;

	for (size_t i = 0; i < tokens->len; i++)
		if (strlen(tokens->items[i].text) >= TOKEN_MIN &&
		    strstr(text, tokens->items[i].text))
			return true;
	return environment_is_reserved(text, strcspn(text, "="));
}

/* The variable that text begins with, new or there already. NULL: no memory. */
static struct variable *make_room(struct environment *environment, const char *text)
{
	size_t len = strcspn(text, "=");
	struct variable *variable;

	HASH_FIND(hh, environment->first, text, len, variable);
	if (variable)
		return variable;
	if (!(variable = calloc(1, sizeof(*variable) + len + 1)))
		return NULL;
	memcpy(variable->name, text, len);
	HASH_ADD_KEYPTR(hh, environment->first, variable->name, len, variable);
	if (variable->hh.tbl)
		return variable;
	free(variable);
	return NULL;
}

static bool add(struct environment *environment, const char *text, const char *secret, bool set)
{
	struct variable *variable;

	if (hands_over(environment, text))
		return true;
	if (!(variable = make_room(environment, text)))
		return false;
	variable->text = text;
	variable->secret = secret;
	variable->set = set;
	return true;
}

bool environment_add(struct environment *environment, const char *text)
{
	return add(environment, text, coffer_reference(value_of(text)), false);
}

bool environment_set(struct environment *environment, const char *text)
{
	return add(environment, text, value_of(text), true);
}

void environment_wipe(const struct environment *environment, char **variables)
{
	for (; *variables; variables++) {
		if (hands_over(environment, *variables))
			explicit_bzero(*variables, strlen(*variables));
	}
}

void environment_warn(const struct cli *cli, const struct environment *environment)
{
	const struct variable *variable;

	for (variable = environment->first; variable; variable = variable->hh.next)
		if (!variable->secret &&
		    strncmp(value_of(variable->text), "secret:", strlen("secret:")) == 0)
			cli_warn(cli,
				 "warning: %s begins with 'secret:' and names no secret: it is "
				 "passed on as it is",
				 variable->name);
}

bool environment_needs(const struct environment *environment, const char *secret)
{
	const struct variable *variable;

	if (environment->all)
		return true;
	for (variable = environment->first; variable; variable = variable->hh.next)
		if (variable->secret && (!secret || strcmp(variable->secret, secret) == 0))
			return true;
	return false;
}

static bool is_there(const struct values *values, const char *name)
{
	const struct value *value = values_find(values, name);

	return value && !value->why;
}

/* The secret whose value the variable gets, or NULL. */
static const char *secret_of(const struct environment *environment, const struct values *values,
			     const struct variable *variable)
{
	if (environment->all && !variable->set && is_there(values, variable->name))
		return variable->name;
	return variable->secret;
}

static bool is_among(const char *const *names, size_t len, const char *name)
{
	size_t i = 0;

	while (i < len && strcmp(names[i], name) != 0)
		i++;
	return i < len;
}

size_t environment_lacks(const struct environment *environment, const struct values *have,
			 const char **names, size_t max)
{
	const struct variable *variable;
	size_t len = 0;

	for (variable = environment->first; variable && len < max; variable = variable->hh.next) {
		const char *secret = secret_of(environment, have, variable);

		if (secret && !values_find(have, secret) && !is_among(names, len, secret))
			names[len++] = secret;
	}
	return len;
}

/* --- the block ---------------------------------------------------------------------------------------- */

/* A block in the making. First it is only measured, then filled. */
struct maker {
	const struct cli *cli;
	const struct environment *environment;
	const struct values *values;
	struct block *block; /* its items and made are NULL while it is measured */
	cli_exit status;
};

/* NULL if the value can stand in the variable, else what is wrong. */
static const char *find_fault(const char *variable, const struct coffer_value *secret)
{
	size_t max = (size_t)sysconf(_SC_PAGESIZE) * STRING_PAGES;

	if (secret->len > 0 && memchr(secret->data, '\0', secret->len))
		return "holds a NUL byte";
	if (strlen(variable) + strlen("=") + secret->len >= max)
		return "is too long";
	return NULL;
}

static void check_secret(struct maker *maker, const char *variable, const char *name)
{
	const struct value *value = values_find(maker->values, name);
	const char *fault;

	if (!value)
		maker->status = cli_refuse(maker->cli, "%s: unknown secret '%s'", variable, name);
	else if (value->why)
		maker->status = cli_refuse(maker->cli, "%s: %s", variable, value->why);
	else if ((fault = find_fault(variable, &value->secret)))
		maker->status = cli_refuse(maker->cli,
					   "%s: the value of secret '%s' %s, which no "
					   "environment can hold",
					   variable, name, fault);
	else
		maker->block->made_len += strlen(variable) + strlen("=") + value->secret.len + 1;
}

/* "variable=value" at the end of what was made. */
static char *append(struct block *block, const char *variable, const struct coffer_value *secret)
{
	char *start = block->made + block->made_len;
	size_t name_len = strlen(variable);

	memcpy(start, variable, name_len);
	start[name_len] = '=';
	if (secret->len > 0)
		memcpy(start + name_len + 1, secret->data, secret->len);
	start[name_len + 1 + secret->len] = '\0';
	block->made_len += name_len + 1 + secret->len + 1;
	return start;
}

/* One variable: with the value of the secret of that name, or text as it is. */
static void put(struct maker *maker, const char *variable, const char *name, const char *text)
{
	struct block *block = maker->block;

	if (block->items)
		block->items[block->len] =
		    name ? append(block, variable, &values_find(maker->values, name)->secret)
			 : (char *)(uintptr_t)text;
	else if (name)
		check_secret(maker, variable, name);
	block->len++;
}

static bool has_variable(const struct environment *environment, const char *name)
{
	const struct variable *variable;

	HASH_FIND_STR(environment->first, name, variable);
	return variable != NULL;
}

static void put_all(struct maker *maker)
{
	const struct environment *environment = maker->environment;
	const struct variable *variable;
	const struct value *value;

	maker->block->len = 0;
	maker->block->made_len = 0;
	for (variable = environment->first; variable; variable = variable->hh.next)
		put(maker, variable->name, secret_of(environment, maker->values, variable),
		    variable->text);
	if (!environment->all)
		return;
	for (value = maker->values->first; value; value = value->hh.next)
		if (!value->why && !has_variable(environment, value->name) &&
		    !environment_is_reserved(value->name, strlen(value->name)))
			put(maker, value->name, value->name, NULL);
}

cli_exit environment_make(const struct cli *cli, const struct environment *environment,
			  const struct values *values, struct block *out)
{
	struct maker maker = { cli, environment, values, out, CLI_DONE };
	char *made;
	char **items;

	*out = (struct block){ 0 };
	put_all(&maker);
	if (maker.status != CLI_DONE) {
		*out = (struct block){ 0 };
		return maker.status;
	}
	made = malloc(out->made_len + 1);
	items = calloc(out->len + 1, sizeof(*items));
	if (!made || !items) {
		free(made);
		free(items);
		*out = (struct block){ 0 };
		return cli_refuse(cli, "out of memory");
	}
	out->made = made;
	out->items = items;
	put_all(&maker);
	return CLI_DONE;
}

bool block_equal(const struct block *a, const struct block *b)
{
	size_t i = 0;

	while (i < a->len && i < b->len && strcmp(a->items[i], b->items[i]) == 0)
		i++;
	return i == a->len && i == b->len;
}

void block_free(struct block *block)
{
	if (block->made)
		explicit_bzero(block->made, block->made_len);
	free(block->made);
	free(block->items);
	*block = (struct block){ 0 };
}

/* The secret's name stands behind the variable's. NULL: no memory. */
static struct variable *copy_variable(const struct variable *from)
{
	size_t name_size = strlen(from->name) + 1;
	size_t secret_size = strlen(from->secret) + 1;
	struct variable *copy = calloc(1, sizeof(*copy) + name_size + secret_size);

	if (!copy)
		return NULL;
	memcpy(copy->name, from->name, name_size);
	memcpy(copy->name + name_size, from->secret, secret_size);
	copy->secret = copy->name + name_size;
	copy->set = from->set;
	return copy;
}

bool environment_copy(struct environment *out, const struct environment *from)
{
	const struct variable *variable;

	*out = (struct environment){ .all = from->all };
	for (variable = from->first; variable; variable = variable->hh.next) {
		struct variable *copy = variable->secret ? copy_variable(variable) : NULL;

		if (!variable->secret)
			continue;
		if (copy)
			HASH_ADD_STR(out->first, name, copy);
		if (!copy || !copy->hh.tbl) {
			free(copy);
			environment_free(out);
			return false;
		}
	}
	return true;
}

void environment_free(struct environment *environment)
{
	struct variable *variable = environment->first;

	HASH_CLEAR(hh, environment->first);
	while (variable) {
		struct variable *next = variable->hh.next;
		free(variable);
		variable = next;
	}
}
