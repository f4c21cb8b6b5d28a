#include "store/store.h"

#include <assert.h>

#include "store/sqlite/query.h"

coffer_err store_run_put(struct store *store, const struct store_run *run)
{
	struct query q = query_start(store, STATEMENT_RUN_PUT);

	query_bind_text(&q, run->id);
	query_bind_text(&q, run->pipeline);
	query_bind_text(&q, run->ref);
	query_bind_int(&q, run->state);
	query_bind_int(&q, run->created_ms);
	query_bind_int(&q, run->started_ms);
	query_bind_int(&q, run->finished_ms);
	query_bind_int(&q, run->expires_ms);
	query_bind_blob(&q, run->payload);
	query_bind_int(&q, run->bootstrap);
	query_bind_blob(&q, run->nonce);
	query_bind_int(&q, run->claim_uid);
	return query_change(&q);
}

static coffer_err read_run(struct query *q, struct store_run *run)
{
	coffer_err err = query_row(q);
	uint32_t state;

	*run = (struct store_run){ 0 };
	if (err != COFFER_OK)
		return err;
	run->id = query_read_slice(q);
	run->pipeline = query_read_slice(q);
	run->ref = query_read_slice(q);
	state = query_read_u32(q);
	run->created_ms = query_read_int(q);
	run->started_ms = query_read_int(q);
	run->finished_ms = query_read_int(q);
	run->expires_ms = query_read_int(q);
	run->payload = query_read_slice(q);
	run->bootstrap = query_read_int(q) != 0;
	run->nonce = query_read_slice(q);
	run->claim_uid = query_read_u32(q);
	run->state = (run_state)state;
	q->damaged |= state < RUN_PENDING || state > RUN_EXPIRED;
	if ((err = query_end(q)) != COFFER_OK)
		*run = (struct store_run){ 0 };
	return err;
}

coffer_err store_run_reseal(struct store *store, struct slice id, struct slice payload)
{
	struct query q = query_start(store, STATEMENT_RUN_RESEAL);

	query_bind_blob(&q, payload);
	query_bind_text(&q, id);
	return query_change(&q);
}

coffer_err store_run_get(struct store *store, struct slice id, struct store_run *run)
{
	struct query q = query_start(store, STATEMENT_RUN_GET);

	query_bind_text(&q, id);
	return read_run(&q, run);
}

coffer_err store_run_before(struct store *store, struct slice before_id, struct store_run *run)
{
	struct query q = query_start(store, STATEMENT_RUN_BEFORE);

	if (before_id.len == 0) /* every text sorts before any blob */
		query_bind_blob(&q, before_id);
	else
		query_bind_text(&q, before_id);
	return read_run(&q, run);
}

coffer_err store_run_live(struct store *store, struct slice pipeline, struct slice ref,
			  struct store_run *run)
{
	struct query q = query_start(store, STATEMENT_RUN_LIVE);

	query_bind_text(&q, pipeline);
	query_bind_text(&q, ref);
	return read_run(&q, run);
}

coffer_err store_run_next_expiry(struct store *store, struct store_run *run)
{
	struct query q = query_start(store, STATEMENT_RUN_NEXT_EXPIRY);

	return read_run(&q, run);
}

coffer_err store_run_claim(struct store *store, struct slice id, int64_t started_ms,
			   struct slice nonce, uint32_t uid)
{
	struct query q = query_start(store, STATEMENT_RUN_CLAIM);

	query_bind_int(&q, started_ms);
	query_bind_blob(&q, nonce);
	query_bind_int(&q, uid);
	query_bind_text(&q, id);
	return query_change(&q);
}

coffer_err store_run_end(struct store *store, struct slice id, run_state state, int64_t finished_ms)
{
	struct query q = query_start(store, STATEMENT_RUN_END);

	assert(state > RUN_ACTIVE);
	query_bind_int(&q, state);
	query_bind_int(&q, finished_ms);
	query_bind_text(&q, id);
	return query_change(&q);
}

coffer_err store_run_ended_first(struct store *store, int64_t before_ms, struct store_run *run)
{
	struct query q = query_start(store, STATEMENT_RUN_ENDED_FIRST);

	query_bind_int(&q, before_ms);
	return read_run(&q, run);
}

coffer_err store_run_delete(struct store *store, struct slice id)
{
	struct query q = query_start(store, STATEMENT_RUN_DELETE);

	query_bind_text(&q, id);
	return query_change(&q);
}
