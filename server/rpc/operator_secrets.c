/* The Operator service: secrets. */
#include "core/runs.h"
#include "core/secrets.h"
#include "rpc/call.h"
#include "rpc/values.h"
#include "rpc/writes.h"

static coffer_err check_where(struct call *call, struct slice scope, struct slice name, bool system)
{
	coffer_err err;

	if ((err = call_check_scope(call, scope, system)) != COFFER_OK)
		return err;
	call_about(call, scope, SLICE_EMPTY, 0);
	if ((err = call_check_name(call, name)) != COFFER_OK)
		return err;
	call_about(call, scope, name, 0);
	return COFFER_OK;
}

/* A run's own scope can be written to while the run lives: it is erased when the run ends. */
static coffer_err check_run_lives(struct call *call, struct slice scope)
{
	struct slice id = { scope.data + 4, scope.len - 4 };
	coffer_err err;

	if (scope.len < 4 || memcmp(scope.data, "run/", 4) != 0)
		return COFFER_OK;
	err = names_is_uuid(id) ? runs_check_live(call->rpc->core, id, call->now_ms)
				: COFFER_NOT_FOUND;
	if (err == COFFER_NOT_FOUND)
		return call_fail(call, err, "there is no run of scope '%.*s'", SLICE_ARG(scope));
	if (err == COFFER_FAILED_PRECONDITION)
		return call_fail(call, err, "the run of scope '%.*s' has ended", SLICE_ARG(scope));
	return err;
}

coffer_err operator_expire_secrets(struct call *call)
{
	struct secrets_ended ended;
	coffer_err err;

	for (size_t i = 0; i < COFFER_BATCH_MAX; i++) {
		err = secrets_expire(call->rpc->core, call->now_ms, &ended);
		if (err != COFFER_OK)
			return err == COFFER_NOT_FOUND ? COFFER_OK : err;
		if (ended.version > 0)
			call_about_item(
			    call, (struct slice){ (const uint8_t *)ended.scope, ended.scope_len },
			    (struct slice){ (const uint8_t *)ended.name, ended.name_len },
			    ended.version);
	}
	return COFFER_OK;
}

static coffer_err append_written(struct call *call, const struct secrets_target *target,
				 uint32_t version)
{
	coffer_v1_SecretInfo info = { .scope = target->scope,
				      .name = target->name,
				      .version = version,
				      .updated_at_ms = target->now_ms };

	return codec_append_message(call->out, coffer_v1_PutSecretResponse_secrets_tag,
				    coffer_v1_SecretInfo_fields, &info);
}

coffer_err operator_put_secret(struct call *call)
{
	const coffer_v1_PutSecretRequest *put = &call->request.put_secret;
	struct slice scope = put->scope;
	coffer_err err;

	if ((err = call_check_scope(call, scope, put->system)) != COFFER_OK)
		return err;
	call_about(call, scope, SLICE_EMPTY, 0);
	if ((err = check_run_lives(call, scope)) != COFFER_OK)
		return err;
	return writes_put(call, coffer_v1_PutSecretRequest_writes_tag, scope, append_written);
}

coffer_err operator_delete_secret(struct call *call)
{
	const coffer_v1_DeleteSecretRequest *del = &call->request.delete_secret;
	struct secrets_target target = { .scope = del->scope,
					 .name = del->name,
					 .check_version = del->check_version,
					 .if_version = del->if_version,
					 .now_ms = call->now_ms };
	coffer_v1_DeleteSecretResponse reply;
	uint32_t version;
	coffer_err err;

	if ((err = check_where(call, del->scope, del->name, del->system)) != COFFER_OK)
		return err;
	if ((err = secrets_remove(call->rpc->core, &target, del->purge, &version)) != COFFER_OK)
		return writes_fail(call, err, del->name);
	call_about(call, del->scope, del->name, version);
	if (del->purge)
		call_reason(call, "purged");
	reply = (coffer_v1_DeleteSecretResponse){ .version = version };
	return codec_append(call->out, coffer_v1_DeleteSecretResponse_fields, &reply);
}

coffer_err operator_rollback_secret(struct call *call)
{
	const coffer_v1_RollbackSecretRequest *back = &call->request.rollback_secret;
	struct secrets_target target = { .scope = back->scope,
					 .name = back->name,
					 .now_ms = call->now_ms };
	coffer_v1_RollbackSecretResponse reply;
	uint32_t version;
	coffer_err err;

	if ((err = check_where(call, back->scope, back->name, back->system)) != COFFER_OK ||
	    (err = check_run_lives(call, back->scope)) != COFFER_OK)
		return err;
	err = secrets_rollback(call->rpc->core, &target, back->version, &version);
	if (err == COFFER_NOT_FOUND)
		return call_fail(call, err, "secret '%.*s' has no version %u",
				 SLICE_ARG(back->name), back->version);
	if (err == COFFER_FAILED_PRECONDITION)
		return call_fail(call, err, "version %u of '%.*s' is a deletion or has expired",
				 back->version, SLICE_ARG(back->name));
	if (err != COFFER_OK)
		return writes_fail(call, err, back->name);
	call_about(call, back->scope, back->name, version);
	call_reason(call, "from version %u", back->version);
	reply = (coffer_v1_RollbackSecretResponse){ .version = version };
	return codec_append(call->out, coffer_v1_RollbackSecretResponse_fields, &reply);
}

