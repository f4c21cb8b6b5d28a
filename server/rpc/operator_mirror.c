/* The Operator service: the store and its bucket, for people and for coffer-s3. */
#include "core/mirror/apply.h"
#include "core/mirror/tasks.h"
#include "core/mirror/ticket.h"
#include "core/rotation.h"
#include "rpc/call.h"

#define WAIT_MAX_MS (10 * 60 * 1000)

static coffer_err check_bucket(struct call *call)
{
	const struct mirror *mirror = call->rpc->core->mirror;

	if (mirror != NULL && mirror->bucket != NULL)
		return COFFER_OK;
	return call_fail(call, COFFER_FAILED_PRECONDITION,
			 "there is no bucket: cofferd was started without --s3-bucket");
}

/* Until the request must be answered. */
static int64_t time_left(const struct call *call, uint32_t timeout_ms)
{
	int64_t asked_ms = timeout_ms < WAIT_MAX_MS ? timeout_ms : WAIT_MAX_MS;

	return call->waited_ms == RPC_ANSWER_NOW ? 0 : asked_ms - call->waited_ms;
}

/* --- Sync ----------------------------------------------------------------------------------------------- */

static coffer_err append_sync(struct call *call, bool done, const char *problem)
{
	const struct mirror *mirror = call->rpc->core->mirror;
	coffer_v1_SyncResponse reply = { .done = done,
					 .view_at_ms = mirror->view_at_ms,
					 .pushed = mirror->objects,
					 .problem = slice_str(problem) };
	struct store_stats stats;
	coffer_err err = store_stats(call->rpc->core->store, call->now_ms, &stats);

	if (err != COFFER_OK)
		return err;
	/* Those of runs are counted too, until it is done. */
	if (!mirror->joined && !done && stats.versions > mirror->objects)
		reply.to_push = stats.versions - mirror->objects;
	call->session->list = 0;
	return codec_append(call->out, coffer_v1_SyncResponse_fields, &reply);
}

/* Answers, or lets the request wait for as long as there is somebody to wait for. */
static coffer_err wait_or_tell(struct call *call)
{
	const struct core *core = call->rpc->core;
	int64_t left_ms = time_left(call, call->request.sync.timeout_ms);
	int64_t patience_ms = mirror_patience(core);

	if (left_ms <= 0 || patience_ms <= 0)
		return append_sync(call, false, mirror_problem(core));
	call->wait_ms = left_ms < patience_ms ? left_ms : patience_ms;
	return COFFER_OK;
}

static coffer_err push(struct call *call)
{
	struct core *core = call->rpc->core;
	const struct mirror_push *state = &core->mirror->push;
	coffer_err err;

	if (core->mirror->joined)
		return append_sync(call, true, NULL);
	if (rotation_find(core) == COFFER_OK)
		return call_fail(call, COFFER_FAILED_PRECONDITION,
				 "the key is being rotated: wait until that is done");
	if (state->stage == PUSH_FAILED && call->session->list != 0)
		return append_sync(call, false, state->problem);
	if ((err = mirror_push_begin(core)) != COFFER_OK)
		return err;
	call->session->list = 1; /* it has begun */
	if (state->stage != PUSH_DONE)
		return wait_or_tell(call);
	call_reason(call, "into the bucket %.100s", core->mirror->bucket);
	if ((err = mirror_join(core, call->now_ms)) != COFFER_OK)
		return err;
	return append_sync(call, true, NULL);
}

coffer_err operator_sync(struct call *call)
{
	struct core *core = call->rpc->core;
	struct session *session = call->session;
	char why[MIRROR_TEXT_MAX];
	coffer_err err;

	if ((err = check_bucket(call)) != COFFER_OK)
		return err;
	if (call->waited_ms == 0)
		session->list = 0;
	if (call->request.sync.push)
		return push(call);
	if (mirror_usable(core, why) == COFFER_FAILED_PRECONDITION)
		return call_fail(call, COFFER_FAILED_PRECONDITION, "%s", why);
	if (session->list == 0 && (err = mirror_list(core, &session->list)) != COFFER_OK)
		return err;
	if (core->mirror->list.done < session->list)
		return wait_or_tell(call);
	return append_sync(call, core->mirror->list.problem[0] == '\0', core->mirror->list.problem);
}

