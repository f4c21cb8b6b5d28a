#include "rpc/call.h"

#include <stdarg.h>
#include <stdio.h>

#include "names.h"
#include "rpc/recording.h"
#include "wipe.h"

static void say(struct call *call, const char *format, va_list args)
{
	size_t room = sizeof(call->message) - call->message_len;
	int n = vsnprintf(call->message + call->message_len, room, format, args);

	if (n > 0)
		call->message_len += (size_t)n < room ? (size_t)n : room - 1;
}

coffer_err call_fail(struct call *call, coffer_err err, const char *format, ...)
{
	va_list args;

	call->message_len = 0;
	va_start(args, format);
	say(call, format, args);
	va_end(args);
	return err;
}

void call_say(struct call *call, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(call, format, args);
	va_end(args);
}

void call_reason(struct call *call, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (vsnprintf(call->record.reason, sizeof(call->record.reason), format, args) < 0)
		call->record.reason[0] = '\0';
	va_end(args);
}

void call_about(struct call *call, struct slice scope, struct slice name, uint32_t version)
{
	call->record.scope = scope;
	call->record.name = name;
	call->record.version = version;
}

void call_about_item(struct call *call, struct slice scope, struct slice name, uint32_t version)
{
	recording_begin(call);
	trail_item(call->rpc->trail, scope, name, version);
}

/* What is not of its syntax is not repeated in the message: it may be a value in the wrong place. */
coffer_err call_check_name(struct call *call, struct slice name)
{
	const char *why;
	coffer_err err = names_check_secret(name, &why);

	return err == COFFER_OK ? err : call_fail(call, err, "the secret's name %s", why);
}

coffer_err call_check_scope(struct call *call, struct slice scope, bool system)
{
	const char *why;
	coffer_err err = policy_check_scope(scope, system, &why);

	return err == COFFER_OK ? err : call_fail(call, err, "the scope %s", why);
}

coffer_err call_check_id(struct call *call, const char *what, struct slice id)
{
	if (names_is_uuid(id))
		return COFFER_OK;
	return call_fail(call, COFFER_INVALID_ARGUMENT, "the %s is not a UUID", what);
}

coffer_err call_check_text(struct call *call, const char *what, struct slice text, size_t max)
{
	const char *why;
	coffer_err err = names_check_text(text, max, &why);

	return err == COFFER_OK ? err : call_fail(call, err, "the %s %s", what, why);
}

coffer_err call_gather_allow(struct call *call, uint32_t tag, struct buf *allow)
{
	struct slice rest = call->body, glob;
	size_t count = 0;
	const char *why;
	coffer_err err;

	while (codec_next(&rest, tag, &glob)) {
		if (++count > COFFER_ALLOW_MAX)
			return call_fail(call, COFFER_INVALID_ARGUMENT, "more than %d globs",
					 COFFER_ALLOW_MAX);
		if ((err = names_check_glob(glob, &why)) != COFFER_OK)
			return call_fail(call, err, "a glob of allow %s", why);
		if ((err = scopes_add(allow, glob)) != COFFER_OK)
			return err;
	}
	return COFFER_OK;
}

coffer_err call_about_grant(struct call *call, const char *what, struct slice id, bool is_run)
{
	coffer_err err;

	if ((err = call_check_id(call, what, id)) != COFFER_OK)
		return err;
	memcpy(call->record.grant, id.data, COFFER_ID_LEN);
	call->record.grant[COFFER_ID_LEN] = '\0';
	call->record.is_run = is_run;
	return COFFER_OK;
}

coffer_v1_GrantState call_grant_state(grant_end end)
{
	static const coffer_v1_GrantState states[] = {
		[GRANT_LIVE] = coffer_v1_GrantState_GRANT_LIVE,
		[GRANT_FINISHED] = coffer_v1_GrantState_GRANT_FINISHED,
		[GRANT_SUPERSEDED] = coffer_v1_GrantState_GRANT_SUPERSEDED,
		[GRANT_EXPIRED] = coffer_v1_GrantState_GRANT_EXPIRED,
		[GRANT_REVOKED] = coffer_v1_GrantState_GRANT_REVOKED,
	};

	return states[end]; /* the store gives no others */
}

coffer_err call_unknown_secret(struct call *call, struct slice name)
{
	return call_fail(call, COFFER_NOT_FOUND, "unknown secret '%.*s'", SLICE_ARG(name));
}

struct call_page call_page_begin(struct call *call)
{
	struct buf *out = call->out;
	struct call_page page = { .start = out->len, .mark = out->len, .cap = out->cap };

	out->cap -= out->cap - out->len > CALL_TAIL_MAX ? CALL_TAIL_MAX : 0;
	return page;
}

void call_page_item(struct call *call, struct call_page *page)
{
	page->mark = call->out->len;
}

bool call_page_full(struct call *call, struct call_page *page, coffer_err err)
{
	if (err != COFFER_RESOURCE_EXHAUSTED || page->mark == page->start)
		return false;
	wipe(call->out->data + page->mark, call->out->len - page->mark);
	call->out->len = page->mark;
	return true;
}

void call_page_end(struct call *call, const struct call_page *page)
{
	call->out->cap = page->cap;
}
