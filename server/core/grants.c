#include "core/grants.h"

#include <assert.h>
#include <stdlib.h>

#include "core/scopes.h"
#include "vault/token.h"

/* Out of memory inside uthash leaves the table as it was, and hh.tbl unset in what was to be added. */
#undef uthash_nonfatal_oom
#define uthash_nonfatal_oom(element) ((element)->hh.tbl = NULL)

static coffer_err load(const struct store_grant *row, struct grant **out)
{
	struct grant *grant = calloc(1, sizeof(*grant) + row->scopes.len + row->allow.len);
	struct slice list, item;

	*out = grant;
	if (grant == NULL)
		return COFFER_RESOURCE_EXHAUSTED;
	memcpy(grant->id, row->id.data, row->id.len);
	memcpy(grant->text, row->scopes.data, row->scopes.len);
	if (row->allow.len > 0)
		memcpy(grant->text + row->scopes.len, row->allow.data, row->allow.len);
	grant->kind = row->kind;
	grant->end = row->end;
	grant->bind_uid = row->bind_uid;
	grant->uid = row->uid;
	grant->expires_ms = row->expires_ms;
	grant->allow = (struct slice){ (uint8_t *)grant->text + row->scopes.len, row->allow.len };
	list = (struct slice){ (uint8_t *)grant->text, row->scopes.len };
	while (grant->scopes_len < COFFER_SCOPES_MAX && scopes_next(&list, &item))
		grant->scopes[grant->scopes_len++] = item;
	return COFFER_OK;
}

grant_end grants_state(const struct grant *grant, int64_t now_ms)
{
	if (grant->end == GRANT_LIVE && now_ms >= grant->expires_ms)
		return GRANT_EXPIRED;
	return grant->end;
}

static coffer_err share(struct core *core, const struct store_grant *row, struct grant **out)
{
	struct grant *grant;
	coffer_err err;

	HASH_FIND(hh, core->grants, row->id.data, row->id.len, grant);
	if (grant == NULL) {
		if ((err = load(row, &grant)) != COFFER_OK)
			return err;
		HASH_ADD(hh, core->grants, id[0], COFFER_ID_LEN, grant);
		if (grant->hh.tbl == NULL) {
			free(grant);
			return COFFER_RESOURCE_EXHAUSTED;
		}
	}
	grant->refs++;
	*out = grant;
	return COFFER_OK;
}

coffer_err grants_authenticate(struct core *core, struct slice token, int64_t now_ms,
			       struct grant **out, grant_end *end, char id[COFFER_ID_LEN + 1])
{
	uint8_t hash[TOKEN_HASH_LEN];
	struct store_grant row;
	coffer_err err;

	*out = NULL;
	*end = GRANT_LIVE;
	id[0] = '\0';
	if (!names_is_token(token))
		return COFFER_UNAUTHENTICATED;
	token_hash(core->keyring, token, hash);
	err = store_grant_by_hash(core->store, hash, &row);
	if (err == COFFER_NOT_FOUND ||
	    (err == COFFER_OK && !token_hash_equal(hash, row.token_hash)))
		return COFFER_UNAUTHENTICATED;
	if (err != COFFER_OK)
		return err;
	if ((err = id_copy(id, row.id)) != COFFER_OK)
		return err;
	*end = row.end == GRANT_LIVE && now_ms >= row.expires_ms ? GRANT_EXPIRED : row.end;
	if (*end == GRANT_LIVE && row.process.len > 0 && !bonds_hold(core, slice_str(id)))
		*end = GRANT_REVOKED;
	if (*end != GRANT_LIVE)
		return COFFER_UNAUTHENTICATED;
	return share(core, &row, out);
}

void grants_release(struct core *core, struct grant *grant)
{
	if (grant == NULL)
		return;
	assert(grant->refs > 0);
	if (--grant->refs > 0)
		return;
	HASH_DEL(core->grants, grant);
	free(grant);
}

coffer_err grants_create(struct core *core, struct store_grant *grant, char token[COFFER_TOKEN_LEN])
{
	id_make_token(token);
	token_hash(core->keyring, (struct slice){ (const uint8_t *)token, COFFER_TOKEN_LEN },
		   grant->token_hash);
	return store_grant_put(core->store, grant);
}

coffer_err grants_renew(struct core *core, struct slice id, int64_t expires_ms)
{
	coffer_err err;

	assert(core->renewing.id[0] == '\0' && id.len == COFFER_ID_LEN);
	if ((err = store_grant_renew(core->store, id, expires_ms)) != COFFER_OK)
		return err;
	memcpy(core->renewing.id, id.data, COFFER_ID_LEN);
	core->renewing.id[COFFER_ID_LEN] = '\0';
	core->renewing.expires_ms = expires_ms;
	return COFFER_OK;
}

coffer_err grants_end(struct core *core, struct slice id, grant_end end)
{
	coffer_err err;

	/* A transaction ends one grant at most: a new run replaces one run of its pipeline and ref. */
	assert(core->ending.id[0] == '\0' && id.len == COFFER_ID_LEN);
	if ((err = store_grant_set_end(core->store, id, end)) != COFFER_OK)
		return err;
	memcpy(core->ending.id, id.data, COFFER_ID_LEN);
	core->ending.id[COFFER_ID_LEN] = '\0';
	core->ending.end = end;
	return COFFER_OK;
}

void grants_mark_ended(struct core *core, struct slice id, grant_end end)
{
	struct grant *grant;

	HASH_FIND(hh, core->grants, id.data, id.len, grant);
	if (grant != NULL)
		grant->end = end;
}

void grants_mark_renewed(struct core *core, struct slice id, int64_t expires_ms)
{
	struct grant *grant;

	HASH_FIND(hh, core->grants, id.data, id.len, grant);
	if (grant != NULL)
		grant->expires_ms = expires_ms;
}

const char *grants_end_name(grant_end end)
{
	static const char *const names[] = { [GRANT_LIVE] = "unknown",
					     [GRANT_FINISHED] = "finished",
					     [GRANT_SUPERSEDED] = "superseded",
					     [GRANT_EXPIRED] = "expired",
					     [GRANT_REVOKED] = "revoked" };

	return (size_t)end < sizeof(names) / sizeof(names[0]) ? names[end] : "unknown";
}
