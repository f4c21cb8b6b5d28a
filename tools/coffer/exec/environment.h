/* environment.h - the variables of a command: which they are, and what they become once the values
 * of secrets are known. Layer: tools.
 *
 * A variable is added over an earlier one of its name and keeps the earlier one's place. What would
 * hand over the run's authority is never added: the variables that a token stands in, COFFER_BOOTSTRAP, and whatever
 * a token stands in besides. */
#ifndef EXEC_ENVIRONMENT_H
#define EXEC_ENVIRONMENT_H

#include "cli.h"
#include "exec/values.h"

/* Zero it to begin. */
struct environment {
	struct variable *first;
	const struct coffer_tokens *tokens; /* borrowed */
	bool all; /* every secret that has a value stands under its own name too */
};

/* Add a variable. text is "NAME=VALUE", borrowed; a VALUE "secret:NAME" is that secret's. False:
 * no memory. */
COFFER_MUST_USE bool environment_add(struct environment *environment, const char *text);
/* text is "VARIABLE=SECRET": that secret's value, also before a secret of the variable's name. */
COFFER_MUST_USE bool environment_set(struct environment *environment, const char *text);

/* Whether a variable of that name would hand over the run's authority. */
bool environment_is_reserved(const char *name, size_t len);

/* Wipes those of these variables where they stand, in memory that /proc shows to others. */
void environment_wipe(const struct environment *environment, char **variables);

/* Warns of values that begin like a reference and are none. */
void environment_warn(const struct cli *cli, const struct environment *environment);

/* Whether the value of that secret is needed; NULL: of any. */
bool environment_needs(const struct environment *environment, const char *secret);

/* Puts up to max names of secrets that are needed and not among have into names, each once;
 * returns how many. They are borrowed from the variables. */
size_t environment_lacks(const struct environment *environment, const struct values *have,
			 const char **names, size_t max);

/* Variables as execve takes them: borrowed, but for those that hold a value. Zero it to begin. */
struct block {
	char **items; /* up to a NULL */
	size_t len;
	char *made; /* the memory of those that hold a value */
	size_t made_len;
};

/* Makes *out, which the caller frees. A secret without a value, and a value that cannot stand in
 * an environment, is refused by the names of variable and secret; each has a message. */
COFFER_MUST_USE cli_exit environment_make(const struct cli *cli,
					  const struct environment *environment,
					  const struct values *values, struct block *out);
bool block_equal(const struct block *a, const struct block *b);
void block_free(struct block *block); /* wipes and empties */

/* Makes *out, which lives on its own and knows only which secrets are needed, for environment_needs and
 * environment_lacks. False, with *out empty: no memory. */
COFFER_MUST_USE bool environment_copy(struct environment *out, const struct environment *from);

void environment_free(struct environment *environment);

#endif
