#include "rpc/bound.h"

#include "core/bonds.h"
#include "rpc/local.h"
#include "rpc/methods.h"

static coffer_err restore_next(struct rpc *rpc, char id[COFFER_ID_LEN + 1])
{
	uint8_t mark[PIDFD_MARK_LEN];
	struct store_grant row;
	coffer_err err;

	err = store_grant_bound_next(rpc->core->store, slice_str(id), &row);
	if (err != COFFER_OK)
		return err;
	if (row.process.len != sizeof(mark) || id_copy(id, row.id) != COFFER_OK)
		return COFFER_DATA_LOSS;
	memcpy(mark, row.process.data, sizeof(mark));
	return bonds_tie_again(rpc->core, id, (struct slice){ mark, sizeof(mark) });
}

coffer_err bound_restore(struct rpc *rpc)
{
	char id[COFFER_ID_LEN + 1] = "";
	coffer_err err;

	do
		err = restore_next(rpc, id);
	while (err == COFFER_OK);
	if (err != COFFER_NOT_FOUND)
		return err;
	bound_end(rpc);
	return rpc->fatal ? COFFER_INTERNAL : COFFER_OK;
}

int bound_descriptor(const struct rpc *rpc)
{
	return rpc->core->bonds.set;
}

void bound_end(struct rpc *rpc)
{
	struct buf nothing = { NULL, 0, 0 };
	const struct bond *broken;
	char id[COFFER_ID_LEN + 1];

	bonds_follow(rpc->core);
	while ((broken = bonds_broken(rpc->core)) != NULL) {
		memcpy(id, broken->id, sizeof(id)); /* the bond goes with the run's end */
		if (local_run(rpc, &methods_end_of_process, slice_str(id), &nothing) != COFFER_OK)
			return;
	}
}
