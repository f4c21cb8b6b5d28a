#include "remote.h"

#include "call.h"
#include "copy.h"
#include "hello.h"
#include "settings.h"
#include "why.h"

#include <errno.h>
#include <sys/random.h>

static coffer_err take_hello(struct coffer_session *s, const coffer_v1_HelloResponse *hello,
			     struct slice body)
{
	struct slice scope;
	coffer_err err = copy_text(hello->run_id, s->run_id, sizeof(s->run_id));

	s->expires_at_ms = hello->expires_at_ms;
	while (err == COFFER_OK && codec_next(&body, coffer_v1_HelloResponse_scopes_tag, &scope))
		err = session_add_scope(s, scope);
	return err;
}

static coffer_err say_hello(struct coffer_session *s)
{
	struct transport *t = &s->transport;
	coffer_v1_HelloResponse hello;
	struct slice body;
	coffer_err err = call_greet(t, &hello, &body);

	if (err != COFFER_OK)
		return err;
	if ((err = take_hello(s, &hello, body)) != COFFER_OK)
		return transport_fail(t, err, "%s: the daemon's reply to Hello is malformed",
				      t->address.sun_path);
	return COFFER_OK;
}

static coffer_err remote_open(struct coffer_session *session, const struct coffer_options *options)
{
	struct transport *t = &session->transport;
	const char *path;
	coffer_err err;

	if (options->check_uid) {
		t->check_uid = true;
		t->uid = options->uid;
	}
	if ((err = settings_socket(&path, options, t)) != COFFER_OK ||
	    (err = transport_address(t, path)) != COFFER_OK ||
	    (err = hello_make(&t->greeting, options, t)) != COFFER_OK ||
	    (err = say_hello(session)) != COFFER_OK)
		transport_drop(t);
	return err;
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
	};
	coffer_err err = copy_extras(&from, call->reply, coffer_v1_BootstrapResponse_extras_tag);

	return err == COFFER_OK ? copy_run(&from, out, NULL) : err;
}

static coffer_err remote_claim(struct coffer_session *session, struct coffer_bootstrap *out)
{
	coffer_v1_BootstrapRequest request;
	coffer_v1_BootstrapResponse reply;
	struct call call;
	coffer_err err;

	if ((err = make_nonce(session)) != COFFER_OK)
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

static coffer_err remote_wait(struct coffer_session *session, uint64_t after, int timeout_ms,
			      uint64_t *revision, bool *changed)
{
	coffer_v1_WaitForChangeRequest request = { .after_revision = after,
						   .timeout_ms = (uint32_t)timeout_ms };
	coffer_v1_WaitForChangeResponse reply;
	struct call call;
	coffer_err err;

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

const struct session_ops remote_ops = {
	.transport = "socket",
	.open = remote_open,
	.claim = remote_claim,
	.get = remote_get,
	.get_many = remote_get_many,
	.list = remote_list,
	.environment = remote_environment,
	.wait = remote_wait,
	.why = why_remote,
};
