#include "exec/rotation.h"

#include <errno.h>
#include <unistd.h>

#define QUIET_MS    2000
#define PATIENCE_MS 10000

void rotation_init(struct rotation *rotation, int changes)
{
	*rotation =
	    (struct rotation){ .changes = changes, .refresh_ms = INT64_MAX, .kill_ms = INT64_MAX };
}

void rotation_note(struct rotation *rotation, int64_t now_ms)
{
	char bytes[512];
	ssize_t len = read(rotation->changes, bytes, sizeof(bytes));

	if (len > 0)
		rotation->refresh_ms = now_ms + QUIET_MS;
	else if (len == 0 || (errno != EINTR && errno != EAGAIN))
		rotation->changes = -1;
}

static bool is_past(int64_t *at_ms, int64_t now_ms)
{
	if (now_ms < *at_ms)
		return false;
	*at_ms = INT64_MAX;
	return true;
}

bool rotation_is_due(struct rotation *rotation, int64_t now_ms)
{
	return is_past(&rotation->refresh_ms, now_ms);
}

void rotation_restart(struct rotation *rotation, int64_t now_ms)
{
	rotation->restarting = true;
	rotation->kill_ms = now_ms + PATIENCE_MS;
}

bool rotation_is_over(struct rotation *rotation, int64_t now_ms)
{
	return is_past(&rotation->kill_ms, now_ms);
}

bool rotation_settle(struct rotation *rotation)
{
	bool restarting = rotation->restarting;

	rotation->restarting = false;
	rotation->kill_ms = INT64_MAX;
	return restarting;
}
