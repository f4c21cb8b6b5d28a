#include <coffer/client.h>

#include "call.h"
#include "session.h"

coffer_err coffer_wait(struct coffer_session *session, uint64_t after, int timeout_ms,
		       uint64_t *revision, bool *changed)
{
	coffer_v1_WaitForChangeRequest request = { .after_revision = after };
	coffer_v1_WaitForChangeResponse reply;
	struct call call;
	coffer_err err;

	*revision = after;
	*changed = false;
	if ((err = session_arm(session)) != COFFER_OK)
		return err;
	if (timeout_ms < 0)
		return transport_fail(&session->transport, COFFER_INVALID_ARGUMENT,
				      "the time to wait is negative");
	request.timeout_ms = (uint32_t)timeout_ms;
	session->transport.deadline_ms += timeout_ms;
	call_begin(&call, &session->transport, "WaitForChange", CALL_READS);
	call_put(&call, coffer_v1_WaitForChangeRequest_fields, &request);
	err = call_exchange(&call, coffer_v1_WaitForChangeResponse_fields, &reply, sizeof(reply));
	if (err == COFFER_OK) {
		*revision = reply.revision;
		*changed = reply.changed;
	}
	return call_end(&call, err);
}
