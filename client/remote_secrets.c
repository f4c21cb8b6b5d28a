#include "remote.h"

#include "call.h"
#include "copy.h"

/* How often an environment is begun again because secrets changed between its pages. */
#define ENVIRONMENT_ATTEMPTS 8

/* A page's cursor is the daemon's; it has the room of a scope and a name. */
#define CURSOR_MAX (COFFER_SCOPE_MAX + COFFER_NAME_MAX + 2)

coffer_err remote_get(struct coffer_session *session, const char *name, struct coffer_value *out)
{
	coffer_v1_GetSecretRequest request = { .name = slice_str(name) };
	coffer_v1_GetSecretResponse reply;
	struct call call;
	coffer_err err;

	call_begin(&call, &session->transport, "GetSecret", CALL_READS);
	call_put(&call, coffer_v1_GetSecretRequest_fields, &request);
	err = call_exchange(&call, coffer_v1_GetSecretResponse_fields, &reply, sizeof(reply));
	if (err == COFFER_OK)
		err = copy_value(reply.value, reply.version, reply.scope, out);
	return call_end(&call, err);
}

static coffer_err copy_secret(struct slice element, struct coffer_secret *out)
{
	coffer_v1_Secret secret;
	coffer_err err =
	    codec_decode(element, coffer_v1_Secret_fields, &secret, sizeof(secret)) == COFFER_OK
		? copy_text(secret.name, out->name, sizeof(out->name))
		: COFFER_INTERNAL;

	if (err == COFFER_OK && secret.name.len == 0)
		err = COFFER_INTERNAL;
	if (err == COFFER_OK)
		err = copy_value(secret.value, secret.version, secret.scope, &out->value);
	return err;
}

/* Asks for names from out->len on, and adds what one reply holds of them. */
static coffer_err get_page(struct coffer_session *s, const char *const *names, size_t count,
			   struct coffer_secrets *out)
{
	coffer_v1_GetSecretsResponse reply;
	struct slice element;
	struct call call;
	size_t before = out->len;
	coffer_err err;

	call_begin(&call, &s->transport, "GetSecrets", CALL_READS);
	for (size_t i = out->len; i < count; i++)
		call_put_bytes(&call, coffer_v1_GetSecretsRequest_names_tag, slice_str(names[i]));
	err = call_exchange(&call, coffer_v1_GetSecretsResponse_fields, &reply, sizeof(reply));
	while (err == COFFER_OK &&
	       codec_next(&call.reply, coffer_v1_GetSecretsResponse_secrets_tag, &element)) {
		struct coffer_secret *to = &out->items[out->len];
		if (out->len == count)
			err = COFFER_INTERNAL;
		else if ((err = copy_secret(element, to)) == COFFER_OK)
			/* A value must not pass for another name's. */
			err = slice_equal(slice_str(to->name), slice_str(names[out->len++]))
				  ? COFFER_OK
				  : COFFER_INTERNAL;
	}
	if (err == COFFER_OK && (reply.more != (out->len < count) || out->len == before))
		err = COFFER_INTERNAL;
	return call_end(&call, err);
}

coffer_err remote_get_many(struct coffer_session *session, const char *const *names, size_t count,
			   struct coffer_secrets *out)
{
	coffer_err err = COFFER_OK;

	while (err == COFFER_OK && out->len < count)
		err = get_page(session, names, count, out);
	return err;
}

static coffer_err copy_info(struct slice element, struct coffer_secret *out)
{
	coffer_v1_SecretInfo info;
	coffer_err err;

	if (codec_decode(element, coffer_v1_SecretInfo_fields, &info, sizeof(info)) != COFFER_OK ||
	    info.name.len == 0)
		return COFFER_INTERNAL;
	out->value.version = info.version;
	out->updated_at_ms = info.updated_at_ms;
	if ((err = copy_text(info.name, out->name, sizeof(out->name))) != COFFER_OK)
		return err;
	return copy_text(info.scope, out->value.scope, sizeof(out->value.scope));
}

typedef coffer_err copy_element(struct slice element, struct coffer_secret *out);