coffer_err operator_list_versions(struct call *call)
{
	const coffer_v1_ListVersionsRequest *list = &call->request.list_versions;
	coffer_v1_ListVersionsResponse reply = { .more = false };
	struct store_secret row = { .version = UINT32_MAX };
	struct call_page page;
	coffer_err err;

	if ((err = check_where(call, list->scope, list->name, list->system)) != COFFER_OK)
		return err;
	if (list->before_version > 0)
		row.version = list->before_version;
	page = call_page_begin(call);
	while (err == COFFER_OK) {
		call_page_item(call, &page);
		err = store_secret_before(call->rpc->core->store, list->scope, list->name,
					  row.version, &row);
		if (err == COFFER_OK)
			err = values_append_info(call, coffer_v1_ListVersionsResponse_versions_tag,
						 &row);
	}
	reply.more = call_page_full(call, &page, err);
	call_page_end(call, &page);
	if (err == COFFER_NOT_FOUND && call->out->len == page.start && list->before_version == 0)
		return call_unknown_secret(call, list->name);
	if (err != COFFER_NOT_FOUND && !reply.more)
		return err;
	return codec_append(call->out, coffer_v1_ListVersionsResponse_fields, &reply);
}

coffer_err operator_reveal_secret(struct call *call)
{
	const coffer_v1_RevealSecretRequest *reveal = &call->request.reveal_secret;
	coffer_v1_RevealSecretResponse reply;
	struct store_secret row;
	coffer_err err;

	if ((err = check_where(call, reveal->scope, reveal->name, reveal->system)) != COFFER_OK)
		return err;
	err = secrets_at(call->rpc->core, reveal->scope, reveal->name, reveal->version,
			 call->now_ms, &row);
	if (err == COFFER_NOT_FOUND && reveal->version != 0 && row.expires_ms == 0)
		return call_fail(call, err, "secret '%.*s' has no version %u",
				 SLICE_ARG(reveal->name), reveal->version);
	if (err == COFFER_NOT_FOUND)
		return values_unknown(call, reveal->name, &row);
	if (err != COFFER_OK)
		return err;
	call_about(call, reveal->scope, reveal->name, row.version);
	err = values_append(call, coffer_v1_RevealSecretResponse_value_tag, &row);
	if (err != COFFER_OK)
		return err;
	reply = (coffer_v1_RevealSecretResponse){ .version = row.version };
	return codec_append(call->out, coffer_v1_RevealSecretResponse_fields, &reply);
}

/* Where a walk over every scope stands. */
struct walk {
	char scope[COFFER_SCOPE_MAX];
	size_t scope_len;
	struct secrets_cursor name;
};

static struct slice walk_scope(const struct walk *walk)
{
	return (struct slice){ (const uint8_t *)walk->scope, walk->scope_len };
}

/* The next secret of the walk that is not deleted. one: stay in that scope. */
static coffer_err walk_next(struct call *call, struct walk *walk, bool one, bool system,
			    struct store_secret *row)
{
	struct store *store = call->rpc->core->store;
	struct slice scope;
	const char *why;
	coffer_err err;

	for (;;) {
		struct slice name = { (const uint8_t *)walk->name.name, walk->name.len };
		err = walk->scope_len == 0 ? COFFER_NOT_FOUND
					   : store_secret_next(store, walk_scope(walk), name, row);
		if (err == COFFER_OK) {
			memcpy(walk->name.name, row->name.data, row->name.len);
			walk->name.len = row->name.len;
			if (!secrets_gone(row, call->now_ms))
				return COFFER_OK;
			continue;
		}
		if (err != COFFER_NOT_FOUND || one)
			return err;
		do {
			err = store_scope_next(store, walk_scope(walk), &scope);
			if (err != COFFER_OK)
				return err;
			memcpy(walk->scope, scope.data, scope.len);
			walk->scope_len = scope.len;
			walk->name.len = 0;
		} while (policy_check_scope(walk_scope(walk), system, &why) != COFFER_OK);
	}
}

static coffer_err walk_begin(struct call *call, struct walk *walk)
{
	const coffer_v1_ListAllSecretsRequest *list = &call->request.list_all_secrets;
	struct slice scope = list->scope.len > 0 ? list->scope : list->after_scope;
	coffer_err err;

	memset(walk, 0, sizeof(*walk));
	if (list->after_name.len > sizeof(walk->name.name))
		return call_fail(call, COFFER_INVALID_ARGUMENT, "after_name is not a name");
	if (scope.len == 0)
		return COFFER_OK;
	if ((err = call_check_scope(call, scope, list->system)) != COFFER_OK)
		return err;
	memcpy(walk->scope, scope.data, scope.len);
	walk->scope_len = scope.len;
	walk->name.len = list->after_name.len;
	if (walk->name.len > 0)
		memcpy(walk->name.name, list->after_name.data, walk->name.len);
	return COFFER_OK;
}

coffer_err operator_list_all_secrets(struct call *call)
{
	const coffer_v1_ListAllSecretsRequest *list = &call->request.list_all_secrets;
	coffer_v1_ListAllSecretsResponse reply = { .more = false };
	struct store_secret row;
	struct call_page page;
	struct walk walk;
	coffer_err err;

	if ((err = walk_begin(call, &walk)) != COFFER_OK)
		return err;
	call_about(call, list->scope, SLICE_EMPTY, 0);
	page = call_page_begin(call);
	while (err == COFFER_OK) {
		call_page_item(call, &page);
		err = walk_next(call, &walk, list->scope.len > 0, list->system, &row);
		if (err == COFFER_OK)
			err = values_append_info(call, coffer_v1_ListAllSecretsResponse_secrets_tag,
						 &row);
	}
	reply.more = call_page_full(call, &page, err);
	call_page_end(call, &page);
	if (err != COFFER_NOT_FOUND && !reply.more)
		return err;
	return codec_append(call->out, coffer_v1_ListAllSecretsResponse_fields, &reply);
}
