/* The Operator service: runs and their grants. */
#include "base/secret.h"
#include "core/bonds.h"
#include "core/grants.h"
#include "core/runs.h"
#include "core/scopes.h"
#include "rpc/call.h"
#include "rpc/writes.h"

#include "names.h"

#define TTL_DEFAULT_MS (60 * 60 * 1000LL)
#define TTL_MAX_MS     (30 * 24 * 60 * 60 * 1000LL)

/* Room for what stands beside a run's payload in a reply: most of all for the globs, where it is shown. */
#define PAYLOAD_OVERHEAD (COFFER_ALLOW_MAX * (COFFER_NAME_MAX + 4) + 256)

static coffer_err check_meta(struct call *call, const coffer_v1_RunMeta *meta)
{
	const char *why;
	coffer_err err;

	if ((err = names_check_id(meta->pipeline, &why)) != COFFER_OK)
		return call_fail(call, err, "the pipeline %s", why);
	if (meta->ref.len == 0)
		return call_fail(call, COFFER_INVALID_ARGUMENT, "the ref is empty");
	if ((err = call_check_text(call, "ref", meta->ref, COFFER_TEXT_MAX)) != COFFER_OK ||
	    (err = call_check_text(call, "repo", meta->repo, COFFER_TEXT_MAX)) != COFFER_OK)
		return err;
	return call_check_text(call, "sha", meta->sha, COFFER_TEXT_MAX);
}

static coffer_err check_extras(struct call *call)
{
	struct slice rest = call->body, encoded;
	coffer_v1_Pair pair;
	size_t count = 0;
	coffer_err err;

	while (codec_next(&rest, coffer_v1_CreateRunRequest_extras_tag, &encoded)) {
		if (++count > COFFER_EXTRAS_MAX)
			return call_fail(call, COFFER_INVALID_ARGUMENT, "more than %d extras",
					 COFFER_EXTRAS_MAX);
		if (codec_decode(encoded, coffer_v1_Pair_fields, &pair, sizeof(pair)) !=
			COFFER_OK ||
		    pair.key.len == 0)
			return call_fail(call, COFFER_INVALID_ARGUMENT, "an extra has no key");
		if ((err = call_check_text(call, "key of an extra", pair.key, COFFER_TEXT_MAX)) !=
			COFFER_OK ||
		    (err = call_check_text(call, "value of an extra", pair.value,
					   COFFER_PATH_MAX)) != COFFER_OK)
			return err;
	}
	return COFFER_OK;
}

static coffer_err check_create(struct call *call)
{
	const coffer_v1_CreateRunRequest *create = &call->request.create_run;
	coffer_err err;

	if ((err = check_meta(call, &create->meta)) != COFFER_OK ||
	    (err = call_check_text(call, "git_dir", create->git_dir, COFFER_PATH_MAX)) !=
		COFFER_OK ||
	    (err = call_check_text(call, "Sentry DSN", create->sentry.dsn, COFFER_TEXT_MAX)) !=
		COFFER_OK ||
	    (err = call_check_text(call, "Sentry trace id", create->sentry.trace_id,
				   COFFER_TEXT_MAX)) != COFFER_OK ||
	    (err = check_extras(call)) != COFFER_OK)
		return err;
	if (create->ttl_ms < 0 || create->ttl_ms > TTL_MAX_MS)
		return call_fail(call, COFFER_INVALID_ARGUMENT, "the ttl is not within 30 days");
	return COFFER_OK;
}

/* What the run's job will get from Bootstrap, encoded as it will be sent. */
static coffer_err build_payload(struct call *call, const char *id, struct secret *payload)
{
	const coffer_v1_CreateRunRequest *create = &call->request.create_run;
	coffer_v1_BootstrapResponse about = { .run_id = slice_str(id),
					      .git_dir = create->git_dir,
					      .has_meta = true,
					      .meta = create->meta,
					      .has_sentry = create->has_sentry,
					      .sentry = create->sentry };
	struct slice rest = call->body, extra;
	struct buf out;
	coffer_err err;

	if ((err = secret_reserve(payload, call->rpc->core->arena,
				  call->body.len + PAYLOAD_OVERHEAD)) != COFFER_OK)
		return err;
	out = (struct buf){ payload->data, 0, payload->cap };
	err = codec_append(&out, coffer_v1_BootstrapResponse_fields, &about);
	while (err == COFFER_OK && codec_next(&rest, coffer_v1_CreateRunRequest_extras_tag, &extra))
		err = codec_append_bytes(&out, coffer_v1_BootstrapResponse_extras_tag, extra);
	payload->len = out.len;
	if (err == COFFER_OK && out.len + PAYLOAD_OVERHEAD > call->rpc->frame_max)
		err = COFFER_RESOURCE_EXHAUSTED;
	if (err == COFFER_RESOURCE_EXHAUSTED)
		return call_fail(call, err, "the bootstrap data is too large");
	return err;
}

