#include "admin.h"

#include "copy.h"

#include <stdlib.h>

/* Joins the lines, each with a newline behind it. A line with a newline or a NUL of its own would pass for two,
 * or hide the rest. */
static coffer_err join_lines(struct slice reply, char **out)
{
	struct slice rest = reply, line;
	size_t size = 1, len = 0;

	while (codec_next(&rest, coffer_v1_ReadAuditResponse_lines_tag, &line)) {
		if (line.len > 0 && (memchr(line.data, '\n', line.len) != NULL ||
				     memchr(line.data, '\0', line.len) != NULL))
			return COFFER_INTERNAL;
		size += line.len + 1;
	}
	if ((*out = malloc(size)) == NULL)
		return COFFER_RESOURCE_EXHAUSTED;
	rest = reply;
	while (codec_next(&rest, coffer_v1_ReadAuditResponse_lines_tag, &line)) {
		if (line.len > 0)
			memcpy(*out + len, line.data, line.len);
		len += line.len;
		(*out)[len++] = '\n';
	}
	(*out)[len] = '\0';
	return COFFER_OK;
}

coffer_err coffer_admin_find_audit(struct coffer_admin *admin, uint64_t after_seq,
				   const struct coffer_audit_filter *filter, char **lines,
				   uint64_t *last_seq, bool *more)
{
	coffer_v1_ReadAuditRequest request = { .after_seq = after_seq };
	coffer_v1_ReadAuditResponse reply;
	struct call call;
	coffer_err err;

	*lines = NULL;
	*last_seq = after_seq;
	*more = false;
	if ((err = admin_arm(admin)) != COFFER_OK)
		return err;
	if (filter != NULL) {
		request.since_ms = filter->since_ms;
		request.run = slice_str(filter->run);
		request.name = slice_str(filter->name);
		request.op = slice_str(filter->op);
		request.outcome = slice_str(filter->outcome);
	}
	call_begin(&call, &admin->transport, "ReadAudit", CALL_READS);
	call_put(&call, coffer_v1_ReadAuditRequest_fields, &request);
	err = call_exchange(&call, coffer_v1_ReadAuditResponse_fields, &reply, sizeof(reply));
	/* A caller that follows pages would never end if they stood still. */
	if (err == COFFER_OK && reply.more && reply.last_seq <= after_seq)
		err = COFFER_INTERNAL;
	if (err == COFFER_OK)
		err = join_lines(call.reply, lines);
	if (err == COFFER_OK) {
		*last_seq = reply.last_seq;
		*more = reply.more;
	}
	return call_end(&call, err);
}

coffer_err coffer_admin_read_audit(struct coffer_admin *admin, uint64_t after_seq, char **lines,
				   uint64_t *last_seq, bool *more)
{
	return coffer_admin_find_audit(admin, after_seq, NULL, lines, last_seq, more);
}

struct cursor {
	uint8_t bytes[COFFER_TEXT_MAX];
	size_t len;
};

static coffer_err cursor_move(struct cursor *cursor, struct slice next)
{
	if (next.len == 0 || next.len > sizeof(cursor->bytes) ||
	    slice_equal(next, (struct slice){ cursor->bytes, cursor->len }))
		return COFFER_INTERNAL;
	memcpy(cursor->bytes, next.data, next.len);
	cursor->len = next.len;
	return COFFER_OK;
}

/* What the newest record makes. Daemons that know of no checkpoints send no mac. */
static coffer_err copy_checkpoint(const coffer_v1_VerifyAuditResponse *reply,
				  struct coffer_checkpoint *out)
{
	if (reply->last_mac.len == 0 || reply->problem.len > 0)
		return COFFER_OK;
	if (reply->last_mac.len != sizeof(out->mac))
		return COFFER_INTERNAL;
	out->seq = reply->last_seq;
	memcpy(out->mac, reply->last_mac.data, sizeof(out->mac));
	return copy_text(reply->store, out->store, sizeof(out->store));
}

static coffer_err copy_verdict(const coffer_v1_VerifyAuditResponse *reply,
			       const struct coffer_checkpoint *checkpoint,
			       struct coffer_verdict *out)
{
	coffer_err err;

	out->first_seq = reply->first_seq;
	out->last_seq = reply->last_seq;
	if ((err = copy_text(reply->problem, out->problem, sizeof(out->problem))) != COFFER_OK ||
	    (reply->done && (err = copy_checkpoint(reply, &out->checkpoint)) != COFFER_OK) ||
	    checkpoint == NULL)
		return err;
	if (reply->store.len == 0)
		return COFFER_UNIMPLEMENTED;
	if (checkpoint->store[0] != '\0' &&
	    !slice_equal(reply->store, slice_str(checkpoint->store)))
		strcpy(out->problem, "the checkpoint is of another store's log");
	return COFFER_OK;
}

/* checkpoint may be NULL. */
static coffer_err verify_step(struct coffer_admin *admin, struct cursor *cursor,
			      const struct coffer_checkpoint *checkpoint,
			      struct coffer_verdict *out, bool *done)
{
	coffer_v1_VerifyAuditRequest request = { .cursor = { cursor->bytes, cursor->len } };
	coffer_v1_VerifyAuditResponse reply;
	struct call call;
	coffer_err err = admin_arm(admin);