/* --- coffer-s3 ------------------------------------------------------------------------------------------ */

static coffer_err take_results(struct call *call, bool *any)
{
	struct slice rest = call->body, encoded;
	coffer_v1_MirrorResult result;
	coffer_err err;

	while (codec_next(&rest, coffer_v1_MirrorTasksRequest_results_tag, &encoded)) {
		*any = true;
		if (codec_decode(encoded, coffer_v1_MirrorResult_fields, &result, sizeof(result)) !=
		    COFFER_OK)
			return call_fail(call, COFFER_INVALID_ARGUMENT,
					 "a MirrorResult is malformed");
		err = mirror_result(call->rpc->core, result.id, (coffer_err)result.code,
				    result.message);
		if (err != COFFER_OK)
			return err;
	}
	return *any ? mirror_push_remember(call->rpc->core) : COFFER_OK;
}

/* As many as are asked for and fit. */
static coffer_err append_tasks(struct call *call, uint32_t max)
{
	struct mirror *mirror = call->rpc->core->mirror;
	struct call_page page = call_page_begin(call);
	struct mirror_task *task;
	coffer_err err = COFFER_OK;

	for (uint32_t i = 0; i < max && (task = mirror_tasks_next(mirror)) != NULL; i++) {
		const coffer_v1_MirrorTask message = { .id = task->id,
						       .kind = (coffer_v1_MirrorKind)task->kind,
						       .key = slice_str(task->key),
						       .body = task->body };
		call_page_item(call, &page);
		err = codec_append_message(call->out, coffer_v1_MirrorTasksResponse_tasks_tag,
					   coffer_v1_MirrorTask_fields, &message);
		if (err != COFFER_OK)
			break;
		mirror_tasks_fetched(task);
	}
	if (call_page_full(call, &page, err))
		err = COFFER_OK;
	call_page_end(call, &page);
	return err;
}

/* What it brings is taken once, when the request is looked at for the first time. */
static coffer_err look_first(struct call *call, bool *news)
{
	const coffer_v1_MirrorTasksRequest *request = &call->request.mirror_tasks;
	struct core *core = call->rpc->core;
	coffer_err err;

	*news = false;
	(void)mirror_attach(core, call->session);
	if ((err = take_results(call, news)) != COFFER_OK)
		return err;
	*news |= mirror_told(core, request->view_at_ms, request->problem);
	return COFFER_OK;
}

coffer_err operator_mirror_tasks(struct call *call)
{
	const coffer_v1_MirrorTasksRequest *request = &call->request.mirror_tasks;
	struct core *core = call->rpc->core;
	int64_t left_ms = time_left(call, request->timeout_ms);
	bool news = false;
	coffer_err err;

	if ((err = check_bucket(call)) != COFFER_OK)
		return err;
	if (call->waited_ms == 0 && (err = look_first(call, &news)) != COFFER_OK)
		return err;
	/* An empty reply would let the two take turns at once. */
	if (core->mirror->worker != call->session)
		return call_fail(call, COFFER_ABORTED, "another coffer-s3 has come in its place");
	if (request->max > 0 && (err = mirror_push_fill(core)) != COFFER_OK)
		return err;
	if (!news && left_ms > 0 &&
	    (request->max == 0 || mirror_tasks_next(core->mirror) == NULL)) {
		call->wait_ms = left_ms;
		return COFFER_OK;
	}
	return append_tasks(call, request->max);
}

/* Batches count before their records are looked at. */
static coffer_err take_markers(struct call *call)
{
	struct core *core = call->rpc->core;
	struct slice rest = call->body, key;
	bool open = false;
	coffer_err err = COFFER_OK;

	while (err == COFFER_OK && codec_next(&rest, coffer_v1_MirrorOfferRequest_keys_tag, &key)) {
		if (!mirror_marker_is_new(core, key))
			continue;
		if (!open && (err = core_begin(core)) != COFFER_OK)
			return err;
		open = true;
		err = mirror_marker(core, key);
	}
	if (open && err == COFFER_OK)
		return core_commit(core);
	if (open)
		core_rollback(core);
	return err;
}