/* Stores the run; the token is made in the reply, where it is sent from. */
static coffer_err store_run(struct call *call, const char *id, const struct runs_spec *spec,
			    struct slice payload)
{
	coffer_v1_CreateRunResponse reply = { .run_id = slice_str(id),
					      .expires_at_ms = spec->expires_ms };
	struct slice scope = scopes_run(call->record.scope_text, slice_str(id));
	char superseded[COFFER_ID_LEN + 1];
	uint8_t *token;
	coffer_err err;

	memcpy(call->record.grant, id, COFFER_ID_LEN + 1);
	call->record.is_run = true;
	if ((err = codec_reserve_bytes(call->out, coffer_v1_CreateRunResponse_token_tag,
				       COFFER_TOKEN_LEN, &token)) != COFFER_OK ||
	    (err = runs_create(call->rpc->core, id, spec, payload, (char *)token, superseded)) !=
		COFFER_OK ||
	    (err = writes_put(call, coffer_v1_CreateRunRequest_secrets_tag, scope, NULL)) !=
		COFFER_OK ||
	    (err = codec_append(call->out, coffer_v1_CreateRunResponse_fields, &reply)) !=
		COFFER_OK)
		return err;
	if (superseded[0] == '\0')
		return COFFER_OK;
	call_reason(call, "supersedes %s", superseded);
	return codec_append_bytes(call->out, coffer_v1_CreateRunResponse_superseded_tag,
				  slice_str(superseded));
}

/* Binds the run to the process that the request names, if it names one. */
static coffer_err bind_process(struct call *call, const char *id, uint8_t mark[PIDFD_MARK_LEN],
			       struct runs_spec *spec)
{
	uint32_t pid = call->request.create_run.bind_process;
	coffer_err err;

	if (pid == 0)
		return COFFER_OK;
	err =
	    pid > INT32_MAX ? COFFER_NOT_FOUND : bonds_tie(call->rpc->core, id, (int32_t)pid, mark);
	spec->process = (struct slice){ mark, PIDFD_MARK_LEN };
	if (err == COFFER_NOT_FOUND)
		return call_fail(call, err, "there is no process %u", pid);
	if (err == COFFER_UNIMPLEMENTED)
		return call_fail(call, COFFER_FAILED_PRECONDITION,
				 "the kernel lets nobody watch a process: Linux 5.3 and later do");
	if (err == COFFER_RESOURCE_EXHAUSTED)
		return call_fail(call, err, "too many runs are bound to processes");
	if (err == COFFER_UNAVAILABLE)
		return call_fail(call, err, "/proc cannot be read");
	return err;
}

coffer_err operator_create_run(struct call *call)
{
	const coffer_v1_CreateRunRequest *create = &call->request.create_run;
	uint8_t globs[CALL_ALLOW_MAX], mark[PIDFD_MARK_LEN];
	struct buf allow = { globs, 0, sizeof(globs) };
	struct secret payload = SECRET_EMPTY;
	char id[COFFER_ID_LEN + 1];
	struct runs_spec spec;
	coffer_err err;

	if ((err = check_create(call)) != COFFER_OK ||
	    (err = call_gather_allow(call, coffer_v1_CreateRunRequest_allow_tag, &allow)) !=
		COFFER_OK)
		return err;
	spec = (struct runs_spec){
		.pipeline = create->meta.pipeline,
		.ref = create->meta.ref,
		.allow = { allow.data, allow.len },
		.bootstrap = !create->no_bootstrap,
		.bind_uid = create->bind_uid,
		.uid = create->uid,
		.now_ms = call->now_ms,
		.expires_ms = call->now_ms + (create->ttl_ms ? create->ttl_ms : TTL_DEFAULT_MS),
	};
	runs_make_id(call->rpc->core, call->now_ms, id);
	if ((err = bind_process(call, id, mark, &spec)) == COFFER_OK &&
	    (err = build_payload(call, id, &payload)) == COFFER_OK)
		err = store_run(call, id, &spec, (struct slice){ payload.data, payload.len });
	secret_free(&payload);
	return err;
}

