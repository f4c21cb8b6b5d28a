/* The Operator service: services and their grants. */
#include "core/grants.h"
#include "core/policy.h"
#include "core/services.h"
#include "rpc/call.h"

#include "names.h"

#define TTL_DEFAULT_MS (24 * 60 * 60 * 1000LL)
#define TTL_MAX_MS     (365 * 24 * 60 * 60 * 1000LL)

/* Longest text of a service's scope list. */
#define SCOPES_TEXT_MAX (COFFER_SCOPES_MAX * (COFFER_SCOPE_MAX + 1))

static coffer_err check_name(struct call *call, struct slice name)
{
	const char *why;
	coffer_err err = names_check_secret(name, &why);

	if (err != COFFER_OK)
		return call_fail(call, err, "the service's name %s", why);
	call_reason(call, "service %.*s", SLICE_ARG(name));
	return COFFER_OK;
}

static coffer_err check_ttl(struct call *call, int64_t ttl_ms)
{
	if (ttl_ms >= 0 && ttl_ms <= TTL_MAX_MS)
		return COFFER_OK;
	return call_fail(call, COFFER_INVALID_ARGUMENT, "the ttl is not within 365 days");
}

static int64_t end_of(const struct call *call, int64_t ttl_ms)
{
	return call->now_ms + (ttl_ms != 0 ? ttl_ms : TTL_DEFAULT_MS);
}

static bool contains(struct slice list, struct slice wanted)
{
	struct slice item;

	while (scopes_next(&list, &item))
		if (slice_equal(item, wanted))
			return true;
	return false;
}

static coffer_err gather_scopes(struct call *call, struct buf *scopes)
{
	struct slice rest = call->body, scope;
	size_t count = 0;
	const char *why;
	coffer_err err;

	while (codec_next(&rest, coffer_v1_CreateServiceRequest_scopes_tag, &scope)) {
		if (++count > COFFER_SCOPES_MAX)
			return call_fail(call, COFFER_INVALID_ARGUMENT, "more than %d scopes",
					 COFFER_SCOPES_MAX);
		if ((err = policy_check_service_scope(scope, &why)) != COFFER_OK)
			return call_fail(call, err, "the scope %s", why);
		if (contains((struct slice){ scopes->data, scopes->len }, scope))
			return call_fail(call, COFFER_INVALID_ARGUMENT,
					 "the scope %.*s is there twice", SLICE_ARG(scope));
		if ((err = scopes_add(scopes, scope)) != COFFER_OK)
			return err;
	}
	if (count == 0)
		return call_fail(call, COFFER_INVALID_ARGUMENT, "no scopes");
	return COFFER_OK;
}

/* Stores the service; the token is made in the reply, where it is sent from. */
static coffer_err store_service(struct call *call, const struct services_spec *spec)
{
	coffer_v1_CreateServiceResponse reply = { .expires_at_ms = spec->expires_ms };
	char id[COFFER_ID_LEN + 1];
	uint8_t *token;
	coffer_err err;

	if ((err = codec_reserve_bytes(call->out, coffer_v1_CreateServiceResponse_token_tag,
				       COFFER_TOKEN_LEN, &token)) != COFFER_OK)
		return err;
	err = services_create(call->rpc->core, spec, id, (char *)token);
	if (err == COFFER_ALREADY_EXISTS)
		return call_fail(call, err, "there is a service '%.*s' already",
				 SLICE_ARG(spec->name));
	if (err != COFFER_OK)
		return err;
	memcpy(call->record.grant, id, sizeof(id));
	reply.id = slice_str(id);
	return codec_append(call->out, coffer_v1_CreateServiceResponse_fields, &reply);
}

coffer_err operator_create_service(struct call *call)
{
	const coffer_v1_CreateServiceRequest *create = &call->request.create_service;
	uint8_t globs[CALL_ALLOW_MAX], text[SCOPES_TEXT_MAX];
	struct buf allow = { globs, 0, sizeof(globs) }, scopes = { text, 0, sizeof(text) };
	struct services_spec spec;
	coffer_err err;

	if ((err = check_name(call, create->name)) != COFFER_OK ||
	    (err = check_ttl(call, create->ttl_ms)) != COFFER_OK ||
	    (err = gather_scopes(call, &scopes)) != COFFER_OK ||
	    (err = call_gather_allow(call, coffer_v1_CreateServiceRequest_allow_tag, &allow)) !=
		COFFER_OK)
		return err;
	spec = (struct services_spec){
		.name = create->name,
		.scopes = { scopes.data, scopes.len },
		.allow = { allow.data, allow.len },
		.bind_uid = create->bind_uid,
		.uid = create->uid,
		.now_ms = call->now_ms,
		.expires_ms = end_of(call, create->ttl_ms),
	};
	return store_service(call, &spec);
}

