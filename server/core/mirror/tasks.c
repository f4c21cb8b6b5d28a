#include "core/mirror/tasks.h"

#include <stdlib.h>
#include <utlist.h>

#include "core/mirror/ticket.h"

struct mirror_task *mirror_tasks_add(struct mirror *mirror, mirror_kind kind, mirror_owner owner,
				     const char *key)
{
	struct mirror_task *task = calloc(1, sizeof(*task));

	if (task == NULL)
		return NULL;
	task->id = ++mirror->last_task;
	task->kind = kind;
	task->owner = owner;
	memcpy(task->key, key, strnlen(key, MIRROR_KEY_MAX));
	DL_APPEND(mirror->tasks, task);
	return task;
}

/* Nothing is written into a bucket before it is known to be this store's. */
static bool may_go(const struct mirror *mirror, const struct mirror_task *task)
{
	return (task->owner != MIRROR_OF_TICKET && task->owner != MIRROR_OF_NOBODY) ||
	       mirror->root == MIRROR_ROOT_OURS;
}

struct mirror_task *mirror_tasks_next(struct mirror *mirror)
{
	struct mirror_task *task;

	for (task = mirror->tasks; task != NULL; task = task->next)
		if (!task->fetched && may_go(mirror, task))
			return task;
	return NULL;
}

void mirror_tasks_fetched(struct mirror_task *task)
{
	task->fetched = true;
	if (task->ticket != NULL)
		task->ticket->fetched = true;
}

struct mirror_task *mirror_tasks_find(struct mirror *mirror, uint64_t id)
{
	struct mirror_task *task;

	for (task = mirror->tasks; task != NULL; task = task->next)
		if (task->id == id)
			return task;
	return NULL;
}

bool mirror_tasks_has(const struct mirror *mirror, mirror_kind kind, const char *key)
{
	const struct mirror_task *task;

	for (task = mirror->tasks; task != NULL; task = task->next)
		if (task->kind == kind && strcmp(task->key, key) == 0)
			return true;
	return false;
}

void mirror_tasks_remove(struct mirror *mirror, struct mirror_task *task)
{
	DL_DELETE(mirror->tasks, task);
	free(task->own);
	free(task);
}

void mirror_tasks_drop(struct mirror *mirror, mirror_owner owner,
		       const struct mirror_ticket *ticket)
{
	struct mirror_task *task, *next;

	DL_FOREACH_SAFE(mirror->tasks, task, next)
	if (task->owner == owner && task->ticket == ticket)
		mirror_tasks_remove(mirror, task);
}

void mirror_tasks_again(struct mirror *mirror)
{
	struct mirror_task *task;

	for (task = mirror->tasks; task != NULL; task = task->next)
		task->fetched = false;
}
