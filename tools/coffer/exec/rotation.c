#include "exec/rotation.h"

#include <errno.h>
#include <unistd.h>

#define PATIENCE_MS 10000

void rotation_init(struct rotation *rotation, int changes)
{
	*rotation = (struct rotation){ .changes = changes, .kill_ms = INT64_MAX };
}

void rotation_note(struct rotation *rotation)
{
	char bytes[512];
	ssize_t len = read(rotation->changes, bytes, sizeof(bytes));

	if (len > 0)
		rotation->news = true;
	else if (len == 0 || (errno != EINTR && errno != EAGAIN))
		rotation->changes = -1;
}

bool rotation_has_news(struct rotation *rotation)
{
	if (!rotation->news || rotation->restarting)
		return false;
	rotation->news = false;
	return true;
}

void rotation_restart(struct rotation *rotation, int64_t now_ms)
{
	rotation->restarting = true;
	rotation->kill_ms = now_ms + PATIENCE_MS;
}

bool rotation_is_over(struct rotation *rotation, int64_t now_ms)
{
	if (now_ms < rotation->kill_ms)
		return false;
	rotation->kill_ms = INT64_MAX;
	return true;
}

bool rotation_settle(struct rotation *rotation)
{
	bool restarting = rotation->restarting;

	rotation->restarting = false;
	rotation->kill_ms = INT64_MAX;
	return restarting;
}

int64_t rotation_due_ms(const struct rotation *rotation, int64_t now_ms)
{
	if (rotation->restarting)
		return rotation->kill_ms;
	return rotation->news ? now_ms : INT64_MAX;
}
