/* The Runner service: reading secrets. */
#include "core/secrets.h"
#include "rpc/call.h"
#include "rpc/values.h"

#include "names.h"
#include "wipe.h"

/* Checks the name's syntax and the grant's globs. */
static coffer_err admit(struct call *call, struct slice name)
{
	coffer_err err;

	if ((err = call_check_name(call, name)) != COFFER_OK)
		return err;
	call_about(call, SLICE_EMPTY, name, 0);
	if (policy_allows_name(call->session->grant, name))
		return COFFER_OK;
	return call_fail(call, COFFER_PERMISSION_DENIED, "secret '%.*s' is not allowed to this run",
			 SLICE_ARG(name));
}

static coffer_err find(struct call *call, struct slice name, struct store_secret *row)
{
	return secrets_find(call->rpc->core, call->session->grant, name, call->now_ms, row);
}

coffer_err job_get_secret(struct call *call)
{
	struct slice name = call->request.get_secret.name;
	coffer_v1_GetSecretResponse reply;
	struct store_secret row;
	coffer_err err;

	if ((err = admit(call, name)) != COFFER_OK)
		return err;
	if ((err = find(call, name, &row)) != COFFER_OK)
		return err == COFFER_NOT_FOUND ? values_unknown(call, name, &row) : err;
	call_about(call, row.scope, name, row.version);
	if ((err = values_append(call, coffer_v1_GetSecretResponse_value_tag, &row)) != COFFER_OK)
		return err;
	reply = (coffer_v1_GetSecretResponse){ .version = row.version, .scope = row.scope };
	return codec_append(call->out, coffer_v1_GetSecretResponse_fields, &reply);
}

/* Appends one coffer.v1.Secret with its value. */
static coffer_err append_secret(struct call *call, uint32_t tag, const struct store_secret *row)
{
	coffer_v1_Secret rest = { .version = row->version, .scope = row->scope };
	size_t mark;
	coffer_err err;

	if ((err = codec_open_message(call->out, tag, &mark)) != COFFER_OK ||
	    (err = codec_append_bytes(call->out, coffer_v1_Secret_name_tag, row->name)) !=
		COFFER_OK ||
	    (err = values_append(call, coffer_v1_Secret_value_tag, row)) != COFFER_OK ||
	    (err = codec_append(call->out, coffer_v1_Secret_fields, &rest)) != COFFER_OK)
		return err;
	return codec_close_message(call->out, mark);
}

/* All or an error that names every missing one: before any value is opened. */
static coffer_err check_all(struct call *call)
{
	struct slice rest = call->body, name, first = SLICE_EMPTY;
	struct store_secret row, gone;
	size_t count = 0, missing = 0;
	coffer_err err;

	while (codec_next(&rest, coffer_v1_GetSecretsRequest_names_tag, &name)) {
		if (++count > COFFER_BATCH_MAX)
			return call_fail(call, COFFER_INVALID_ARGUMENT, "more than %d names",
					 COFFER_BATCH_MAX);
		if ((err = admit(call, name)) != COFFER_OK)
			return err;
		if ((err = find(call, name, &row)) == COFFER_OK)
			continue;
		if (err != COFFER_NOT_FOUND)
			return err;
		if (missing == 0) {
			first = name;
			gone = row;
		}
		call_say(call, missing++ == 0 ? "unknown secrets '%.*s'" : ", '%.*s'",
			 SLICE_ARG(name));
	}
	if (count == 0)
		return call_fail(call, COFFER_INVALID_ARGUMENT, "no names");
	call_about(call, SLICE_EMPTY, first, 0);
	if (missing == 1)
		return values_unknown(call, first, &gone);
	if (missing > 1)
		call_reason(call, "%zu unknown names, this is the first", missing);
	return missing == 0 ? COFFER_OK : COFFER_NOT_FOUND;
}

