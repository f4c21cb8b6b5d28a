#include "rpc/dispatch.h"

#include "base/ballast.h"
#include "base/clock.h"
#include "core/retention.h"
#include "core/rotation.h"
#include "core/runs.h"
#include "core/secrets.h"
#include "rpc/bound.h"
#include "rpc/local.h"
#include "rpc/methods.h"

#define CHORES_MS       5000 /* what is past its time is ended at most this much later */
#define EXPIRE_RETRY_MS 10000
#define ROTATE_MS       1 /* between two steps: for those who wait to be served */
#define ROTATE_RETRY_MS 10000
#define REMOVE_MS       20 /* between two transactions, as above */
#define ANCHOR_MS       60000
#define BACKUP_IDLE_MS  60000 /* then nobody goes on with it, and its copy takes room on the disk */

/* Returns in how many milliseconds to look again. */
static int64_t expire_runs(struct rpc *rpc)
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

/* The same. Reads need not wait for it: they look at the time themselves. */
static int64_t expire_secrets(struct rpc *rpc)
{
	struct buf nothing = { NULL, 0, 0 };
	int64_t at_ms, now_ms;
	coffer_err err;

	for (;;) {
		now_ms = clock_wall_ms();
		if ((err = secrets_next_expiry(rpc->core, &at_ms)) != COFFER_OK || at_ms > now_ms)
			break;
		if (local_run(rpc, &methods_expire_secrets, SLICE_EMPTY, &nothing) != COFFER_OK)
			return EXPIRE_RETRY_MS;
	}
	if (err == COFFER_INTERNAL)
		rpc->fatal = true;
	return err == COFFER_OK && at_ms - now_ms < CHORES_MS ? at_ms - now_ms : CHORES_MS;
}

static coffer_err rotate_step(struct core *core, bool *done)
{
	coffer_err err;

	if ((err = core_begin(core)) != COFFER_OK)
		return err;
	if ((err = rotation_step(core, done)) == COFFER_OK)
		return core_commit(core);
	core_rollback(core);
	return err;
}

/* The same, for the records that are to be sealed under a new root key. */
static int64_t rotate(struct rpc *rpc)
{
	struct buf nothing = { NULL, 0, 0 };
	bool done = false;
	coffer_err err;

	if ((err = rotation_find(rpc->core)) == COFFER_OK &&
	    (err = rotate_step(rpc->core, &done)) == COFFER_OK && done)
		err = local_run(rpc, &methods_end_rotation, SLICE_EMPTY, &nothing);
	if (err == COFFER_INTERNAL)
		rpc->fatal = true;
	if (err == COFFER_NOT_FOUND)
		return CHORES_MS;
	return err == COFFER_OK ? ROTATE_MS : ROTATE_RETRY_MS;
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

void rpc_drop_backup(struct rpc *rpc)
{
	backup_close(rpc->backup.open);
	rpc->backup.open = NULL;
}

/* The same. Some at a time, for each is a change that others wait for. */
static int64_t remove_ended(struct rpc *rpc)
{
	struct buf nothing = { NULL, 0, 0 };
	const struct core *core = rpc->core;
	coffer_err err;

	if (core->keep_runs_ms == 0)
		return CHORES_MS;
	err = retention_due(rpc->core, clock_wall_ms() - core->keep_runs_ms);
	if (err == COFFER_OK)
		err = local_run(rpc, &methods_remove_ended, SLICE_EMPTY, &nothing);
	if (err == COFFER_INTERNAL)
		rpc->fatal = true;
	if (err == COFFER_NOT_FOUND)
		return CHORES_MS;
	return err == COFFER_OK ? REMOVE_MS : EXPIRE_RETRY_MS;
}

/* What makes records. After a failure that only a restart mends nothing more is tried: its record would take the
 * number of one that may have been stored. */
static int64_t keep_up(struct rpc *rpc)
{
	int64_t (*const chores[])(struct rpc *) = { expire_runs, expire_secrets, rotate,
						    remove_ended };
	int64_t next_ms = CHORES_MS;

	for (size_t i = 0; i < sizeof(chores) / sizeof(chores[0]) && !rpc->fatal; i++) {
		int64_t chore_ms = chores[i](rpc);
		next_ms = chore_ms < next_ms ? chore_ms : next_ms;
	}
	if (!rpc->fatal)
		bound_end(rpc);
	if (!rpc->fatal)
		trail_tend(rpc->trail);
	return next_ms;
}

int64_t rpc_housekeeping(struct rpc *rpc)
{
	int64_t next_ms = keep_up(rpc), now_ms = clock_mono_ms();

	if (!rpc->fatal && now_ms - rpc->anchored_ms >= ANCHOR_MS) {
		rpc->anchored_ms = now_ms;
		rpc_anchor(rpc);
	}
	if (rpc->backup.open != NULL && now_ms - rpc->backup.used_ms >= BACKUP_IDLE_MS)
		rpc_drop_backup(rpc);
	ballast_restore(rpc->ballast);
	return next_ms;
}
