#include "net/deadlines.h"

#include <stddef.h>

static const int64_t lengths_ms[DEADLINE_KINDS] = {
	[DEADLINE_HELLO] = 5000,  [DEADLINE_FRAME] = 10000, [DEADLINE_IDLE] = 60000,
	[DEADLINE_DRAIN] = 10000, [DEADLINE_DELAY] = 1000,
};

void deadlines_init(struct deadlines *all)
{
	for (int i = 0; i < DEADLINE_KINDS; i++)
		all->heads[i].prev = all->heads[i].next = &all->heads[i];
}

void deadline_init(struct deadline *entry)
{
	entry->kind = DEADLINE_NONE;
}

void deadline_set(struct deadlines *all, struct deadline *entry, deadline_kind kind, int64_t now_ms)
{
	struct deadline *head;

	if (entry->kind != DEADLINE_NONE) {
		entry->prev->next = entry->next;
		entry->next->prev = entry->prev;
	}
	entry->kind = kind;
	if (kind == DEADLINE_NONE)
		return;
	head = &all->heads[kind];
	entry->at_ms = now_ms + lengths_ms[kind];
	entry->prev = head->prev;
	entry->next = head;
	head->prev->next = entry;
	head->prev = entry;
}

struct deadline *deadlines_due(struct deadlines *all, int64_t now_ms)
{
	for (int i = 0; i < DEADLINE_KINDS; i++) {
		struct deadline *first = all->heads[i].next;
		if (first != &all->heads[i] && first->at_ms <= now_ms)
			return first;
	}
	return NULL;
}

int64_t deadlines_next_ms(const struct deadlines *all)
{
	int64_t next_ms = -1;

	for (int i = 0; i < DEADLINE_KINDS; i++) {
		const struct deadline *first = all->heads[i].next;
		if (first != &all->heads[i] && (next_ms < 0 || first->at_ms < next_ms))
			next_ms = first->at_ms;
	}
	return next_ms;
}