static coffer_err append_verdicts(struct call *call)
{
	struct slice rest = call->body, key;
	mirror_verdict verdict;
	uint8_t *at;
	size_t count = 0;
	coffer_err err;

	while (codec_next(&rest, coffer_v1_MirrorOfferRequest_keys_tag, &key))
		count++;
	err =
	    codec_reserve_bytes(call->out, coffer_v1_MirrorOfferResponse_verdicts_tag, count, &at);
	rest = call->body;
	while (err == COFFER_OK && codec_next(&rest, coffer_v1_MirrorOfferRequest_keys_tag, &key)) {
		err = mirror_offer(call->rpc->core, key, &verdict);
		*at++ = (uint8_t)verdict;
	}
	return err;
}

coffer_err operator_mirror_offer(struct call *call)
{
	coffer_err err;

	if ((err = check_bucket(call)) != COFFER_OK || (err = take_markers(call)) != COFFER_OK)
		return err;
	return append_verdicts(call);
}

static coffer_err apply_one(struct call *call, struct slice encoded,
			    coffer_v1_MirrorApplyResponse *reply)
{
	coffer_v1_MirrorObject object;
	struct mirror_applied what;
	coffer_err err;

	if (codec_decode(encoded, coffer_v1_MirrorObject_fields, &object, sizeof(object)) !=
	    COFFER_OK)
		return call_fail(call, COFFER_INVALID_ARGUMENT, "a MirrorObject is malformed");
	if ((err = mirror_apply(call->rpc->core, object.key, object.body, &what)) != COFFER_OK)
		return err;
	reply->applied += what.outcome == MIRROR_APPLIED;
	reply->refused += what.outcome == MIRROR_REFUSED;
	if (what.outcome == MIRROR_APPLIED)
		call_about_item(call, (struct slice){ (const uint8_t *)what.scope, what.scope_len },
				(struct slice){ (const uint8_t *)what.name, what.name_len },
				what.version);
	return COFFER_OK;
}

coffer_err operator_mirror_apply(struct call *call)
{
	coffer_v1_MirrorApplyResponse reply = { .applied = 0 };
	struct slice rest = call->body, encoded;
	size_t count = 0;
	coffer_err err;

	if ((err = check_bucket(call)) != COFFER_OK)
		return err;
	while (codec_next(&rest, coffer_v1_MirrorApplyRequest_objects_tag, &encoded)) {
		if (++count > COFFER_BATCH_MAX)
			return call_fail(call, COFFER_INVALID_ARGUMENT, "more than %d objects",
					 COFFER_BATCH_MAX);
		if ((err = apply_one(call, encoded, &reply)) != COFFER_OK)
			return err;
	}
	return codec_append(call->out, coffer_v1_MirrorApplyResponse_fields, &reply);
}

/* --- Status --------------------------------------------------------------------------------------------- */

coffer_err operator_mirror_status(struct call *call)
{
	const struct core *core = call->rpc->core;
	const struct mirror *mirror = core->mirror;
	coffer_v1_MirrorStatus status;

	if (mirror == NULL)
		return COFFER_OK;
	status = (coffer_v1_MirrorStatus){ .bucket = slice_str(mirror->bucket),
					   .endpoint = slice_str(mirror->endpoint),
					   .joined = mirror->joined,
					   .connected = mirror->worker != NULL,
					   .view_at_ms = mirror->view_at_ms,
					   .problem = slice_str(mirror_problem(core)),
					   .objects = mirror->objects,
					   .refused = mirror->refused };
	for (const struct mirror_ticket *at = mirror->tickets; at != NULL; at = at->next)
		status.waiting++;
	return codec_append_message(call->out, coffer_v1_StatusResponse_mirror_tag,
				    coffer_v1_MirrorStatus_fields, &status);
}
