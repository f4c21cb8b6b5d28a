#include "admin.h"

#include "copy.h"
#include "wipe.h"

#include <stdlib.h>

const char *coffer_run_state_name(coffer_run_state state)
{
	static const char *const names[] = {
		[COFFER_RUN_PENDING] = "pending",     [COFFER_RUN_ACTIVE] = "active",
		[COFFER_RUN_SUCCEEDED] = "succeeded", [COFFER_RUN_FAILED] = "failed",
		[COFFER_RUN_CANCELLED] = "cancelled", [COFFER_RUN_SUPERSEDED] = "superseded",
		[COFFER_RUN_EXPIRED] = "expired",
	};
	size_t i = (size_t)state;

	return i < sizeof(names) / sizeof(names[0]) && names[i] != NULL ? names[i] : "unknown";
}

static void put_spec(struct call *call, const struct coffer_run_spec *spec)
{
	coffer_v1_CreateRunRequest request = {
		.has_meta = true,
		.meta = { .pipeline = slice_str(spec->pipeline),
			  .repo = slice_str(spec->repo),
			  .ref = slice_str(spec->ref),
			  .sha = slice_str(spec->sha),
			  .pushed_at_ms = spec->pushed_at_ms },
		.git_dir = slice_str(spec->git_dir),
		.has_sentry = spec->sentry_dsn != NULL || spec->sentry_trace_id != NULL,
		.sentry = { .dsn = slice_str(spec->sentry_dsn),
			    .trace_id = slice_str(spec->sentry_trace_id) },
		.ttl_ms = spec->ttl_ms,
		.bind_uid = spec->bind_uid,
		.uid = spec->uid,
		.bind_process = spec->bind_process,
		.no_bootstrap = spec->no_bootstrap,
	};

	call_put(call, coffer_v1_CreateRunRequest_fields, &request);
	for (size_t i = 0; i < spec->extras_len; i++) {
		coffer_v1_Pair pair = { slice_str(spec->extras[i].key),
					slice_str(spec->extras[i].value) };
		call_put_message(call, coffer_v1_CreateRunRequest_extras_tag, coffer_v1_Pair_fields,
				 &pair);
	}
	for (size_t i = 0; i < spec->allow_len; i++)
		call_put_bytes(call, coffer_v1_CreateRunRequest_allow_tag,
			       slice_str(spec->allow[i]));
	for (size_t i = 0; i < spec->secrets_len; i++)
		admin_put_write(call, coffer_v1_CreateRunRequest_secrets_tag, &spec->secrets[i]);
}

coffer_err coffer_admin_create_run(struct coffer_admin *admin, const struct coffer_run_spec *spec,
				   struct coffer_run_made *out)
{
	coffer_v1_CreateRunResponse reply;
	struct call call;
	coffer_err err;

	*out = (struct coffer_run_made){ .superseded = 0 };
	if ((err = admin_arm(admin)) != COFFER_OK)
		return err;
	call_begin(&call, &admin->transport, "CreateRun", CALL_CHANGES);
	put_spec(&call, spec);
	err = call_exchange(&call, coffer_v1_CreateRunResponse_fields, &reply, sizeof(reply));
	if (err == COFFER_OK &&
	    (err = copy_text(reply.run_id, out->run_id, sizeof(out->run_id))) == COFFER_OK)
		err = copy_text(reply.token, out->token, sizeof(out->token));
	out->expires_at_ms = reply.expires_at_ms;
	out->superseded = copy_count(call.reply, coffer_v1_CreateRunResponse_superseded_tag);
	if (err != COFFER_OK)
		coffer_run_made_wipe(out);
	return call_end(&call, err);
}

void coffer_run_made_wipe(struct coffer_run_made *made)
{
	wipe(made, sizeof(*made));
}

coffer_err coffer_admin_finish_run(struct coffer_admin *admin, const char *run_id,
				   coffer_run_state result)
{
	coffer_v1_FinishRunRequest request = { .run_id = slice_str(run_id),
					       .result = (coffer_v1_RunState)result };
	coffer_v1_FinishRunResponse reply;
	struct call call;
	coffer_err err;

	if ((err = admin_arm(admin)) != COFFER_OK)
		return err;
	call_begin(&call, &admin->transport, "FinishRun", CALL_CHANGES);
	call_put(&call, coffer_v1_FinishRunRequest_fields, &request);
	err = call_exchange(&call, coffer_v1_FinishRunResponse_fields, &reply, sizeof(reply));
	return call_end(&call, err);
}

