#include "admin.h"

#include "copy.h"
#include "names.h"
#include "wipe.h"

#include <stdlib.h>

static void free_text(const char *text)
{
	if (text == NULL)
		return;
	wipe((char *)text, strlen(text));
	free((char *)text);
}

static void free_texts(struct coffer_info *info)
{
	free_text(info->note);
	free_text(info->source);
	info->note = info->source = NULL;
}

void coffer_infos_free(struct coffer_infos *infos)
{
	for (size_t i = 0; i < infos->len; i++)
		free_texts(&infos->items[i]);
	wipe(infos->items, infos->len * sizeof(*infos->items));
	free(infos->items);
	*infos = (struct coffer_infos){ NULL, 0 };
}

/* A text without control characters, or NULL for none. */
static coffer_err copy_optional(struct slice text, const char **out)
{
	const char *why;
	char *copy;
	coffer_err err;

	*out = NULL;
	if (text.len == 0)
		return COFFER_OK;
	if (names_check_text(text, COFFER_TEXT_MAX, &why) != COFFER_OK)
		return COFFER_INTERNAL;
	err = copy_string(text, &copy);
	*out = copy;
	return err;
}

/* On failure the caller frees what out holds as well. */
static coffer_err copy_info(struct slice element, struct coffer_info *out)
{
	coffer_v1_SecretInfo info;
	coffer_err err;

	if (codec_decode(element, coffer_v1_SecretInfo_fields, &info, sizeof(info)) != COFFER_OK ||
	    info.name.len == 0)
		return COFFER_INTERNAL;
	out->version = info.version;
	out->updated_at_ms = info.updated_at_ms;
	out->deleted = info.deleted;
	out->expires_at_ms = info.expires_at_ms;
	if ((err = copy_text(info.scope, out->scope, sizeof(out->scope))) != COFFER_OK ||
	    (err = copy_optional(info.note, &out->note)) != COFFER_OK ||
	    (err = copy_optional(info.source, &out->source)) != COFFER_OK)
		return err;
	return copy_text(info.name, out->name, sizeof(out->name));
}

static coffer_err add_infos(struct slice page, uint32_t tag, struct coffer_infos *out)
{
	struct slice element;
	coffer_err err;

	out->items = copy_room(page, tag, out->items, out->len, sizeof(*out->items), &err);
	while (err == COFFER_OK && codec_next(&page, tag, &element))
		err = copy_info(element, &out->items[out->len++]);
	return err;
}

/* The versions that count writes made, in their order. */
static coffer_err copy_versions(struct slice reply, const struct coffer_write *writes, size_t count,
				uint32_t *versions)
{
	struct slice element;
	size_t i = 0;

	while (codec_next(&reply, coffer_v1_PutSecretResponse_secrets_tag, &element)) {
		struct coffer_info info = { .version = 0 };
		coffer_err err = i < count ? copy_info(element, &info) : COFFER_INTERNAL;
		free_texts(&info);
		if (err != COFFER_OK ||
		    !slice_equal(slice_str(info.name), slice_str(writes[i].name)))
			return COFFER_INTERNAL;
		versions[i++] = info.version;
	}
	return i == count ? COFFER_OK : COFFER_INTERNAL;
}

coffer_err coffer_admin_put(struct coffer_admin *admin, const char *scope, bool system,
			    const struct coffer_write *writes, size_t count, uint32_t *versions)
{
	coffer_v1_PutSecretRequest request = { .scope = slice_str(scope), .system = system };
	coffer_v1_PutSecretResponse reply;
	struct call call;
	coffer_err err;

	if (versions != NULL)
		memset(versions, 0, count * sizeof(*versions));
	if ((err = admin_arm(admin)) != COFFER_OK)
		return err;
	if (count == 0 || count > COFFER_BATCH_MAX)
		return transport_fail(&admin->transport, COFFER_INVALID_ARGUMENT,
				      "%zu secrets were given instead of 1 to %d", count,
				      COFFER_BATCH_MAX);
	call_begin(&call, &admin->transport, "PutSecret", CALL_CHANGES);
	call_put(&call, coffer_v1_PutSecretRequest_fields, &request);
	for (size_t i = 0; i < count; i++)
		admin_put_write(&call, coffer_v1_PutSecretRequest_writes_tag, &writes[i]);
	err = call_exchange(&call, coffer_v1_PutSecretResponse_fields, &reply, sizeof(reply));
	if (err == COFFER_OK && versions != NULL)
		err = copy_versions(call.reply, writes, count, versions);
	return call_end(&call, err);
}

coffer_err coffer_admin_delete(struct coffer_admin *admin, const struct coffer_where *where,
			       bool purge, const struct coffer_if_version *if_version,
			       uint32_t *version)
{
	coffer_v1_DeleteSecretRequest request = {
		.scope = slice_str(where->scope),
		.name = slice_str(where->name),
		.system = where->system,
		.purge = purge,
		.check_version = if_version != NULL && if_version->check,
		.if_version = if_version != NULL ? if_version->version : 0,
	};
	coffer_v1_DeleteSecretResponse reply;
	struct call call;
	coffer_err err;

	if (version != NULL)
		*version = 0;
	if ((err = admin_arm(admin)) != COFFER_OK)
		return err;
	call_begin(&call, &admin->transport, "DeleteSecret", CALL_CHANGES);
	call_put(&call, coffer_v1_DeleteSecretRequest_fields, &request);
	err = call_exchange(&call, coffer_v1_DeleteSecretResponse_fields, &reply, sizeof(reply));
	if (version != NULL)
		*version = reply.version;
	return call_end(&call, err);
}

