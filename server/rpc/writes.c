#include "rpc/writes.h"

#include "core/mirror/mirror.h"

coffer_err writes_fail(struct call *call, coffer_err err, struct slice name)
{
	switch (err) {
	case COFFER_NOT_FOUND:
		return call_unknown_secret(call, name);
	case COFFER_ABORTED:
		if (call->rpc->core->mirror != NULL && call->rpc->core->mirror->busy)
			return call_fail(call, err,
					 "secret '%.*s' is being written by another host",
					 SLICE_ARG(name));
		return call_fail(call, err, "secret '%.*s' is not at the expected version",
				 SLICE_ARG(name));
	case COFFER_RESOURCE_EXHAUSTED:
		return call_fail(call, err, "the value of '%.*s' is larger than %u bytes",
				 SLICE_ARG(name), call->rpc->core->value_max);
	case COFFER_DATA_LOSS:
		return call_fail(call, err, "the stored record of '%.*s' is damaged",
				 SLICE_ARG(name));
	default:
		return err;
	}
}

/* Whoever may have the daemon read any file must be able to read it without. */
static coffer_err check_source(struct call *call, const coffer_v1_SecretWrite *write)
{
	const char *folders = call->rpc->core->source_dirs, *why;
	uint32_t uid = call->session->uid;
	coffer_err err;

	if (write->value.len > 0)
		return call_fail(call, COFFER_INVALID_ARGUMENT,
				 "secret '%.*s' is given both a value and a source",
				 SLICE_ARG(write->name));
	if ((err = source_check(write->source, folders, &why)) != COFFER_OK)
		return call_fail(call, err, "the source of secret '%.*s' %s",
				 SLICE_ARG(write->name), why);
	if (folders == NULL && uid != 0 && uid != call->rpc->operators.own_uid)
		return call_fail(call, COFFER_PERMISSION_DENIED,
				 "the daemon has no source_dirs: only the superuser and its own "
				 "uid may set sources");
	return COFFER_OK;
}

/* What the new version will hold. */
static coffer_err read_content(struct call *call, const coffer_v1_SecretWrite *write,
			       struct secrets_content *content)
{
	coffer_err err;

	*content = (struct secrets_content){ .value = write->value,
					     .is_source = write->source.len > 0,
					     .set_note = write->set_note,
					     .note = write->note,
					     .expires_ms = write->expires_at_ms };
	if (write->expires_at_ms != 0 && write->expires_at_ms <= call->now_ms)
		return call_fail(call, COFFER_INVALID_ARGUMENT,
				 "the expiry of secret '%.*s' has passed", SLICE_ARG(write->name));
	if ((err = call_check_text(call, "note", write->note, COFFER_TEXT_MAX)) != COFFER_OK)
		return err;
	if (!content->is_source)
		return COFFER_OK;
	content->value = write->source;
	return check_source(call, write);
}

/* alone: the only secret of the request, which its record then names as its subject. */
static coffer_err put_one(struct call *call, struct slice encoded, struct slice scope, bool alone,
			  writes_told told)
{
	coffer_v1_SecretWrite write;
	struct secrets_target target;
	struct secrets_content content;
	uint32_t version;
	coffer_err err;

	if (codec_decode(encoded, coffer_v1_SecretWrite_fields, &write, sizeof(write)) != COFFER_OK)
		return call_fail(call, COFFER_INVALID_ARGUMENT, "a SecretWrite is malformed");
	if ((err = call_check_name(call, write.name)) != COFFER_OK)
		return err;
	target = (struct secrets_target){ .scope = scope,
					  .name = write.name,
					  .check_version = write.check_version,
					  .if_version = write.if_version,
					  .now_ms = call->now_ms };
	call_about(call, scope, write.name, 0);
	if ((err = read_content(call, &write, &content)) != COFFER_OK)
		return err;
	if ((err = secrets_put(call->rpc->core, &target, &content, &version)) != COFFER_OK)
		return writes_fail(call, err, write.name);
	if (alone) {
		call_about(call, scope, write.name, version);
	} else {
		call_about(call, SLICE_EMPTY, SLICE_EMPTY, 0);
		call_about_item(call, scope, write.name, version);
	}
	return told ? told(call, &target, version) : COFFER_OK;
}

coffer_err writes_put(struct call *call, uint32_t tag, struct slice scope, writes_told told)
{
	struct slice rest = call->body, encoded;
	size_t count = 0;
	coffer_err err;

	while (codec_next(&rest, tag, &encoded))
		count++;
	if (count > COFFER_BATCH_MAX)
		return call_fail(call, COFFER_INVALID_ARGUMENT, "more than %d secrets",
				 COFFER_BATCH_MAX);
	if (count == 0 && told != NULL)
		return call_fail(call, COFFER_INVALID_ARGUMENT, "no secrets");
	rest = call->body;
	while (codec_next(&rest, tag, &encoded))
		if ((err = put_one(call, encoded, scope, count == 1, told)) != COFFER_OK)
			return err;
	return COFFER_OK;
}
