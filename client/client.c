#include "session.h"

#include "call.h"
#include "copy.h"
#include "hello.h"
#include "wipe.h"

#include <stdlib.h>

static coffer_err take_hello(struct coffer_session *s, const coffer_v1_HelloResponse *hello,
			     struct slice body)
{
	struct slice scope;
	coffer_err err = copy_text(hello->run_id, s->run_id, sizeof(s->run_id));

	s->expires_at_ms = hello->expires_at_ms;
	while (err == COFFER_OK && codec_next(&body, coffer_v1_HelloResponse_scopes_tag, &scope)) {
		if (s->scopes_len == COFFER_SCOPES_MAX)
			return COFFER_INTERNAL;
		err = copy_text(scope, s->scopes[s->scopes_len], sizeof(s->scopes[0]));
		s->scopes_len++;
	}
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

coffer_err coffer_open(struct coffer_session **out, const struct coffer_options *options)
{
	struct coffer_session *s = calloc(1, sizeof(*s));
	const char *path = hello_socket(options);
	coffer_err err;

	*out = s;
	if (s == NULL)
		return COFFER_RESOURCE_EXHAUSTED;
	err = transport_init(&s->transport, path, options != NULL ? options->timeout_ms : 0);
	if (err != COFFER_OK && path == NULL)
		err = transport_fail(&s->transport, err, "no socket: COFFER_SOCKET is not set");
	if (err != COFFER_OK)
		return err;
	if (options != NULL && options->check_uid) {
		s->transport.check_uid = true;
		s->transport.uid = options->uid;
	}
	if ((err = transport_arm(&s->transport)) != COFFER_OK ||
	    (err = hello_make(&s->transport.greeting, options, &s->transport)) != COFFER_OK ||
	    (err = say_hello(s)) != COFFER_OK)
		transport_drop(&s->transport);
	s->opened = err == COFFER_OK;
	return err;
}

void coffer_close(struct coffer_session *session)
{
	if (session == NULL)
		return;
	hello_free(&session->transport.greeting);
	transport_destroy(&session->transport);
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

coffer_err session_arm(struct coffer_session *session)
{
	coffer_err err = transport_arm(&session->transport);

	if (err == COFFER_OK && !session->opened)
		return transport_fail(&session->transport, COFFER_FAILED_PRECONDITION,
				      "the session could not be opened");
	return err;
}
