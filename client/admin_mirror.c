#include "admin.h"

#include "clock.h"
#include "copy.h"

coffer_err admin_copy_mirror(const coffer_v1_MirrorStatus *from, struct coffer_status *out)
{
	struct coffer_mirror_status *to = &out->mirror;
	coffer_err err;

	out->has_mirror = true;
	to->joined = from->joined;
	to->connected = from->connected;
	to->view_at_ms = from->view_at_ms;
	to->waiting = from->waiting;
	to->objects = from->objects;
	to->refused = from->refused;
	if ((err = copy_text(from->bucket, to->bucket, sizeof(to->bucket))) != COFFER_OK ||
	    (err = copy_text(from->endpoint, to->endpoint, sizeof(to->endpoint))) != COFFER_OK)
		return err;
	return copy_text(from->problem, to->problem, sizeof(to->problem));
}

/* One request, which the daemon answers before the connection's deadline. */
static coffer_err sync_once(struct coffer_admin *admin, bool push, int wait_ms,
			    struct coffer_sync *out)
{
	const coffer_v1_SyncRequest request = { .push = push, .timeout_ms = (uint32_t)wait_ms };
	coffer_v1_SyncResponse reply;
	struct call call;
	coffer_err err;

	if ((err = admin_arm(admin)) != COFFER_OK)
		return err;
	call_begin(&call, &admin->transport, "Sync", CALL_READS); /* a second time does no harm */
	call_put(&call, coffer_v1_SyncRequest_fields, &request);
	err = call_exchange(&call, coffer_v1_SyncResponse_fields, &reply, sizeof(reply));
	if (err == COFFER_OK) {
		out->done = reply.done;
		out->view_at_ms = reply.view_at_ms;
		out->pushed = reply.pushed;
		out->to_push = reply.to_push;
		err = copy_text(reply.problem, out->problem, sizeof(out->problem));
	}
	return call_end(&call, err);
}

static coffer_err sync_until(struct coffer_admin *admin, bool push, int timeout_ms,
			     struct coffer_sync *out)
{
	const int64_t end_ms = clock_mono_ms() + timeout_ms;
	coffer_err err;

	*out = (struct coffer_sync){ .done = false };
	do {
		int64_t left_ms = end_ms - clock_mono_ms(),
			step_ms = admin->transport.timeout_ms / 2;
		if (left_ms < step_ms)
			step_ms = left_ms > 0 ? left_ms : 0;
		err = sync_once(admin, push, (int)step_ms, out);
	} while (err == COFFER_OK && !out->done && out->problem[0] == '\0' &&
		 clock_mono_ms() < end_ms);
	return err;
}

coffer_err coffer_admin_sync(struct coffer_admin *admin, int timeout_ms, struct coffer_sync *out)
{
	return sync_until(admin, false, timeout_ms, out);
}

coffer_err coffer_admin_push(struct coffer_admin *admin, int timeout_ms, struct coffer_sync *out)
{
	return sync_until(admin, true, timeout_ms, out);
}
