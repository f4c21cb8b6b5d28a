#include "core/runs.h"

#include <assert.h>

#include "core/grants.h"
#include "core/scopes.h"

/* A lost Bootstrap reply can be asked for again this long. */
#define CLAIM_REPLAY_MS 30000

static bool is_live(run_state state)
{
	return state == RUN_PENDING || state == RUN_ACTIVE;
}

run_state runs_state(const struct store_run *row, int64_t now_ms)
{
	return is_live(row->state) && now_ms >= row->expires_ms ? RUN_EXPIRED : row->state;
}

/* Beside the run's own secrets, under a reserved name. */
struct seal_context runs_payload_context(char scope[SCOPES_RUN_LEN], struct slice id)
{
	return (struct seal_context){ .scope = scopes_run(scope, id),
				      .name = SLICE_LITERAL(NAMES_RESERVED_PREFIX "bootstrap"),
				      .version = 1 };
}

void runs_make_id(struct core *core, int64_t now_ms, char id[COFFER_ID_LEN + 1])
{
	id_make(&core->ids, now_ms, id);
}

static coffer_err put_grant(struct core *core, struct slice id, const struct runs_spec *spec,
			    char token[COFFER_TOKEN_LEN])
{
	uint8_t text[SCOPES_OF_RUN_MAX];
	struct buf scopes = { text, 0, sizeof(text) };
	struct store_grant grant = { .id = id,
				     .kind = GRANT_RUN,
				     .allow = spec->allow,
				     .bind_uid = spec->bind_uid,
				     .uid = spec->uid,
				     .created_ms = spec->now_ms,
				     .expires_ms = spec->expires_ms,
				     .end = GRANT_LIVE,
				     .process = spec->process };
	coffer_err err;

	if ((err = scopes_of_run(&scopes, id, spec->pipeline)) != COFFER_OK)
		return err;
	grant.scopes = (struct slice){ scopes.data, scopes.len };
	return grants_create(core, &grant, token);
}

static coffer_err put_run(struct core *core, struct slice id, const struct runs_spec *spec,
			  struct slice payload)
{
	struct store_run run = { .id = id,
				 .pipeline = spec->pipeline,
				 .ref = spec->ref,
				 .state = RUN_PENDING,
				 .created_ms = spec->now_ms,
				 .expires_ms = spec->expires_ms,
				 .bootstrap = spec->bootstrap };
	char scope[SCOPES_RUN_LEN];
	struct seal_context context = runs_payload_context(scope, id);
	coffer_err err;

	core->sealed.len = 0;
	err = seal_record(core->keyring, core->algorithm, &context, payload, &core->sealed);
	if (err != COFFER_OK)
		return err;
	run.payload = (struct slice){ core->sealed.data, core->sealed.len };
	return store_run_put(core->store, &run);
}

static coffer_err supersede(struct core *core, const struct runs_spec *spec,
			    char superseded[COFFER_ID_LEN + 1])
{
	char id[COFFER_ID_LEN + 1];
	struct store_run row;
	coffer_err err;

	superseded[0] = '\0';
	err = store_run_live(core->store, spec->pipeline, spec->ref, &row);
	if (err != COFFER_OK)
		return err == COFFER_NOT_FOUND ? COFFER_OK : err;
	if ((err = id_copy(id, row.id)) != COFFER_OK)
		return err;
	if (runs_state(&row, spec->now_ms) == RUN_EXPIRED)
		return runs_end(core, slice_str(id), RUN_EXPIRED, GRANT_EXPIRED, spec->now_ms);
	memcpy(superseded, id, sizeof(id));
	return runs_end(core, slice_str(id), RUN_SUPERSEDED, GRANT_SUPERSEDED, spec->now_ms);
}

coffer_err runs_create(struct core *core, const char id[COFFER_ID_LEN + 1],
		       const struct runs_spec *spec, struct slice payload,
		       char token[COFFER_TOKEN_LEN], char superseded[COFFER_ID_LEN + 1])
{
	coffer_err err;

	if ((err = supersede(core, spec, superseded)) != COFFER_OK)
		return err;
	if ((err = put_run(core, slice_str(id), spec, payload)) != COFFER_OK)
		return err;
	return put_grant(core, slice_str(id), spec, token);
}

coffer_err runs_claim(struct core *core, struct slice id, struct slice nonce, uint32_t uid,
		      int64_t now_ms, struct store_run *row)
{
	coffer_err err;

	if ((err = store_run_get(core->store, id, row)) != COFFER_OK)
		return err;
	if (row->state == RUN_ACTIVE) {
		bool again = nonce.len > 0 && slice_equal(nonce, row->nonce) &&
			     uid == row->claim_uid && now_ms - row->started_ms <= CLAIM_REPLAY_MS;
		return again ? COFFER_OK : COFFER_GONE;
	}
	if (!row->bootstrap)
		return COFFER_NOT_FOUND;
	if ((err = store_run_claim(core->store, id, now_ms, nonce, uid)) != COFFER_OK)
		return err;
	return store_run_get(core->store, id, row);
}

coffer_err runs_payload_len(const struct store_run *row, size_t *len)
{
	return seal_plain_len(row->payload, len);
}

coffer_err runs_open_payload(struct core *core, const struct store_run *row, uint8_t *out)
{
	char scope[SCOPES_RUN_LEN];
	struct seal_context context = runs_payload_context(scope, row->id);

	return seal_open(core->keyring, &context, row->payload, out);
}

coffer_err runs_end(struct core *core, struct slice id, run_state state, grant_end end,
		    int64_t now_ms)
{
	char scope[SCOPES_RUN_LEN];
	struct store_run row;
	coffer_err err;

	assert(!is_live(state));
	if ((err = store_run_get(core->store, id, &row)) != COFFER_OK)
		return err;
	if (!is_live(row.state))
		return COFFER_FAILED_PRECONDITION;
	if ((err = store_run_end(core->store, id, state, now_ms)) != COFFER_OK ||
	    (err = store_scope_purge(core->store, scopes_run(scope, id))) != COFFER_OK)
		return err;
	return grants_end(core, id, end);
}

coffer_err runs_overdue(struct core *core, int64_t now_ms, char id[COFFER_ID_LEN + 1],
			int64_t *next_ms)
{
	struct store_run row;
	coffer_err err;

	*next_ms = 0;
	id[0] = '\0';
	if ((err = store_run_next_expiry(core->store, &row)) != COFFER_OK)
		return err;
	if (row.expires_ms > now_ms) {
		*next_ms = row.expires_ms;
		return COFFER_NOT_FOUND;
	}
	return id_copy(id, row.id);
}

coffer_err runs_check_live(struct core *core, struct slice id, int64_t now_ms)
{
	struct store_run row;
	coffer_err err;

	if ((err = store_run_get(core->store, id, &row)) != COFFER_OK)
		return err;
	return is_live(runs_state(&row, now_ms)) ? COFFER_OK : COFFER_FAILED_PRECONDITION;
}
