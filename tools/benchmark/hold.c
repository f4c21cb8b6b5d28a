#include "hold.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "talk.h"

static bool open_all(struct target *target, int *fds, size_t count, size_t *opened)
{
	if (!talk_learn(target))
		return false;
	talk_close(target);
	for (*opened = 0; *opened < count; ++*opened) {
		if (!talk_connect(target) || !talk_greet(target) || !talk_ask(target))
			return false;
		fds[*opened] = target->fd;
		target->fd = -1;
	}
	return true;
}

bool hold_connections(struct target *target, size_t count)
{
	int *fds = calloc(count, sizeof(*fds));
	size_t opened = 0;
	bool ok = fds != NULL && open_all(target, fds, count, &opened);

	if (ok) {
		(void)puts("held");
		(void)fflush(stdout);
		while (getchar() != EOF)
			;
	}
	talk_close(target);
	for (size_t i = 0; i < opened; i++)
		(void)close(fds[i]);
	free(fds);
	return ok;
}