coffer_err coffer_admin_revoke(struct coffer_admin *admin, const char *id)
{
	coffer_v1_RevokeGrantRequest request = { .id = slice_str(id) };
	coffer_v1_RevokeGrantResponse reply;
	struct call call;
	coffer_err err;

	if ((err = admin_arm(admin)) != COFFER_OK)
		return err;
	call_begin(&call, &admin->transport, "RevokeGrant", CALL_CHANGES);
	call_put(&call, coffer_v1_RevokeGrantRequest_fields, &request);
	err = call_exchange(&call, coffer_v1_RevokeGrantResponse_fields, &reply, sizeof(reply));
	return call_end(&call, err);
}

void coffer_runs_free(struct coffer_runs *runs)
{
	for (size_t i = 0; i < runs->len; i++)
		coffer_bootstrap_free(&runs->items[i].about);
	wipe(runs->items, runs->len * sizeof(*runs->items));
	free(runs->items);
	*runs = (struct coffer_runs){ NULL, 0 };
}

static coffer_err copy_info(struct slice element, struct coffer_run *out)
{
	struct copy_run from = { .message = element, .allow_tag = coffer_v1_RunInfo_allow_tag };
	coffer_v1_RunInfo info;
	coffer_err err;

	if (codec_decode(element, coffer_v1_RunInfo_fields, &info, sizeof(info)) != COFFER_OK ||
	    info.run_id.len == 0)
		return COFFER_INTERNAL;
	*out = (struct coffer_run){
		.state = (coffer_run_state)info.state,
		.created_at_ms = info.created_at_ms,
		.started_at_ms = info.started_at_ms,
		.finished_at_ms = info.finished_at_ms,
		.expires_at_ms = info.expires_at_ms,
		.bind_uid = info.bind_uid,
		.uid = info.uid,
		.bind_process = info.bind_process,
	};
	from.run_id = info.run_id;
	from.git_dir = info.git_dir;
	from.meta = info.meta;
	if ((err = copy_extras(&from, element, coffer_v1_RunInfo_extras_tag)) != COFFER_OK)
		return err;
	return copy_run(&from, &out->about, &out->allow);
}

static coffer_err add_runs(struct slice page, struct coffer_runs *out)
{
	struct slice element;
	coffer_err err;

	out->items = copy_room(page, coffer_v1_ListRunsResponse_runs_tag, out->items, out->len,
			       sizeof(*out->items), &err);
	while (err == COFFER_OK && codec_next(&page, coffer_v1_ListRunsResponse_runs_tag, &element))
		err = copy_info(element, &out->items[out->len++]);
	return err;
}

/* One page of runs after the last of out, or the run of that id. */
static coffer_err list_page(struct coffer_admin *admin, const char *run_id, struct coffer_runs *out,
			    bool *more)
{
	coffer_v1_ListRunsRequest request = { .run_id = slice_str(run_id) };
	coffer_v1_ListRunsResponse reply;
	size_t before = out->len;
	struct call call;
	coffer_err err;

	if (out->len > 0)
		request.after = slice_str(out->items[out->len - 1].about.run_id);
	call_begin(&call, &admin->transport, "ListRuns", CALL_READS);
	call_put(&call, coffer_v1_ListRunsRequest_fields, &request);
	err = call_exchange(&call, coffer_v1_ListRunsResponse_fields, &reply, sizeof(reply));
	*more = reply.more;
	if (err == COFFER_OK)
		err = add_runs(call.reply, out);
	if (err == COFFER_OK && reply.more && out->len == before)
		err = COFFER_INTERNAL;
	return call_end(&call, err);
}

coffer_err coffer_admin_list_runs(struct coffer_admin *admin, size_t max, struct coffer_runs *out)
{
	coffer_err err;
	bool more;

	*out = (struct coffer_runs){ NULL, 0 };
	if ((err = admin_arm(admin)) != COFFER_OK)
		return err;
	do
		err = list_page(admin, NULL, out, &more);
	while (err == COFFER_OK && more && (max == 0 || out->len < max));
	if (err != COFFER_OK)
		coffer_runs_free(out);
	while (max > 0 && out->len > max)
		coffer_bootstrap_free(&out->items[--out->len].about);
	return err;
}

coffer_err coffer_admin_show_run(struct coffer_admin *admin, const char *run_id,
				 struct coffer_runs *out)
{
	coffer_err err;
	bool more;

	*out = (struct coffer_runs){ NULL, 0 };
	if ((err = admin_arm(admin)) != COFFER_OK)
		return err;
	if (run_id == NULL || run_id[0] == '\0')
		return transport_fail(&admin->transport, COFFER_INVALID_ARGUMENT,
				      "no run id was given");
	err = list_page(admin, run_id, out, &more);
	if (err == COFFER_OK && (out->len != 1 || strcmp(out->items[0].about.run_id, run_id) != 0))
		err = transport_fail(&admin->transport, COFFER_INTERNAL,
				     "the daemon answered with another run");
	if (err != COFFER_OK)
		coffer_runs_free(out);
	return err;
}
