#include "rpc/dispatch.h"

#include "base/ballast.h"
#include "base/clock.h"
#include "core/runs.h"
#include "rpc/local.h"
#include "rpc/methods.h"

#define CHORES_MS       5000 /* a run past its time is ended at most this much later */
#define EXPIRE_RETRY_MS 10000
#define ANCHOR_MS       60000

/* Returns in how many milliseconds to look again. */
static int64_t expire(struct rpc *rpc)
{
	char id[COFFER_ID_LEN + 1];
	struct buf nothing = { NULL, 0, 0 };
	int64_t next_ms, now_ms;
	coffer_err err;

	for (;;) {
		now_ms = clock_wall_ms();
		if ((err = runs_overdue(rpc->core, now_ms, id, &next_ms)) != COFFER_OK)
			break;
		if (local_run(rpc, &methods_expire_runs, slice_str(id), &nothing) != COFFER_OK)
			return EXPIRE_RETRY_MS;
	}
	if (err == COFFER_INTERNAL)
		rpc->fatal = true;
	return next_ms > 0 && next_ms - now_ms < CHORES_MS ? next_ms - now_ms : CHORES_MS;
}

void rpc_anchor(struct rpc *rpc)
{
	const struct chain_head *head = trail_head(rpc->trail);
	struct store_anchor anchor = { .seq = head->seq };
	struct store *store = rpc->core->store;
	coffer_err err;

	if (head->seq == rpc->anchored_seq || trail_sync(rpc->trail) != COFFER_OK)
		return;
	memcpy(anchor.mac, head->mac, sizeof(anchor.mac));
	if ((err = store_begin(store)) == COFFER_OK &&
	    (err = store_anchor_put(store, &anchor)) == COFFER_OK &&
	    (err = store_commit(store)) == COFFER_OK)
		rpc->anchored_seq = head->seq;
	else
		store_rollback(store);
	if (err == COFFER_INTERNAL)
		rpc->fatal = true;
}

int64_t rpc_housekeeping(struct rpc *rpc)
{
	int64_t next_ms = expire(rpc), now_ms = clock_mono_ms();

	if (now_ms - rpc->anchored_ms >= ANCHOR_MS) {
		rpc->anchored_ms = now_ms;
		rpc_anchor(rpc);
	}
	ballast_restore(rpc->ballast);
	return next_ms;
}
