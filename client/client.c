#include "session.h"

#include "copy.h"
#include "hello.h"
#include "local.h"
#include "remote.h"
#include "settings.h"
#include "wipe.h"

#include <stdlib.h>

static const struct session_ops *const transports[] = { &remote_ops, &local_ops };

static coffer_err open_by(struct coffer_session *s, const char *transport,
			  const struct coffer_options *options)
{
	for (size_t i = 0; i < sizeof(transports) / sizeof(transports[0]); i++) {
		coffer_err err;
		if (strcmp(transports[i]->transport, transport) != 0)
			continue;
		if ((err = transports[i]->open(s, options)) == COFFER_OK)
			s->ops = transports[i];
		return err;
	}
	return transport_fail(&s->transport, COFFER_INVALID_ARGUMENT,
			      "the transport is neither 'socket' nor 'filesystem'");
}

coffer_err coffer_open(struct coffer_session **out, const struct coffer_options *options)
{
	static const struct coffer_options defaults = { .transport = NULL };
	struct coffer_session *s = calloc(1, sizeof(*s));
	const char *transport;
	coffer_err err;

	*out = s;
	if (s == NULL)
		return COFFER_RESOURCE_EXHAUSTED;
	if (options == NULL)
		options = &defaults;
	if ((err = transport_init(&s->transport, options->timeout_ms)) != COFFER_OK ||
	    (err = transport_arm(&s->transport)) != COFFER_OK)
		return err;
	transport = settings_get(options->transport, "COFFER_TRANSPORT");
	return open_by(s, transport != NULL ? transport : transports[0]->transport, options);
}

void coffer_close(struct coffer_session *session)
{
	if (session == NULL)
		return;
	hello_free(&session->transport.greeting);
	transport_destroy(&session->transport);
	bundle_free(&session->bundle);
	wipe(session, sizeof(*session));
	free(session);
}

const char *coffer_message(const struct coffer_session *session)
{
	return session != NULL ? session->transport.message : "out of memory";
}

const char *coffer_run_id(const struct coffer_session *session)
{
	return session->run_id;
}

int64_t coffer_expires_at_ms(const struct coffer_session *session)
{
	return session->expires_at_ms;
}

const char *coffer_scope(const struct coffer_session *session, size_t i)
{
	return i < session->scopes_len ? session->scopes[i] : NULL;
}

coffer_err session_add_scope(struct coffer_session *session, struct slice scope)
{
	if (session->scopes_len == COFFER_SCOPES_MAX)
		return COFFER_INTERNAL;
	return copy_text(scope, session->scopes[session->scopes_len++], sizeof(session->scopes[0]));
}

/* Begins a call. COFFER_FAILED_PRECONDITION if the session was never opened, or in a forked child. */
static coffer_err arm(struct coffer_session *session)
{
	coffer_err err = transport_arm(&session->transport);

	if (err == COFFER_OK && session->ops == NULL)
		return transport_fail(&session->transport, COFFER_FAILED_PRECONDITION,
				      "the session could not be opened");
	return err;
}

coffer_err coffer_claim(struct coffer_session *session, struct coffer_bootstrap *out)
{
	coffer_err err;

	*out = (struct coffer_bootstrap){ 0 };
	if ((err = arm(session)) != COFFER_OK)
		return err;
	return session->ops->claim(session, out);
}

coffer_err coffer_get(struct coffer_session *session, const char *name, struct coffer_value *out)
{
	coffer_err err;

	*out = (struct coffer_value){ 0 };
	if ((err = arm(session)) != COFFER_OK)
		return err;
	return session->ops->get(session, name, out);
}

/* What a call that failed in the middle has filled in is not handed out. */
static coffer_err all_or_none(coffer_err err, struct coffer_secrets *out)
{
	if (err != COFFER_OK)
		coffer_secrets_free(out);
	return err;
}

coffer_err coffer_get_many(struct coffer_session *session, const char *const *names, size_t count,
			   struct coffer_secrets *out)
{
	coffer_err err;

	*out = (struct coffer_secrets){ NULL, 0 };
	if ((err = arm(session)) != COFFER_OK)
		return err;
	if (count == 0 || count > COFFER_BATCH_MAX)
		return transport_fail(&session->transport, COFFER_INVALID_ARGUMENT,
				      "%zu names were given instead of 1 to %d", count,
				      COFFER_BATCH_MAX);
	out->items = calloc(count, sizeof(*out->items));
	if (out->items == NULL)
		return transport_fail(&session->transport, COFFER_RESOURCE_EXHAUSTED, "no memory");
	return all_or_none(session->ops->get_many(session, names, count, out), out);
}

coffer_err coffer_list(struct coffer_session *session, struct coffer_secrets *out)
{
	coffer_err err;

	*out = (struct coffer_secrets){ NULL, 0 };
	if ((err = arm(session)) != COFFER_OK)
		return err;
	return all_or_none(session->ops->list(session, out), out);
}

coffer_err coffer_environment(struct coffer_session *session, struct coffer_secrets *out)
{
	coffer_err err;

	*out = (struct coffer_secrets){ NULL, 0 };
	if ((err = arm(session)) != COFFER_OK)
		return err;
	return all_or_none(session->ops->environment(session, out), out);
}

coffer_err coffer_wait(struct coffer_session *session, uint64_t after, int timeout_ms,
		       uint64_t *revision, bool *changed)
{
	coffer_err err;

	*revision = after;
	*changed = false;
	if ((err = arm(session)) != COFFER_OK)
		return err;
	if (timeout_ms < 0)
		return transport_fail(&session->transport, COFFER_INVALID_ARGUMENT,
				      "the time to wait is negative");
	return session->ops->wait(session, after, timeout_ms, revision, changed);
}

coffer_err coffer_why(struct coffer_session *session, const char *name, struct coffer_answer *out)
{
	coffer_err err;

	*out = (struct coffer_answer){ .allow = NULL };
	if ((err = arm(session)) != COFFER_OK)
		return err;
	if (session->ops->why == NULL)
		return transport_fail(
		    &session->transport, COFFER_FAILED_PRECONDITION,
		    "only the daemon knows why, and this transport does not reach it");
	return session->ops->why(session, name, out);
}