coffer_err job_get_secrets(struct call *call)
{
	struct slice rest = call->body, name;
	coffer_v1_GetSecretsResponse reply = { .more = false };
	struct store_secret row;
	struct call_page page;
	coffer_err err;

	if ((err = check_all(call)) != COFFER_OK)
		return err;
	page = call_page_begin(call);
	while (err == COFFER_OK &&
	       codec_next(&rest, coffer_v1_GetSecretsRequest_names_tag, &name)) {
		call_page_item(call, &page);
		err = find(call, name, &row);
		if (err == COFFER_OK)
			err = append_secret(call, coffer_v1_GetSecretsResponse_secrets_tag, &row);
		if (err == COFFER_OK)
			call_about_item(call, row.scope, name, row.version);
	}
	reply.more = call_page_full(call, &page, err);
	call_page_end(call, &page);
	if (err != COFFER_OK && !reply.more)
		return err;
	return codec_append(call->out, coffer_v1_GetSecretsResponse_fields, &reply);
}

/* A walk over the visible secrets from behind a name: the same for a listing and an environment. */
static coffer_err cursor_after(struct call *call, struct slice after, struct secrets_cursor *cursor)
{
	cursor->len = 0;
	if (after.len == 0)
		return COFFER_OK;
	if (after.len > sizeof(cursor->name))
		return call_fail(call, COFFER_INVALID_ARGUMENT, "after is not a name");
	memcpy(cursor->name, after.data, after.len);
	cursor->len = after.len;
	return COFFER_OK;
}

static coffer_err append_info(struct call *call, const struct store_secret *row)
{
	coffer_v1_SecretInfo info = { .scope = row->scope,
				      .name = row->name,
				      .version = row->version,
				      .updated_at_ms = row->created_ms,
				      .expires_at_ms = row->expires_ms };

	return codec_append_message(call->out, coffer_v1_ListSecretsResponse_secrets_tag,
				    coffer_v1_SecretInfo_fields, &info);
}

static coffer_err append_pair(struct call *call, const struct store_secret *row)
{
	coffer_err err = append_secret(call, coffer_v1_GetEnvironmentResponse_secrets_tag, row);

	if (err == COFFER_OK)
		call_about_item(call, row->scope, row->name, row->version);
	return err;
}

/* Fills a page by append; *next is where it ended (empty: at the end of all). */
static coffer_err fill_page(struct call *call, struct slice after,
			    coffer_err (*append)(struct call *, const struct store_secret *),
			    struct secrets_cursor *next)
{
	struct secrets_cursor cursor;
	struct store_secret row;
	struct call_page page;
	size_t count = 0;
	bool more = false;
	coffer_err err;

	next->len = 0;
	if ((err = cursor_after(call, after, &cursor)) != COFFER_OK)
		return err;
	page = call_page_begin(call);
	while (!more && err == COFFER_OK) {
		*next = cursor;
		call_page_item(call, &page);
		err = secrets_next(call->rpc->core, call->session->grant, &cursor, call->now_ms,
				   &row);
		if (err == COFFER_OK && count++ == RECORD_SECRETS_MAX)
			more = true;
		else if (err == COFFER_OK)
			err = append(call, &row);
	}
	more = more || call_page_full(call, &page, err);
	call_page_end(call, &page);
	if (!more)
		next->len = 0;
	return more || err == COFFER_NOT_FOUND ? COFFER_OK : err;
}

coffer_err job_list_secrets(struct call *call)
{
	coffer_v1_ListSecretsResponse reply;
	struct secrets_cursor next;
	coffer_err err;

	if ((err = fill_page(call, call->request.list_secrets.after, append_info, &next)) !=
	    COFFER_OK)
		return err;
	reply = (coffer_v1_ListSecretsResponse){ .next = { (const uint8_t *)next.name, next.len } };
	return codec_append(call->out, coffer_v1_ListSecretsResponse_fields, &reply);
}

coffer_err job_get_environment(struct call *call)
{
	coffer_v1_GetEnvironmentResponse reply;
	struct secrets_cursor next;
	coffer_err err;

	err = fill_page(call, call->request.get_environment.after, append_pair, &next);
	if (err != COFFER_OK)
		return err;
	reply =
	    (coffer_v1_GetEnvironmentResponse){ .next = { (const uint8_t *)next.name, next.len },
						.revision = call->rpc->core->revision };
	return codec_append(call->out, coffer_v1_GetEnvironmentResponse_fields, &reply);
}
