#include "why.h"

#include "copy.h"
#include "session.h"

#include <stdlib.h>

static const char *name_of(const char *const *names, size_t len, size_t i)
{
	return i > 0 && i <= len ? names[i - 1] : "unknown";
}

const char *coffer_grant_state_name(coffer_grant_state state)
{
	static const char *const names[] = { "live", "finished", "superseded", "expired",
					     "revoked" };

	return name_of(names, sizeof(names) / sizeof(names[0]), (size_t)state);
}

const char *coffer_why_outcome_name(coffer_why_outcome outcome)
{
	static const char *const names[] = { "found", "not found", "not allowed", "ended" };

	return name_of(names, sizeof(names) / sizeof(names[0]), (size_t)outcome);
}

const char *coffer_scope_outcome_name(coffer_scope_outcome outcome)
{
	static const char *const names[] = { "has", "lacks", "deleted", "expired" };

	return name_of(names, sizeof(names) / sizeof(names[0]), (size_t)outcome);
}

void coffer_answer_free(struct coffer_answer *answer)
{
	free(answer->allow);
	*answer = (struct coffer_answer){ .allow = NULL };
}

static coffer_err copy_scope(struct slice element, struct coffer_why_scope *out)
{
	coffer_v1_WhyScope scope;

	if (codec_decode(element, coffer_v1_WhyScope_fields, &scope, sizeof(scope)) != COFFER_OK ||
	    scope.scope.len == 0)
		return COFFER_INTERNAL;
	out->outcome = (coffer_scope_outcome)scope.outcome;
	out->version = scope.version;
	out->updated_at_ms = scope.updated_at_ms;
	out->expires_at_ms = scope.expires_at_ms;
	out->from_file = scope.from_file;
	return copy_text(scope.scope, out->scope, sizeof(out->scope));
}

static coffer_err copy_answer(const coffer_v1_WhyResponse *reply, struct slice body,
			      struct coffer_answer *out)
{
	struct slice rest = body, element;
	coffer_err err = COFFER_OK;

	out->outcome = (coffer_why_outcome)reply->outcome;
	out->state = (coffer_grant_state)reply->state;
	out->expires_at_ms = reply->expires_at_ms;
	while (err == COFFER_OK && codec_next(&rest, coffer_v1_WhyResponse_scopes_tag, &element)) {
		if (out->scopes_len == COFFER_SCOPES_MAX)
			return COFFER_INTERNAL;
		err = copy_scope(element, &out->scopes[out->scopes_len++]);
	}
	/* Who is told that it was found is told where. */
	if (err == COFFER_OK && out->outcome == COFFER_WHY_FOUND && out->scopes_len == 0)
		return COFFER_INTERNAL;
	return err == COFFER_OK ? copy_words(body, coffer_v1_WhyResponse_allow_tag, &out->allow)
				: err;
}

coffer_err why_finish(struct call *call, struct coffer_answer *out)
{
	coffer_v1_WhyResponse reply;
	coffer_err err = call_exchange(call, coffer_v1_WhyResponse_fields, &reply, sizeof(reply));

	if (err == COFFER_OK)
		err = copy_answer(&reply, call->reply, out);
	if (err != COFFER_OK)
		coffer_answer_free(out);
	return call_end(call, err);
}

coffer_err why_remote(struct coffer_session *session, const char *name, struct coffer_answer *out)
{
	coffer_v1_WhyRequest request = { .name = slice_str(name) };
	struct call call;

	call_begin(&call, &session->transport, "Why", CALL_READS);
	call_put(&call, coffer_v1_WhyRequest_fields, &request);
	return why_finish(&call, out);
}
