#include "net/uids.h"

#include <stdlib.h>

/* Out of memory inside uthash leaves the table as it was, and hh.tbl unset in what was to be added. */
#undef uthash_nonfatal_oom
#define uthash_nonfatal_oom(element) ((element)->hh.tbl = NULL)

#define SECOND_MS 1000

unsigned uids_connections(const struct uids *uids, uint32_t uid)
{
	struct uid_row *row;

	HASH_FIND(hh, uids->rows, &uid, sizeof(uid), row);
	return row != NULL ? row->connections : 0;
}

struct uid_row *uids_enter(struct uids *uids, uint32_t uid)
{
	struct uid_row *row;

	HASH_FIND(hh, uids->rows, &uid, sizeof(uid), row);
	if (row == NULL) {
		if ((row = calloc(1, sizeof(*row))) == NULL)
			return NULL;
		row->uid = uid;
		HASH_ADD(hh, uids->rows, uid, sizeof(uid), row);
		if (row->hh.tbl == NULL) {
			free(row);
			return NULL;
		}
	}
	row->connections++;
	return row;
}

/* The rate's part of what was recorded. */
static void drain(const struct uids *uids, struct uid_row *row, int64_t now_ms)
{
	uint64_t passed_ms = (uint64_t)(now_ms - row->drained_ms);

	row->drained_ms = now_ms;
	if (uids->rate == 0 || passed_ms > row->recorded / uids->rate)
		row->recorded = 0;
	else
		row->recorded -= passed_ms * uids->rate;
}

bool uids_recorded(const struct uids *uids, struct uid_row *row, uint64_t bytes, int64_t now_ms)
{
	drain(uids, row, now_ms);
	if (uids->rate == 0)
		return false;
	row->recorded += bytes * SECOND_MS;
	return row->recorded > (uint64_t)UIDS_RECORDED_MAX * SECOND_MS;
}

/* To connect anew must not begin a new count. */
static bool is_over(const struct uids *uids, struct uid_row *row, int64_t now_ms)
{
	if (row->connections > 0 || (row->refusals > 0 && now_ms - row->since_ms < SECOND_MS))
		return false;
	drain(uids, row, now_ms);
	return row->recorded == 0;
}

static void forget(struct uids *uids, struct uid_row *row)
{
	/* The analyzer does not see that HASH_DEL unlinks what is freed from its neighbours. */
	HASH_DEL(uids->rows, row); /* NOLINT(clang-analyzer-unix.Malloc) */
	free(row);
}

void uids_leave(struct uids *uids, struct uid_row *row, int64_t now_ms)
{
	row->connections--;
	if (is_over(uids, row, now_ms))
		forget(uids, row);
}

bool uids_refused(struct uid_row *row, int64_t now_ms)
{
	if (now_ms - row->since_ms >= SECOND_MS) {
		row->since_ms = now_ms;
		row->refusals = 0;
	}
	return ++row->refusals > UIDS_REFUSALS;
}

void uids_sweep(struct uids *uids, int64_t now_ms)
{
	struct uid_row *row, *next;

	HASH_ITER(hh, uids->rows, row, next)
	{
		if (is_over(uids, row, now_ms))
			forget(uids, row);
	}
}

void uids_destroy(struct uids *uids)
{
	struct uid_row *row = uids->rows, *next;

	HASH_CLEAR(hh, uids->rows);
	for (; row != NULL; row = next) {
		next = row->hh.next;
		free(row);
	}
}