static coffer_err fail_run(struct call *call, coffer_err err, struct slice id)
{
	if (err == COFFER_NOT_FOUND)
		return call_fail(call, err, "unknown run '%.*s'", SLICE_ARG(id));
	if (err == COFFER_FAILED_PRECONDITION)
		return call_fail(call, err, "run '%.*s' has ended", SLICE_ARG(id));
	return err;
}

coffer_err operator_finish_run(struct call *call)
{
	const coffer_v1_FinishRunRequest *finish = &call->request.finish_run;
	struct core *core = call->rpc->core;
	coffer_err err;

	if ((err = call_about_grant(call, "run id", finish->run_id, true)) != COFFER_OK)
		return err;
	if (finish->result != coffer_v1_RunState_SUCCEEDED &&
	    finish->result != coffer_v1_RunState_FAILED &&
	    finish->result != coffer_v1_RunState_CANCELLED)
		return call_fail(call, COFFER_INVALID_ARGUMENT,
				 "the result is none of SUCCEEDED, FAILED and CANCELLED");
	if ((err = runs_check_live(core, finish->run_id, call->now_ms)) == COFFER_OK)
		err = runs_end(core, finish->run_id, (run_state)finish->result, GRANT_FINISHED,
			       call->now_ms);
	return fail_run(call, err, finish->run_id);
}

coffer_err operator_revoke_grant(struct call *call)
{
	struct slice id = call->request.revoke_grant.id;
	struct core *core = call->rpc->core;
	coffer_err err;

	if ((err = call_about_grant(call, "id", id, true)) != COFFER_OK)
		return err;
	if ((err = runs_check_live(core, id, call->now_ms)) == COFFER_OK)
		err = runs_end(core, id, RUN_CANCELLED, GRANT_REVOKED, call->now_ms);
	if (err == COFFER_NOT_FOUND) {
		call->record.is_run = false;
		err = grants_end(core, id, GRANT_REVOKED);
	}
	if (err == COFFER_NOT_FOUND)
		return call_fail(call, err, "unknown or ended grant '%.*s'", SLICE_ARG(id));
	return fail_run(call, err, id);
}

/* The body is the id of the run that is past its time. */
coffer_err operator_expire_runs(struct call *call)
{
	coffer_err err;

	if ((err = call_about_grant(call, "run id", call->body, true)) != COFFER_OK)
		return err;
	return runs_end(call->rpc->core, call->body, RUN_EXPIRED, GRANT_EXPIRED, call->now_ms);
}

/* The body is the id of the run whose process has exited. */
coffer_err operator_end_of_process(struct call *call)
{
	struct core *core = call->rpc->core;
	const struct bond *bond = bonds_broken(core);
	coffer_err err;

	if ((err = call_about_grant(call, "run id", call->body, true)) != COFFER_OK)
		return err;
	call_reason(call, "process %d exited", bond != NULL ? (int)bond->pid : 0);
	return runs_end(core, call->body, RUN_CANCELLED, GRANT_REVOKED, call->now_ms);
}

/* Appends what is sealed of a run: the rest of its meta and, in full, git_dir and extras. */
static coffer_err append_sealed(struct call *call, const struct store_run *row, bool full,
				coffer_v1_RunInfo *info)
{
	coffer_v1_BootstrapResponse about;
	struct secret plain = SECRET_EMPTY;
	struct slice rest, extra;
	size_t len;
	coffer_err err;

	if ((err = runs_payload_len(row, &len)) != COFFER_OK ||
	    (err = secret_reserve(&plain, call->rpc->core->arena, len + 1)) != COFFER_OK ||
	    (err = runs_open_payload(call->rpc->core, row, plain.data)) != COFFER_OK)
		goto out;
	plain.len = len;
	rest = (struct slice){ plain.data, len };
	if (codec_decode(rest, coffer_v1_BootstrapResponse_fields, &about, sizeof(about)) !=
	    COFFER_OK) {
		err = COFFER_DATA_LOSS;
		goto out;
	}
	info->meta = about.meta;
	info->git_dir = full ? about.git_dir : SLICE_EMPTY;
	err = codec_append(call->out, coffer_v1_RunInfo_fields, info);
	while (full && err == COFFER_OK &&
	       codec_next(&rest, coffer_v1_BootstrapResponse_extras_tag, &extra))
		err = codec_append_bytes(call->out, coffer_v1_RunInfo_extras_tag, extra);
out:
	secret_free(&plain);
	/* One damaged run must not hide the others. */
	if (err == COFFER_DATA_LOSS && !full)
		return codec_append(call->out, coffer_v1_RunInfo_fields, info);
	return err;
}

