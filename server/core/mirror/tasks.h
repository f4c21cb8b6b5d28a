/* tasks.h - what coffer-s3 is to do with the bucket, until it is done. Layer: core. */
#ifndef CORE_MIRROR_TASKS_H
#define CORE_MIRROR_TASKS_H

#include "core/mirror/mirror.h"

/* Equal to coffer.v1.MirrorKind. */
typedef enum mirror_kind {
	MIRROR_KIND_PUT = 1,
	MIRROR_KIND_GET = 2,
	MIRROR_KIND_LIST = 4,
	MIRROR_KIND_ERASE = 5,
} mirror_kind;

/* Who waits for it. */
typedef enum mirror_owner {
	MIRROR_OF_NOBODY,
	MIRROR_OF_TICKET,
	MIRROR_OF_PUSH,
	MIRROR_OF_ROOT,
	MIRROR_OF_LIST,
} mirror_owner;

struct mirror_task {
	struct mirror_task *prev, *next;
	uint64_t id;
	mirror_kind kind;
	mirror_owner owner;
	struct mirror_ticket *ticket; /* of MIRROR_OF_TICKET */
	struct mirror_member *member; /* the same: whose object it is; NULL: none of one member */
	bool fetched;                 /* by the worker that is there */
	char key[MIRROR_KEY_MAX + 1];
	struct slice body; /* of a put; borrowed, unless it is own's */
	uint8_t *own;      /* heap */
};

/* A task that is to be fetched. NULL without memory. */
struct mirror_task *mirror_tasks_add(struct mirror *mirror, mirror_kind kind, mirror_owner owner,
				     const char *key);

/* The next one that may be fetched, or NULL; mirror->root decides about what would change the bucket. */
struct mirror_task *mirror_tasks_next(struct mirror *mirror);
void mirror_tasks_fetched(struct mirror_task *task);

/* The task of that id, or NULL. */
struct mirror_task *mirror_tasks_find(struct mirror *mirror, uint64_t id);

/* Whether there is one of that kind and key. */
bool mirror_tasks_has(const struct mirror *mirror, mirror_kind kind, const char *key);

void mirror_tasks_remove(struct mirror *mirror, struct mirror_task *task);

/* Removes all of the owner; of MIRROR_OF_TICKET, those of that ticket. */
void mirror_tasks_drop(struct mirror *mirror, mirror_owner owner,
		       const struct mirror_ticket *ticket);

/* All are to be fetched again. */
void mirror_tasks_again(struct mirror *mirror);

#endif
