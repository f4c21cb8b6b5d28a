#include "audit_tail.h"

#include <string.h>

/* Drops what is no longer kept once it is the larger part of the memory. */
static void compact(struct audit_tail *tail)
{
	if (tail->start <= tail->text.len / 2)
		return;
	tail->text.len -= tail->start;
	memmove(tail->text.data, tail->text.data + tail->start, tail->text.len);
	tail->start = 0;
}

static void drop_first(struct audit_tail *tail)
{
	const char *first = tail->text.data + tail->start;
	const char *newline = memchr(first, '\n', tail->text.len - tail->start);

	tail->start += (size_t)(newline - first) + 1;
	tail->lines--;
}

void audit_tail_add(struct audit_tail *tail, const char *lines)
{
	bytes_append(&tail->text, lines, strlen(lines));
	if (tail->text.failed)
		return;
	for (const char *at = lines; (at = strchr(at, '\n')); at++)
		tail->lines++;
	while (tail->lines > tail->max)
		drop_first(tail);
	compact(tail);
}