static coffer_err append_grant(struct call *call, const char *id)
{
	coffer_v1_RunInfo info = { .bind_uid = false };
	struct pidfd_mark mark;
	struct store_grant grant;
	struct slice glob;
	coffer_err err;

	if ((err = store_grant_by_id(call->rpc->core->store, slice_str(id), &grant)) != COFFER_OK)
		return err;
	info.bind_uid = grant.bind_uid;
	info.uid = grant.uid;
	if (pidfd_mark_read(grant.process, &mark))
		info.bind_process = (uint32_t)mark.pid;
	err = codec_append(call->out, coffer_v1_RunInfo_fields, &info);
	while (err == COFFER_OK && scopes_next(&grant.allow, &glob))
		err = codec_append_bytes(call->out, coffer_v1_RunInfo_allow_tag, glob);
	return err;
}

/* Appends one RunInfo and keeps the row's id in id, for the store takes the row back. */
static coffer_err append_run(struct call *call, const struct store_run *row, bool full,
			     char id[COFFER_ID_LEN + 1])
{
	coffer_v1_RunInfo info = {
		.run_id = row->id,
		.has_meta = true,
		.meta = { .pipeline = row->pipeline, .ref = row->ref },
		.state = (coffer_v1_RunState)runs_state(row, call->now_ms),
		.created_at_ms = row->created_ms,
		.started_at_ms = row->started_ms,
		.finished_at_ms = row->finished_ms,
		.expires_at_ms = row->expires_ms,
	};
	size_t mark;
	coffer_err err;

	if ((err = id_copy(id, row->id)) != COFFER_OK ||
	    (err = codec_open_message(call->out, coffer_v1_ListRunsResponse_runs_tag, &mark)) !=
		COFFER_OK ||
	    (err = append_sealed(call, row, full, &info)) != COFFER_OK ||
	    (full && (err = append_grant(call, id)) != COFFER_OK))
		return err;
	return codec_close_message(call->out, mark);
}

static coffer_err show_run(struct call *call, struct slice run_id)
{
	char id[COFFER_ID_LEN + 1];
	struct store_run row;
	coffer_err err;

	if ((err = call_about_grant(call, "run id", run_id, true)) != COFFER_OK)
		return err;
	if ((err = store_run_get(call->rpc->core->store, run_id, &row)) != COFFER_OK)
		return fail_run(call, err, run_id);
	return append_run(call, &row, true, id);
}

coffer_err operator_list_runs(struct call *call)
{
	const coffer_v1_ListRunsRequest *list = &call->request.list_runs;
	coffer_v1_ListRunsResponse reply = { .more = false };
	struct slice before = list->after;
	char id[COFFER_ID_LEN + 1] = "";
	struct store_run row;
	struct call_page page;
	coffer_err err;

	if (list->run_id.len > 0)
		return show_run(call, list->run_id);
	if (before.len > 0 && (err = call_check_id(call, "after", before)) != COFFER_OK)
		return err;
	page = call_page_begin(call);
	do {
		call_page_item(call, &page);
		err = store_run_before(call->rpc->core->store, before, &row);
		if (err == COFFER_OK)
			err = append_run(call, &row, false, id);
		before = slice_str(id);
	} while (err == COFFER_OK);
	reply.more = call_page_full(call, &page, err);
	call_page_end(call, &page);
	if (err != COFFER_NOT_FOUND && !reply.more)
		return err;
	return codec_append(call->out, coffer_v1_ListRunsResponse_fields, &reply);
}
