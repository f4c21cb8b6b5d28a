/* values.h - the values of secrets by their names, from wherever they come. Layer: tools. */
#ifndef EXEC_VALUES_H
#define EXEC_VALUES_H

#include <coffer/client.h>
#include <uthash.h>

/* One secret: its value, or why it has none. */
struct value {
	struct coffer_value secret;
	char *why; /* NULL: it has a value */
	UT_hash_handle hh;
	char name[];
};

/* In the order in which they were added. Zero it to begin. */
struct values {
	struct value *first; /* a uthash table; walk it by hh.next */
};

/* Add one, in the place of what was under the name. False: no memory. values_move empties *secret
 * in either case; values_copy takes bytes that the caller still owns. */
COFFER_MUST_USE bool values_move(struct values *values, const char *name,
				 struct coffer_value *secret);
COFFER_MUST_USE bool values_copy(struct values *values, const char *name, const char *data,
				 size_t len);
/* Notes why there is no value under the name: one line, copied. */
COFFER_MUST_USE bool values_lack(struct values *values, const char *name, const char *why);

/* NULL if nothing was added under the name. */
const struct value *values_find(const struct values *values, const char *name);

void values_free(struct values *values); /* wipes and empties */

#endif