coffer_err operator_renew_grant(struct call *call)
{
	const coffer_v1_RenewGrantRequest *renew = &call->request.renew_grant;
	coffer_v1_RenewGrantResponse reply = { .expires_at_ms = end_of(call, renew->ttl_ms) };
	coffer_err err;

	if ((err = call_about_grant(call, "id", renew->id, false)) != COFFER_OK ||
	    (err = check_ttl(call, renew->ttl_ms)) != COFFER_OK)
		return err;
	err = services_renew(call->rpc->core, renew->id, call->now_ms, reply.expires_at_ms);
	if (err == COFFER_NOT_FOUND)
		return call_fail(call, err, "unknown service '%.*s'", SLICE_ARG(renew->id));
	if (err == COFFER_FAILED_PRECONDITION)
		return call_fail(call, err, "service '%.*s' has ended", SLICE_ARG(renew->id));
	if (err != COFFER_OK)
		return err;
	return codec_append(call->out, coffer_v1_RenewGrantResponse_fields, &reply);
}

static coffer_err append_list(struct call *call, uint32_t tag, struct slice list)
{
	struct slice item;
	coffer_err err = COFFER_OK;

	while (err == COFFER_OK && scopes_next(&list, &item))
		err = codec_append_bytes(call->out, tag, item);
	return err;
}

static coffer_err append_info(struct call *call, const struct store_grant *row)
{
	bool expired = row->end == GRANT_LIVE && call->now_ms >= row->expires_ms;
	coffer_v1_GrantInfo info = { .id = row->id,
				     .name = row->name,
				     .state = call_grant_state(expired ? GRANT_EXPIRED : row->end),
				     .created_at_ms = row->created_ms,
				     .expires_at_ms = row->expires_ms,
				     .bind_uid = row->bind_uid,
				     .uid = row->uid };
	size_t mark;
	coffer_err err;

	if ((err = codec_open_message(call->out, coffer_v1_ListGrantsResponse_grants_tag, &mark)) !=
		COFFER_OK ||
	    (err = codec_append(call->out, coffer_v1_GrantInfo_fields, &info)) != COFFER_OK ||
	    (err = append_list(call, coffer_v1_GrantInfo_scopes_tag, row->scopes)) != COFFER_OK ||
	    (err = append_list(call, coffer_v1_GrantInfo_allow_tag, row->allow)) != COFFER_OK)
		return err;
	return codec_close_message(call->out, mark);
}

static coffer_err show_service(struct call *call, struct slice name)
{
	struct store_grant row;
	coffer_err err;

	if ((err = check_name(call, name)) != COFFER_OK)
		return err;
	err = store_service_by_name(call->rpc->core->store, name, &row);
	if (err == COFFER_NOT_FOUND || (err == COFFER_OK && call->now_ms >= row.expires_ms))
		return call_fail(call, COFFER_NOT_FOUND, "unknown service '%.*s'", SLICE_ARG(name));
	return err == COFFER_OK ? append_info(call, &row) : err;
}

/* Appends the service with the smallest id above that in id, which becomes its own. */
static coffer_err append_next(struct call *call, char id[COFFER_ID_LEN + 1])
{
	struct store_grant row;
	coffer_err err;

	do {
		err = store_service_next(call->rpc->core->store, slice_str(id), &row);
		if (err != COFFER_OK || (err = id_copy(id, row.id)) != COFFER_OK)
			return err;
	} while (!call->request.list_grants.all &&
		 (row.end != GRANT_LIVE || call->now_ms >= row.expires_ms));
	return append_info(call, &row);
}

coffer_err operator_list_grants(struct call *call)
{
	const coffer_v1_ListGrantsRequest *list = &call->request.list_grants;
	coffer_v1_ListGrantsResponse reply = { .more = false };
	char id[COFFER_ID_LEN + 1] = "";
	struct call_page page;
	coffer_err err;

	if (list->name.len > 0)
		return show_service(call, list->name);
	if (list->after.len > 0) {
		if ((err = call_check_id(call, "after", list->after)) != COFFER_OK)
			return err;
		memcpy(id, list->after.data, COFFER_ID_LEN);
	}
	page = call_page_begin(call);
	do {
		call_page_item(call, &page);
		err = append_next(call, id);
	} while (err == COFFER_OK);
	reply.more = call_page_full(call, &page, err);
	call_page_end(call, &page);
	if (err != COFFER_NOT_FOUND && !reply.more)
		return err;
	return codec_append(call->out, coffer_v1_ListGrantsResponse_fields, &reply);
}
