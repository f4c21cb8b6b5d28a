/* Both services: where a secret would come from, or why there is none. */
#include "core/bonds.h"
#include "core/grants.h"
#include "core/policy.h"
#include "core/secrets.h"
#include "rpc/call.h"

/* What one scope has of the name. */
static coffer_err look(struct call *call, struct slice scope, struct slice name,
		       coffer_v1_WhyScope *found)
{
	struct store_secret row;
	coffer_err err;

	*found =
	    (coffer_v1_WhyScope){ .scope = scope, .outcome = coffer_v1_ScopeOutcome_SCOPE_LACKS };
	err = store_secret_latest(call->rpc->core->store, scope, name, &row);
	if (err != COFFER_OK)
		return err == COFFER_NOT_FOUND ? COFFER_OK : err;
	found->version = row.version;
	found->updated_at_ms = row.created_ms;
	found->expires_at_ms = row.expires_ms;
	found->from_file = (row.flags & STORE_SOURCE) != 0;
	if (secrets_expired(&row, call->now_ms))
		found->outcome = coffer_v1_ScopeOutcome_SCOPE_EXPIRED;
	else if (secrets_gone(&row, call->now_ms))
		found->outcome = coffer_v1_ScopeOutcome_SCOPE_DELETED;
	else
		found->outcome = coffer_v1_ScopeOutcome_SCOPE_HAS;
	return COFFER_OK;
}

/* The scope may not live as long as the record. One that is too long is of a damaged store. */
static void record(struct call *call, struct slice scope, struct slice name, uint32_t version)
{
	if (scope.len > sizeof(call->record.scope_text))
		return;
	memcpy(call->record.scope_text, scope.data, scope.len);
	scope.data = (const uint8_t *)call->record.scope_text;
	call_about(call, scope, name, version);
}

/* Appends what the grant's scopes have of the name, up to the first that answers. */
static coffer_err append_scopes(struct call *call, const struct grant *grant, struct slice name,
				bool *has)
{
	*has = false;
	for (size_t i = 0; i < grant->scopes_len && !*has; i++) {
		coffer_v1_WhyScope found;
		coffer_err err = look(call, grant->scopes[i], name, &found);
		if (err == COFFER_OK)
			err = codec_append_message(call->out, coffer_v1_WhyResponse_scopes_tag,
						   coffer_v1_WhyScope_fields, &found);
		if (err != COFFER_OK)
			return err;
		*has = found.outcome == coffer_v1_ScopeOutcome_SCOPE_HAS;
		if (*has)
			record(call, grant->scopes[i], name, found.version);
	}
	return COFFER_OK;
}

/* show: whether what the scopes have is told, also where the grant itself could not read it. */
static coffer_err answer(struct call *call, const struct grant *grant, struct slice name, bool show)
{
	grant_end end = grants_state(grant, call->now_ms);
	bool allowed = policy_allows_name(grant, name), has = false;
	coffer_v1_WhyResponse reply = { .state = call_grant_state(end),
					.expires_at_ms = grant->expires_ms };
	struct slice list = grant->allow, glob;
	coffer_err err = COFFER_OK;

	if (allowed || show)
		err = append_scopes(call, grant, name, &has);
	while (err == COFFER_OK && scopes_next(&list, &glob))
		err = codec_append_bytes(call->out, coffer_v1_WhyResponse_allow_tag, glob);
	if (err != COFFER_OK)
		return err;
	reply.outcome = end != GRANT_LIVE ? coffer_v1_WhyOutcome_WHY_ENDED
			: !allowed        ? coffer_v1_WhyOutcome_WHY_NOT_ALLOWED
			: has             ? coffer_v1_WhyOutcome_WHY_FOUND
					  : coffer_v1_WhyOutcome_WHY_NOT_FOUND;
	return codec_append(call->out, coffer_v1_WhyResponse_fields, &reply);
}

coffer_err job_why(struct call *call)
{
	struct slice name = call->request.why.name;
	coffer_err err;

	if ((err = call_check_name(call, name)) != COFFER_OK)
		return err;
	call_about(call, SLICE_EMPTY, name, 0);
	return answer(call, call->session->grant, name, false);
}

/* A grant as the store has it, out of the store's memory. */
struct stored {
	char allow[CALL_ALLOW_MAX];
	char scopes[COFFER_SCOPES_MAX * (COFFER_SCOPE_MAX + 1)];
	struct grant grant; /* last: it ends with an array of no length */
};

static coffer_err copy(const struct store_grant *row, struct stored *out)
{
	struct slice list, item;

	if (row->allow.len > sizeof(out->allow) || row->scopes.len > sizeof(out->scopes))
		return COFFER_DATA_LOSS;
	out->grant =
	    (struct grant){ .kind = row->kind, .end = row->end, .expires_ms = row->expires_ms };
	if (row->allow.len > 0)
		memcpy(out->allow, row->allow.data, row->allow.len);
	memcpy(out->scopes, row->scopes.data, row->scopes.len);
	out->grant.allow = (struct slice){ (const uint8_t *)out->allow, row->allow.len };
	list = (struct slice){ (const uint8_t *)out->scopes, row->scopes.len };
	while (out->grant.scopes_len < COFFER_SCOPES_MAX && scopes_next(&list, &item))
		out->grant.scopes[out->grant.scopes_len++] = item;
	return COFFER_OK;
}

coffer_err operator_why_grant(struct call *call)
{
	const coffer_v1_WhyGrantRequest *why = &call->request.why_grant;
	struct core *core = call->rpc->core;
	struct store_grant row;
	struct stored stored;
	coffer_err err;

	if ((err = call_about_grant(call, "id", why->id, true)) != COFFER_OK ||
	    (err = call_check_name(call, why->name)) != COFFER_OK)
		return err;
	call_about(call, SLICE_EMPTY, why->name, 0);
	if ((err = store_grant_by_id(core->store, why->id, &row)) == COFFER_NOT_FOUND)
		return call_fail(call, err, "unknown run or service '%.*s'", SLICE_ARG(why->id));
	if (err != COFFER_OK)
		return err;
	call->record.is_run = row.kind == GRANT_RUN;
	if (row.end == GRANT_LIVE && row.process.len > 0 && !bonds_hold(core, why->id))
		row.end = GRANT_REVOKED;
	if ((err = copy(&row, &stored)) != COFFER_OK)
		return err;
	return answer(call, &stored.grant, why->name, true);
}