coffer_err coffer_admin_rollback(struct coffer_admin *admin, const struct coffer_where *where,
				 uint32_t version, uint32_t *new_version)
{
	coffer_v1_RollbackSecretRequest request = {
		.scope = slice_str(where->scope),
		.name = slice_str(where->name),
		.system = where->system,
		.version = version,
	};
	coffer_v1_RollbackSecretResponse reply;
	struct call call;
	coffer_err err;

	if (new_version != NULL)
		*new_version = 0;
	if ((err = admin_arm(admin)) != COFFER_OK)
		return err;
	call_begin(&call, &admin->transport, "RollbackSecret", CALL_CHANGES);
	call_put(&call, coffer_v1_RollbackSecretRequest_fields, &request);
	err = call_exchange(&call, coffer_v1_RollbackSecretResponse_fields, &reply, sizeof(reply));
	if (new_version != NULL)
		*new_version = reply.version;
	return call_end(&call, err);
}

coffer_err coffer_admin_reveal(struct coffer_admin *admin, const struct coffer_where *where,
			       uint32_t version, struct coffer_value *out)
{
	coffer_v1_RevealSecretRequest request = {
		.scope = slice_str(where->scope),
		.name = slice_str(where->name),
		.system = where->system,
		.version = version,
	};
	coffer_v1_RevealSecretResponse reply;
	struct call call;
	coffer_err err;

	*out = (struct coffer_value){ 0 };
	if ((err = admin_arm(admin)) != COFFER_OK)
		return err;
	call_begin(&call, &admin->transport, "RevealSecret", CALL_READS);
	call_put(&call, coffer_v1_RevealSecretRequest_fields, &request);
	err = call_exchange(&call, coffer_v1_RevealSecretResponse_fields, &reply, sizeof(reply));
	if (err == COFFER_OK)
		err = copy_value(reply.value, reply.version, request.scope, out);
	return call_end(&call, err);
}

/* The next page begins behind the last secret of out. A daemon that repeats itself, or says that there is more
 * without giving any, would never end. */
static coffer_err list_page(struct coffer_admin *admin, const char *scope, bool system,
			    struct coffer_infos *out, bool *more)
{
	const struct coffer_info *last = out->len > 0 ? &out->items[out->len - 1] : NULL;
	coffer_v1_ListAllSecretsRequest request = {
		.scope = slice_str(scope),
		.system = system,
		.after_scope = slice_str(last != NULL ? last->scope : NULL),
		.after_name = slice_str(last != NULL ? last->name : NULL),
	};
	coffer_v1_ListAllSecretsResponse reply;
	size_t before = out->len;
	struct call call;
	coffer_err err;

	call_begin(&call, &admin->transport, "ListAllSecrets", CALL_READS);
	call_put(&call, coffer_v1_ListAllSecretsRequest_fields, &request);
	err = call_exchange(&call, coffer_v1_ListAllSecretsResponse_fields, &reply, sizeof(reply));
	*more = reply.more;
	if (err == COFFER_OK)
		err = add_infos(call.reply, coffer_v1_ListAllSecretsResponse_secrets_tag, out);
	if (err == COFFER_OK && reply.more && out->len == before)
		err = COFFER_INTERNAL;
	return call_end(&call, err);
}

coffer_err coffer_admin_list(struct coffer_admin *admin, const char *scope, bool system,
			     struct coffer_infos *out)
{
	bool more;
	coffer_err err;

	*out = (struct coffer_infos){ NULL, 0 };
	if ((err = admin_arm(admin)) != COFFER_OK)
		return err;
	do
		err = list_page(admin, scope, system, out, &more);
	while (err == COFFER_OK && more);
	if (err != COFFER_OK)
		coffer_infos_free(out);
	return err;
}

/* The next page begins below the last version of out; what does not go down would never end. */
static coffer_err history_page(struct coffer_admin *admin, const struct coffer_where *where,
			       struct coffer_infos *out, bool *more)
{
	uint32_t before = out->len > 0 ? out->items[out->len - 1].version : 0;
	coffer_v1_ListVersionsRequest request = {
		.scope = slice_str(where->scope),
		.name = slice_str(where->name),
		.system = where->system,
		.before_version = before,
	};
	coffer_v1_ListVersionsResponse reply;
	size_t len = out->len;
	struct call call;
	coffer_err err;

	call_begin(&call, &admin->transport, "ListVersions", CALL_READS);
	call_put(&call, coffer_v1_ListVersionsRequest_fields, &request);
	err = call_exchange(&call, coffer_v1_ListVersionsResponse_fields, &reply, sizeof(reply));
	if (err == COFFER_OK)
		err = add_infos(call.reply, coffer_v1_ListVersionsResponse_versions_tag, out);
	*more = reply.more;
	if (err == COFFER_OK && reply.more &&
	    (out->len == len || (before > 0 && out->items[out->len - 1].version >= before)))
		err = COFFER_INTERNAL;
	return call_end(&call, err);
}

coffer_err coffer_admin_history(struct coffer_admin *admin, const struct coffer_where *where,
				struct coffer_infos *out)
{
	bool more;
	coffer_err err;

	*out = (struct coffer_infos){ NULL, 0 };
	if ((err = admin_arm(admin)) != COFFER_OK)
		return err;
	do
		err = history_page(admin, where, out, &more);
	while (err == COFFER_OK && more);
	if (err != COFFER_OK)
		coffer_infos_free(out);
	return err;
}
