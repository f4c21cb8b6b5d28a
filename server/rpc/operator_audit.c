/* The Operator service: the audit log and the daemon's status. */
#include "rpc/methods.h"

#include <stdlib.h>

/* What one step of a verification may read: some milliseconds of the loop. */
#define VERIFY_STEP_BYTES (4u * 1024 * 1024)

static coffer_err append_lines(struct call *call, struct slice lines)
{
	while (lines.len > 0) {
		const uint8_t *end = memchr(lines.data, '\n', lines.len);
		size_t len = end ? (size_t)(end - lines.data) : lines.len;
		coffer_err err =
		    codec_append_bytes(call->out, coffer_v1_ReadAuditResponse_lines_tag,
				       (struct slice){ lines.data, len });
		if (err != COFFER_OK)
			return err;
		len += end != NULL;
		lines = (struct slice){ lines.data + len, lines.len - len };
	}
	return COFFER_OK;
}

coffer_err operator_read_audit(struct call *call)
{
	coffer_v1_ReadAuditResponse reply = { .last_seq = 0 };
	struct buf page = { NULL, 0, RECORD_LINE_MAX }; /* and a frame holds more */
	coffer_err err;

	if ((page.data = malloc(page.cap)) == NULL)
		return COFFER_RESOURCE_EXHAUSTED;
	if ((err = trail_read(call->rpc->trail, call->request.read_audit.after_seq, &page,
			      &reply.last_seq, &reply.more)) != COFFER_OK ||
	    (err = append_lines(call, (struct slice){ page.data, page.len })) != COFFER_OK)
		goto out;
	err = codec_append(call->out, coffer_v1_ReadAuditResponse_fields, &reply);
out:
	free(page.data);
	if (err == COFFER_UNAVAILABLE)
		return call_fail(call, err, "the audit log cannot be read");
	return err;
}

coffer_err operator_verify_audit(struct call *call)
{
	struct slice cursor = call->request.verify_audit.cursor;
	coffer_v1_VerifyAuditResponse reply;
	struct reader_verdict verdict = { .cursor_len = cursor.len };
	coffer_err err;

	if (cursor.len > sizeof(verdict.cursor))
		return call_fail(call, COFFER_INVALID_ARGUMENT,
				 "the cursor is not one of VerifyAudit");
	if (cursor.len > 0)
		memcpy(verdict.cursor, cursor.data, cursor.len);
	err = trail_verify(call->rpc->trail, VERIFY_STEP_BYTES, &verdict);
	if (err == COFFER_INVALID_ARGUMENT)
		return call_fail(call, err, "the cursor is not one of VerifyAudit");
	if (err == COFFER_UNAVAILABLE)
		return call_fail(call, err, "the audit log cannot be read");
	if (err != COFFER_OK)
		return err;
	reply = (coffer_v1_VerifyAuditResponse){ .cursor = { verdict.cursor, verdict.cursor_len },
						 .done = verdict.done,
						 .first_seq = verdict.first_seq,
						 .last_seq = verdict.last_seq,
						 .problem = slice_str(verdict.problem) };
	return codec_append(call->out, coffer_v1_VerifyAuditResponse_fields, &reply);
}

static coffer_err append_counters(struct call *call)
{
	size_t len;
	const struct method *methods = methods_all(&len);

	for (size_t i = 0; i < len; i++) {
		coffer_v1_MethodStatus status = { .method = slice_str(methods[i].name),
						  .calls = call->rpc->counters[i].calls,
						  .errors = call->rpc->counters[i].errors };
		coffer_err err =
		    codec_append_message(call->out, coffer_v1_StatusResponse_methods_tag,
					 coffer_v1_MethodStatus_fields, &status);
		if (err != COFFER_OK)
			return err;
	}
	return COFFER_OK;
}

coffer_err operator_status(struct call *call)
{
	const struct rpc *rpc = call->rpc;
	coffer_v1_StatusResponse reply = {
		.server = SLICE_LITERAL("cofferd/" COFFER_VERSION),
		.started_at_ms = rpc->started_ms,
		.connections = rpc->connections,
		.revision = rpc->core->revision,
		.audit_seq = trail_head(rpc->trail)->seq,
		.audit_writable = trail_ready(rpc->trail, false) == COFFER_OK,
		.arena_used = arena_used(rpc->core->arena),
		.arena_size = arena_size(rpc->core->arena),
		.cipher = slice_str(rpc->cipher),
	};
	coffer_err err;

	if ((err = codec_append(call->out, coffer_v1_StatusResponse_fields, &reply)) != COFFER_OK)
		return err;
	return append_counters(call);
}
