#include "rpc/values.h"

static coffer_err damaged(struct call *call, const struct store_secret *row)
{
	return call_fail(call, COFFER_DATA_LOSS, "the stored record of '%.*s' is damaged",
			 SLICE_ARG(row->name));
}

static coffer_err unreadable(struct call *call, const struct secrets_value *value)
{
	const struct store_secret *row = value->row;
	const struct source *source = &value->source;
	bool tell = call->session->operator;

	call_about(call, row->scope, row->name, row->version);
	call_reason(call, "source: %s: %s", source->why, source->path);
	return call_fail(call, COFFER_FAILED_PRECONDITION,
			 "the source of secret '%.*s' cannot be read: %s%s%s", SLICE_ARG(row->name),
			 tell ? source->path : "", tell ? ": " : "", source->why);
}

coffer_err values_append(struct call *call, uint32_t tag, const struct store_secret *row)
{
	struct secrets_value value;
	uint8_t *at;
	coffer_err err;

	if ((err = secrets_value_open(call->rpc->core, row, &value)) == COFFER_OK &&
	    (err = codec_reserve_bytes(call->out, tag, value.len, &at)) == COFFER_OK)
		err = secrets_value_read(call->rpc->core, &value, at);
	if (err == COFFER_DATA_LOSS)
		err = damaged(call, row);
	else if (err == COFFER_FAILED_PRECONDITION && value.is_file)
		err = unreadable(call, &value);
	secrets_value_close(&value);
	return err;
}

/* One of the texts that are sealed in a row, in place. */
static coffer_err append_text(struct call *call, uint32_t tag, const struct store_secret *row,
			      coffer_err (*tell_len)(const struct store_secret *, size_t *),
			      coffer_err (*open)(struct core *, const struct store_secret *,
						 uint8_t *))
{
	uint8_t *at;
	size_t len;
	coffer_err err;

	if ((err = tell_len(row, &len)) == COFFER_OK &&
	    (err = codec_reserve_bytes(call->out, tag, len, &at)) == COFFER_OK)
		err = open(call->rpc->core, row, at);
	return err == COFFER_DATA_LOSS ? damaged(call, row) : err;
}

coffer_err values_append_info(struct call *call, uint32_t tag, const struct store_secret *row)
{
	coffer_v1_SecretInfo info = { .scope = row->scope,
				      .name = row->name,
				      .version = row->version,
				      .updated_at_ms = row->created_ms,
				      .expires_at_ms = row->expires_ms,
				      .deleted = secrets_gone(row, call->now_ms) };
	size_t mark;
	coffer_err err;

	if ((err = codec_open_message(call->out, tag, &mark)) != COFFER_OK ||
	    (err = codec_append(call->out, coffer_v1_SecretInfo_fields, &info)) != COFFER_OK)
		return err;
	if (row->note.len > 0 &&
	    (err = append_text(call, coffer_v1_SecretInfo_note_tag, row, secrets_note_len,
			       secrets_open_note)) != COFFER_OK)
		return err;
	if ((row->flags & STORE_SOURCE) &&
	    (err = append_text(call, coffer_v1_SecretInfo_source_tag, row, secrets_value_len,
			       secrets_open)) != COFFER_OK)
		return err;
	return codec_close_message(call->out, mark);
}

coffer_err values_unknown(struct call *call, struct slice name, const struct store_secret *row)
{
	if (row->expires_ms != 0)
		call_reason(call, "expired");
	return call_unknown_secret(call, name);
}
