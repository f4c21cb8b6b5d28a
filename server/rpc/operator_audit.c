/* The Operator service: the audit log. */
#include "rpc/methods.h"

#include <stdio.h>
#include <stdlib.h>

/* What one step of a verification, and one page, may read: some milliseconds of the loop. */
#define VERIFY_STEP_BYTES (4u * 1024 * 1024)
#define PAGE_BYTES        (1024u * 1024)

/* Of the name of an operation or an outcome. */
#define FILTER_MAX 64

#define UUID_TEXT_LEN 36

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

/* What is asked for, once it is known to be such that a record can have it. */
static coffer_err read_query(struct call *call, struct reader_query *query)
{
	const coffer_v1_ReadAuditRequest *request = &call->request.read_audit;
	coffer_err err;

	*query = (struct reader_query){ .after_seq = request->after_seq,
					.since_ms = request->since_ms,
					.run = request->run,
					.name = request->name,
					.op = request->op,
					.outcome = request->outcome,
					.budget = PAGE_BYTES };
	if (query->run.len > 0 && (err = call_check_id(call, "run", query->run)) != COFFER_OK)
		return err;
	if (query->name.len > 0 && (err = call_check_name(call, query->name)) != COFFER_OK)
		return err;
	if ((err = call_check_text(call, "op", query->op, FILTER_MAX)) != COFFER_OK)
		return err;
	return call_check_text(call, "outcome", query->outcome, FILTER_MAX);
}

coffer_err operator_read_audit(struct call *call)
{
	coffer_v1_ReadAuditResponse reply = { .last_seq = 0 };
	struct buf page = { NULL, 0, RECORD_LINE_MAX }; /* and a frame holds more */
	struct reader_query query;
	coffer_err err;

	if ((err = read_query(call, &query)) != COFFER_OK)
		return err;
	if ((page.data = malloc(page.cap)) == NULL)
		return COFFER_RESOURCE_EXHAUSTED;
	if ((err = trail_read(call->rpc->trail, &query, &page, &reply.last_seq, &reply.more)) !=
		COFFER_OK ||
	    (err = append_lines(call, (struct slice){ page.data, page.len })) != COFFER_OK)
		goto out;
	err = codec_append(call->out, coffer_v1_ReadAuditResponse_fields, &reply);
out:
	free(page.data);
	if (err == COFFER_UNAVAILABLE)
		return call_fail(call, err, "the audit log cannot be read");
	return err;
}

/* The store's own UUID, as text. */
static coffer_err read_uuid(struct call *call, char out[UUID_TEXT_LEN + 1])
{
	struct store_identity id;
	coffer_err err = store_identity_get(call->rpc->core->store, &id);
	char *at = out;

	out[0] = '\0';
	for (size_t i = 0; err == COFFER_OK && i < sizeof(id.uuid); i++)
		at += sprintf(at, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x",
			      id.uuid[i]);
	return err;
}

/* The verdict as far as the client has it. */
static coffer_err read_verdict(struct call *call, struct reader_verdict *verdict)
{
	const coffer_v1_VerifyAuditRequest *request = &call->request.verify_audit;

	*verdict = (struct reader_verdict){ .cursor_len = request->cursor.len,
					    .checkpoint.seq = request->checkpoint_seq };
	if (request->cursor.len > sizeof(verdict->cursor))
		return call_fail(call, COFFER_INVALID_ARGUMENT,
				 "the cursor is not one of VerifyAudit");
	if (request->cursor.len > 0)
		memcpy(verdict->cursor, request->cursor.data, request->cursor.len);
	if (request->checkpoint_mac.len !=
	    (request->checkpoint_seq != 0 ? sizeof(verdict->checkpoint.mac) : 0))
		return call_fail(call, COFFER_INVALID_ARGUMENT,
				 "a checkpoint is a record's number and its mac of %zu bytes",
				 sizeof(verdict->checkpoint.mac));
	if (request->checkpoint_seq != 0)
		memcpy(verdict->checkpoint.mac, request->checkpoint_mac.data,
		       request->checkpoint_mac.len);
	return COFFER_OK;
}

coffer_err operator_verify_audit(struct call *call)
{
	coffer_v1_VerifyAuditResponse reply;
	struct reader_verdict verdict;
	char uuid[UUID_TEXT_LEN + 1];
	coffer_err err;

	if ((err = read_verdict(call, &verdict)) != COFFER_OK ||
	    (err = read_uuid(call, uuid)) != COFFER_OK)
		return err;
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
						 .problem = slice_str(verdict.problem),
						 .store = slice_str(uuid) };
	if (verdict.done)
		reply.last_mac = (struct slice){ verdict.last_mac, sizeof(verdict.last_mac) };
	return codec_append(call->out, coffer_v1_VerifyAuditResponse_fields, &reply);
}
