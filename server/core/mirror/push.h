/* push.h - a store goes into an empty bucket. Layer: core.
 *
 * Every version of every secret but those of runs becomes an object, some at a time as the worker asks for them, and
 * what was stored is remembered: so it can be broken off and begun again. The root object comes last, as from then on
 * other hosts can join. Nothing can be written meanwhile. */
#ifndef CORE_MIRROR_PUSH_H
#define CORE_MIRROR_PUSH_H

#include <coffer/error.h>
#include <coffer/limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "slice.h"

struct core;
struct mirror_task;

typedef enum mirror_push_stage {
	PUSH_IDLE,
	PUSH_LOOKING, /* whether there is a store in the bucket already */
	PUSH_OBJECTS,
	PUSH_ROOT,
	PUSH_DONE,   /* what is left is mirror_join */
	PUSH_FAILED, /* problem tells why */
} mirror_push_stage;

/* Tasks of it at a time. */
#define MIRROR_PUSH_OPEN 32

struct mirror_push {
	mirror_push_stage stage;
	bool root_there;
	bool walked; /* the cursor is at the end */
	size_t open; /* tasks that are not done */
	size_t stored_len;
	struct {
		uint8_t object[32];
		uint32_t version;
	} stored[MIRROR_PUSH_OPEN]; /* which the store does not know yet */
	size_t scope_len, name_len; /* the cursor: the version that was looked at last */
	uint32_t version;
	char scope[COFFER_SCOPE_MAX], name[COFFER_NAME_MAX];
	char problem[512];
};

/* Begins, or goes on where it stood, unless it is under way or done. COFFER_RESOURCE_EXHAUSTED. */
COFFER_MUST_USE coffer_err mirror_push_begin(struct core *core);

/* Adds tasks until MIRROR_PUSH_OPEN are open, or there are no more. Not in a transaction. */
COFFER_MUST_USE coffer_err mirror_push_fill(struct core *core);

/* What came of its task, which is no more; and then, when there are no more of them, for the store to know. Neither in a
 * transaction. */
COFFER_MUST_USE coffer_err mirror_push_result(struct core *core, const struct mirror_task *done,
					      coffer_err code, struct slice message);
COFFER_MUST_USE coffer_err mirror_push_remember(struct core *core);

#endif