/* Adds the elements of a page to out. */
static coffer_err add_page(struct slice page, uint32_t tag, copy_element *copy,
			   struct coffer_secrets *out)
{
	struct slice element;
	coffer_err err;

	out->items = copy_room(page, tag, out->items, out->len, sizeof(*out->items), &err);
	while (err == COFFER_OK && codec_next(&page, tag, &element))
		err = copy(element, &out->items[out->len++]);
	return err;
}

/* Where the next page begins. The daemon must move on: a cursor that stands still would never end. */
struct cursor {
	char at[CURSOR_MAX]; /* "": the beginning or the end */
};

static coffer_err cursor_move(struct cursor *cursor, struct slice next)
{
	if (next.len > 0 && slice_equal(next, slice_str(cursor->at)))
		return COFFER_INTERNAL;
	return copy_text(next, cursor->at, sizeof(cursor->at));
}

static coffer_err list_page(struct coffer_session *s, struct cursor *cursor,
			    struct coffer_secrets *out)
{
	coffer_v1_ListSecretsRequest request = { .after = slice_str(cursor->at) };
	coffer_v1_ListSecretsResponse reply;
	struct call call;
	coffer_err err;

	call_begin(&call, &s->transport, "ListSecrets", CALL_READS);
	call_put(&call, coffer_v1_ListSecretsRequest_fields, &request);
	err = call_exchange(&call, coffer_v1_ListSecretsResponse_fields, &reply, sizeof(reply));
	if (err == COFFER_OK && (err = cursor_move(cursor, reply.next)) == COFFER_OK)
		err =
		    add_page(call.reply, coffer_v1_ListSecretsResponse_secrets_tag, copy_info, out);
	return call_end(&call, err);
}

coffer_err remote_list(struct coffer_session *session, struct coffer_secrets *out)
{
	struct cursor cursor = { "" };
	coffer_err err;

	do
		err = list_page(session, &cursor, out);
	while (err == COFFER_OK && cursor.at[0] != '\0');
	return err;
}

static coffer_err environment_page(struct coffer_session *s, struct cursor *cursor,
				   struct coffer_secrets *out, uint64_t *revision)
{
	coffer_v1_GetEnvironmentRequest request = { .after = slice_str(cursor->at) };
	coffer_v1_GetEnvironmentResponse reply;
	struct call call;
	coffer_err err;

	call_begin(&call, &s->transport, "GetEnvironment", CALL_READS);
	call_put(&call, coffer_v1_GetEnvironmentRequest_fields, &request);
	err = call_exchange(&call, coffer_v1_GetEnvironmentResponse_fields, &reply, sizeof(reply));
	*revision = reply.revision;
	if (err == COFFER_OK && (err = cursor_move(cursor, reply.next)) == COFFER_OK)
		err = add_page(call.reply, coffer_v1_GetEnvironmentResponse_secrets_tag,
			       copy_secret, out);
	return call_end(&call, err);
}

/* *stable is false if the store changed between two pages; what was read is then of no use. */
static coffer_err read_environment(struct coffer_session *s, struct coffer_secrets *out,
				   bool *stable)
{
	struct cursor cursor = { "" };
	uint64_t first, revision;
	coffer_err err = environment_page(s, &cursor, out, &first);

	*stable = true;
	while (err == COFFER_OK && *stable && cursor.at[0] != '\0') {
		err = environment_page(s, &cursor, out, &revision);
		*stable = revision == first;
	}
	return err;
}

coffer_err remote_environment(struct coffer_session *session, struct coffer_secrets *out)
{
	coffer_err err = COFFER_OK;
	bool stable = false;

	for (int i = 0; i < ENVIRONMENT_ATTEMPTS && err == COFFER_OK && !stable; i++) {
		coffer_secrets_free(out);
		session->transport.received = 0;
		err = read_environment(session, out, &stable);
	}
	if (err == COFFER_OK && !stable)
		err = transport_fail(&session->transport, COFFER_ABORTED,
				     "the secrets kept changing while they were read");
	return err;
}
