/* The Runner service: Hello and Bootstrap. */
#include "core/grants.h"
#include "core/runs.h"
#include "rpc/call.h"

#include <stdlib.h>

#include "names.h"

#define BAD_TOKEN "the token is not valid"

static coffer_err check_hello(struct call *call)
{
	const coffer_v1_HelloRequest *hello = &call->request.hello;
	coffer_err err;

	if (call->session->grant != NULL)
		return call_fail(call, COFFER_FAILED_PRECONDITION,
				 "Hello was said before on this connection");
	if (hello->protocol != COFFER_PROTOCOL_VERSION)
		return call_fail(call, COFFER_FAILED_PRECONDITION,
				 "protocol version %u is not known; this daemon speaks %u",
				 hello->protocol, COFFER_PROTOCOL_VERSION);
	if ((err = call_check_text(call, "client's name", hello->client, COFFER_TEXT_MAX)) !=
		COFFER_OK ||
	    (err = call_check_text(call, "via", hello->via, COFFER_TEXT_MAX)) != COFFER_OK)
		return err;
	call->record.via = hello->via;
	return hello->run_id.len == 0 ? COFFER_OK : call_check_id(call, "run id", hello->run_id);
}

/* An ended grant is not loaded, but its record must be found by the run, too. */
static bool is_run(struct core *core, const char *id)
{
	struct store_grant grant;

	return id[0] != '\0' &&
	       store_grant_by_id(core->store, slice_str(id), &grant) == COFFER_OK &&
	       grant.kind == GRANT_RUN;
}

/* A6: the caller learns nothing of why a token does not work; the audit record does. */
static coffer_err refuse_token(struct call *call, const char *reason)
{
	call_reason(call, "%s", reason);
	return call_fail(call, COFFER_UNAUTHENTICATED, BAD_TOKEN);
}

/* A run that the client expects must exist, and the token must be its own. */
static coffer_err check_expected_run(struct call *call, const struct grant *grant)
{
	struct slice expected = call->request.hello.run_id;
	struct store_run row;
	coffer_err err;

	if (expected.len == 0 || slice_equal(expected, slice_str(grant->id)))
		return COFFER_OK;
	if ((err = store_run_get(call->rpc->core->store, expected, &row)) == COFFER_NOT_FOUND)
		return call_fail(call, err, "unknown run '%.*s'", SLICE_ARG(expected));
	return err == COFFER_OK ? refuse_token(call, "of another run") : err;
}

static coffer_err keep_via(struct call *call)
{
	struct slice via = call->request.hello.via;

	if (via.len == 0)
		return COFFER_OK;
	call->session->via = strndup((const char *)via.data, via.len);
	return call->session->via ? COFFER_OK : COFFER_RESOURCE_EXHAUSTED;
}

static coffer_err reply_hello(struct call *call, const struct grant *grant)
{
	coffer_v1_HelloResponse hello = { .protocol = COFFER_PROTOCOL_VERSION,
					  .server = SLICE_LITERAL("cofferd/" COFFER_VERSION),
					  .frame_max = call->rpc->frame_max,
					  .value_max = call->rpc->core->value_max,
					  .expires_at_ms = grant->expires_ms };
	coffer_err err;

	if (grant->kind == GRANT_RUN)
		hello.run_id = slice_str(grant->id);
	if ((err = codec_append(call->out, coffer_v1_HelloResponse_fields, &hello)) != COFFER_OK)
		return err;
	for (size_t i = 0; i < grant->scopes_len; i++)
		if ((err = codec_append_bytes(call->out, coffer_v1_HelloResponse_scopes_tag,
					      grant->scopes[i])) != COFFER_OK)
			return err;
	return COFFER_OK;
}

coffer_err job_hello(struct call *call)
{
	struct core *core = call->rpc->core;
	struct grant *grant = NULL;
	grant_end end;
	coffer_err err;

	if ((err = check_hello(call)) != COFFER_OK)
		return err;
	err = grants_authenticate(core, call->request.hello.token, call->now_ms, &grant, &end,
				  call->record.grant);
	if (err == COFFER_UNAUTHENTICATED) {
		call->record.is_run = is_run(core, call->record.grant);
		return refuse_token(call, grants_end_name(end));
	}
	if (err != COFFER_OK)
		return err;
	call->record.is_run = grant->kind == GRANT_RUN;
	if (!policy_allows_peer(grant, call->session->uid)) {
		call_reason(call, "bound to uid %u", grant->uid);
		err =
		    call_fail(call, COFFER_PERMISSION_DENIED, "the token is bound to another uid");
		goto out;
	}
	if ((err = check_expected_run(call, grant)) != COFFER_OK ||
	    (err = reply_hello(call, grant)) != COFFER_OK || (err = keep_via(call)) != COFFER_OK)
		goto out;
	call->session->grant = grant;
	grant = NULL;
out:
	grants_release(core, grant);
	return err;
}

coffer_err job_bootstrap(struct call *call)
{
	struct slice nonce = call->request.bootstrap.nonce;
	const struct session *session = call->session;
	struct core *core = call->rpc->core;
	struct store_run row;
	size_t len;
	coffer_err err;

	if (nonce.len != 0 && nonce.len != COFFER_NONCE_LEN)
		return call_fail(call, COFFER_INVALID_ARGUMENT,
				 "the nonce is not 0 or %d bytes long", COFFER_NONCE_LEN);
	if (session->grant->kind != GRANT_RUN)
		return call_fail(call, COFFER_NOT_FOUND, "a service has no bootstrap data");
	err = runs_claim(core, slice_str(session->grant->id), nonce, session->uid, call->now_ms,
			 &row);
	if (err == COFFER_GONE)
		return call_fail(call, err, "the bootstrap data was claimed before");
	if (err == COFFER_NOT_FOUND)
		return call_fail(call, err, "the run has no bootstrap data");
	if (err != COFFER_OK || (err = runs_payload_len(&row, &len)) != COFFER_OK)
		return err;
	if (len > call->out->cap - call->out->len)
		return COFFER_RESOURCE_EXHAUSTED;
	if ((err = runs_open_payload(core, &row, call->out->data + call->out->len)) == COFFER_OK)
		call->out->len += len;
	return err;
}
