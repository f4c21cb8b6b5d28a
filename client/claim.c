#include <coffer/client.h>

#include "call.h"
#include "copy.h"
#include "session.h"
#include "wipe.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

void coffer_bootstrap_free(struct coffer_bootstrap *bootstrap)
{
	if (bootstrap->memory != NULL)
		wipe(bootstrap->memory, bootstrap->memory_len);
	free(bootstrap->memory);
	*bootstrap = (struct coffer_bootstrap){ 0 };
}

/* A claim that may have reached the daemon is repeated under the same nonce, by which the daemon knows that it
 * is the same claim. */
static coffer_err make_nonce(struct coffer_session *s)
{
	if (s->has_nonce)
		return COFFER_OK;
	if (getrandom(s->nonce, sizeof(s->nonce), 0) != (ssize_t)sizeof(s->nonce))
		return transport_fail(&s->transport, COFFER_INTERNAL, "no random numbers: %s",
				      strerror(errno));
	s->has_nonce = true;
	return COFFER_OK;
}

static coffer_err copy_reply(const struct call *call, const coffer_v1_BootstrapResponse *reply,
			     struct coffer_bootstrap *out)
{
	struct copy_run from = {
		.run_id = reply->run_id,
		.git_dir = reply->git_dir,
		.meta = reply->meta,
		.sentry = reply->sentry,
		.message = call->reply,
		.extras_tag = coffer_v1_BootstrapResponse_extras_tag,
	};

	return copy_run(&from, out, NULL);
}

coffer_err coffer_claim(struct coffer_session *session, struct coffer_bootstrap *out)
{
	coffer_v1_BootstrapRequest request;
	coffer_v1_BootstrapResponse reply;
	struct call call;
	coffer_err err;

	*out = (struct coffer_bootstrap){ 0 };
	if ((err = session_arm(session)) != COFFER_OK || (err = make_nonce(session)) != COFFER_OK)
		return err;
	request.nonce = (struct slice){ session->nonce, sizeof(session->nonce) };
	call_begin(&call, &session->transport, "Bootstrap", CALL_READS);
	call_put(&call, coffer_v1_BootstrapRequest_fields, &request);
	err = call_exchange(&call, coffer_v1_BootstrapResponse_fields, &reply, sizeof(reply));
	if (err == COFFER_OK)
		err = copy_reply(&call, &reply, out);
	/* Once the caller has the data, the daemon is to refuse it another time. */
	if (err == COFFER_OK)
		session->has_nonce = false;
	return call_end(&call, err);
}
