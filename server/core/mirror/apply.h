/* apply.h - what other hosts have written: which objects of the bucket are wanted, and what they change here.
 * Layer: core. */
#ifndef CORE_MIRROR_APPLY_H
#define CORE_MIRROR_APPLY_H

#include "core/mirror/mirror.h"

/* Equal to coffer.v1.MirrorVerdict. */
typedef enum mirror_verdict {
	MIRROR_VERDICT_KNOWN = 0,
	MIRROR_VERDICT_WANTED = 1,
	MIRROR_VERDICT_LATER = 2,
} mirror_verdict;

/* What is to be done about the object of that key. May ask for one to be erased that a purge has ended. */
COFFER_MUST_USE coffer_err mirror_offer(struct core *core, struct slice key,
					mirror_verdict *verdict);

/* Whether the key is of a batch that is not known to be whole; and in the open transaction, that it is. */
bool mirror_marker_is_new(struct core *core, struct slice key);
COFFER_MUST_USE coffer_err mirror_marker(struct core *core, struct slice key);

/* What an object was. */
typedef enum mirror_outcome {
	MIRROR_PASSED, /* known already, not to be looked at now, erased by a purge, or not of a secret */
	MIRROR_APPLIED, /* scope, name and version tell which secret it changed */
	MIRROR_REFUSED, /* it does not open, or does not say what it can; logged, once */
} mirror_outcome;

struct mirror_applied {
	mirror_outcome outcome;
	char scope[COFFER_SCOPE_MAX], name[COFFER_NAME_MAX];
	size_t scope_len, name_len;
	uint32_t version;
};

/* In the open transaction. Objects may come in any order. Errors of the store, and COFFER_RESOURCE_EXHAUSTED. */
COFFER_MUST_USE coffer_err mirror_apply(struct core *core, struct slice key, struct slice body,
					struct mirror_applied *what);

/* --- inside ----------------------------------------------------------------------------------------------- */

/* In the open transaction: the object of a purge is known, and those before it no more. */
COFFER_MUST_USE coffer_err mirror_know_purge(struct core *core, const struct store_object *object);

/* Forgets which objects were refused. */
void mirror_apply_forget(struct mirror *mirror);

#endif