	if (err != COFFER_OK)
		return err;
	if (checkpoint != NULL && checkpoint->seq > 0) {
		request.checkpoint_seq = checkpoint->seq;
		request.checkpoint_mac = (struct slice){ checkpoint->mac, sizeof(checkpoint->mac) };
	}
	call_begin(&call, &admin->transport, "VerifyAudit", CALL_READS);
	call_put(&call, coffer_v1_VerifyAuditRequest_fields, &request);
	err = call_exchange(&call, coffer_v1_VerifyAuditResponse_fields, &reply, sizeof(reply));
	if (err == COFFER_OK)
		err = copy_verdict(&reply, checkpoint, out);
	*done = reply.done || out->problem[0] != '\0';
	if (err == COFFER_OK && !*done)
		err = cursor_move(cursor, reply.cursor);
	return call_end(&call, err);
}

coffer_err coffer_admin_compare_audit(struct coffer_admin *admin,
				      const struct coffer_checkpoint *checkpoint,
				      struct coffer_verdict *out)
{
	struct cursor cursor = { .len = 0 };
	bool done;
	coffer_err err;

	*out = (struct coffer_verdict){ 0 };
	do
		err = verify_step(admin, &cursor, checkpoint, out, &done);
	while (err == COFFER_OK && !done);
	if (err != COFFER_OK)
		*out = (struct coffer_verdict){ 0 };
	return err;
}

coffer_err coffer_admin_verify_audit(struct coffer_admin *admin, struct coffer_verdict *out)
{
	return coffer_admin_compare_audit(admin, NULL, out);
}

static coffer_err copy_methods(struct slice reply, struct coffer_status *out)
{
	struct slice element;
	coffer_err err;

	out->methods = copy_room(reply, coffer_v1_StatusResponse_methods_tag, NULL, 0,
				 sizeof(*out->methods), &err);
	while (err == COFFER_OK &&
	       codec_next(&reply, coffer_v1_StatusResponse_methods_tag, &element)) {
		struct coffer_method_status *to = &out->methods[out->methods_len++];
		coffer_v1_MethodStatus method;
		if (codec_decode(element, coffer_v1_MethodStatus_fields, &method, sizeof(method)) !=
		    COFFER_OK)
			return COFFER_INTERNAL;
		err = copy_text(method.method, to->method, sizeof(to->method));
		to->calls = method.calls;
		to->errors = method.errors;
		to->p50_us = method.p50_us;
		to->p90_us = method.p90_us;
		to->p99_us = method.p99_us;
		to->total_us = method.total_us;
	}
	return err;
}

static coffer_err copy_status(struct slice body, const coffer_v1_StatusResponse *reply,
			      struct coffer_status *out)
{
	coffer_err err;

	*out = (struct coffer_status){
		.protocol = reply->protocol,
		.schema = reply->schema,
		.started_at_ms = reply->started_at_ms,
		.uptime_ms = reply->uptime_ms,
		.connections = reply->connections,
		.secrets = reply->secrets,
		.versions = reply->versions,
		.runs_live = reply->runs_live,
		.services_live = reply->services_live,
		.revision = reply->revision,
		.audit_seq = reply->audit_seq,
		.audit_oldest_seq = reply->audit_oldest_seq,
		.audit_bytes = reply->audit_bytes,
		.audit_delays = reply->audit_delays,
		.audit_writable = reply->audit_writable,
		.arena_used = reply->arena_used,
		.arena_peak = reply->arena_peak,
		.arena_size = reply->arena_size,
		.store_bytes = reply->store_bytes,
		.key_epoch = reply->key_epoch,
		.key_rotating = reply->key_rotating,
		.backup_at_ms = reply->backup_at_ms,
	};
	if ((err = copy_text(reply->server, out->server, sizeof(out->server))) != COFFER_OK ||
	    (err = copy_text(reply->sqlite, out->sqlite, sizeof(out->sqlite))) != COFFER_OK ||
	    (err = copy_text(reply->libsodium, out->libsodium, sizeof(out->libsodium))) !=
		COFFER_OK ||
	    (err = copy_text(reply->cipher, out->cipher, sizeof(out->cipher))) != COFFER_OK)
		return err;
	if (reply->has_mirror && (err = admin_copy_mirror(&reply->mirror, out)) != COFFER_OK)
		return err;
	return copy_methods(body, out);
}

coffer_err coffer_admin_status(struct coffer_admin *admin, struct coffer_status *out)
{
	coffer_v1_StatusResponse reply;
	struct call call;
	coffer_err err;

	*out = (struct coffer_status){ .methods = NULL };
	if ((err = admin_arm(admin)) != COFFER_OK)
		return err;
	call_begin(&call, &admin->transport, "Status", CALL_READS);
	err = call_exchange(&call, coffer_v1_StatusResponse_fields, &reply, sizeof(reply));
	if (err == COFFER_OK)
		err = copy_status(call.reply, &reply, out);
	if (err != COFFER_OK)
		coffer_status_free(out);
	return call_end(&call, err);
}

void coffer_status_free(struct coffer_status *status)
{
	free(status->methods);
	*status = (struct coffer_status){ .methods = NULL };
}
