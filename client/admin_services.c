#include "admin.h"

#include "copy.h"
#include "wipe.h"

#include <stdlib.h>

coffer_err coffer_admin_create_service(struct coffer_admin *admin,
				       const struct coffer_service_spec *spec,
				       struct coffer_service_made *out)
{
	coffer_v1_CreateServiceRequest request = { .name = slice_str(spec->name),
						   .ttl_ms = spec->ttl_ms,
						   .bind_uid = spec->bind_uid,
						   .uid = spec->uid };
	coffer_v1_CreateServiceResponse reply;
	struct call call;
	coffer_err err;

	*out = (struct coffer_service_made){ .expires_at_ms = 0 };
	if ((err = admin_arm(admin)) != COFFER_OK)
		return err;
	call_begin(&call, &admin->transport, "CreateService", CALL_CHANGES);
	call_put(&call, coffer_v1_CreateServiceRequest_fields, &request);
	for (size_t i = 0; i < spec->scopes_len; i++)
		call_put_bytes(&call, coffer_v1_CreateServiceRequest_scopes_tag,
			       slice_str(spec->scopes[i]));
	for (size_t i = 0; i < spec->allow_len; i++)
		call_put_bytes(&call, coffer_v1_CreateServiceRequest_allow_tag,
			       slice_str(spec->allow[i]));
	err = call_exchange(&call, coffer_v1_CreateServiceResponse_fields, &reply, sizeof(reply));
	if (err == COFFER_OK && (err = copy_text(reply.id, out->id, sizeof(out->id))) == COFFER_OK)
		err = copy_text(reply.token, out->token, sizeof(out->token));
	out->expires_at_ms = reply.expires_at_ms;
	if (err != COFFER_OK)
		coffer_service_made_wipe(out);
	return call_end(&call, err);
}

void coffer_service_made_wipe(struct coffer_service_made *made)
{
	wipe(made, sizeof(*made));
}

void coffer_services_free(struct coffer_services *services)
{
	for (size_t i = 0; i < services->len; i++) {
		free(services->items[i].scopes);
		free(services->items[i].allow);
	}
	free(services->items);
	*services = (struct coffer_services){ NULL, 0 };
}

static coffer_err copy_info(struct slice element, struct coffer_service *out)
{
	coffer_v1_GrantInfo info;
	coffer_err err;

	if (codec_decode(element, coffer_v1_GrantInfo_fields, &info, sizeof(info)) != COFFER_OK ||
	    info.id.len == 0)
		return COFFER_INTERNAL;
	out->state = (coffer_grant_state)info.state;
	out->created_at_ms = info.created_at_ms;
	out->expires_at_ms = info.expires_at_ms;
	out->bind_uid = info.bind_uid;
	out->uid = info.uid;
	if ((err = copy_text(info.id, out->id, sizeof(out->id))) != COFFER_OK ||
	    (err = copy_text(info.name, out->name, sizeof(out->name))) != COFFER_OK ||
	    (err = copy_words(element, coffer_v1_GrantInfo_scopes_tag, &out->scopes)) != COFFER_OK)
		return err;
	return copy_words(element, coffer_v1_GrantInfo_allow_tag, &out->allow);
}

static coffer_err add_services(struct slice page, struct coffer_services *out)
{
	struct slice element;
	coffer_err err;

	out->items = copy_room(page, coffer_v1_ListGrantsResponse_grants_tag, out->items, out->len,
			       sizeof(*out->items), &err);
	while (err == COFFER_OK &&
	       codec_next(&page, coffer_v1_ListGrantsResponse_grants_tag, &element))
		err = copy_info(element, &out->items[out->len++]);
	return err;
}

/* One page of services behind the last of out, or the service of that name. */
static coffer_err list_page(struct coffer_admin *admin, const char *name, bool all,
			    struct coffer_services *out, bool *more)
{
	coffer_v1_ListGrantsRequest request = { .name = slice_str(name), .all = all };
	coffer_v1_ListGrantsResponse reply;
	size_t before = out->len;
	struct call call;
	coffer_err err;

	if (out->len > 0)
		request.after = slice_str(out->items[out->len - 1].id);
	call_begin(&call, &admin->transport, "ListGrants", CALL_READS);
	call_put(&call, coffer_v1_ListGrantsRequest_fields, &request);
	err = call_exchange(&call, coffer_v1_ListGrantsResponse_fields, &reply, sizeof(reply));
	*more = reply.more;
	if (err == COFFER_OK)
		err = add_services(call.reply, out);
	if (err == COFFER_OK && reply.more && out->len == before)
		err = COFFER_INTERNAL;
	return call_end(&call, err);
}

coffer_err coffer_admin_list_services(struct coffer_admin *admin, bool all,
				      struct coffer_services *out)
{
	coffer_err err;
	bool more;

	*out = (struct coffer_services){ NULL, 0 };
	if ((err = admin_arm(admin)) != COFFER_OK)
		return err;
	do
		err = list_page(admin, NULL, all, out, &more);
	while (err == COFFER_OK && more);
	if (err != COFFER_OK)
		coffer_services_free(out);
	return err;
}

coffer_err coffer_admin_find_service(struct coffer_admin *admin, const char *name,
				     struct coffer_services *out)
{
	coffer_err err;
	bool more;

	*out = (struct coffer_services){ NULL, 0 };
	if ((err = admin_arm(admin)) != COFFER_OK)
		return err;
	if (name == NULL || name[0] == '\0')
		return transport_fail(&admin->transport, COFFER_INVALID_ARGUMENT,
				      "no service was named");
	err = list_page(admin, name, false, out, &more);
	if (err == COFFER_OK && (out->len != 1 || strcmp(out->items[0].name, name) != 0))
		err = transport_fail(&admin->transport, COFFER_INTERNAL,
				     "the daemon answered with another service");
	if (err != COFFER_OK)
		coffer_services_free(out);
	return err;
}

coffer_err coffer_admin_renew_service(struct coffer_admin *admin, const char *id, int64_t ttl_ms,
				      int64_t *expires_at_ms)
{
	coffer_v1_RenewGrantRequest request = { .id = slice_str(id), .ttl_ms = ttl_ms };
	coffer_v1_RenewGrantResponse reply;
	struct call call;
	coffer_err err;

	if ((err = admin_arm(admin)) != COFFER_OK)
		return err;
	call_begin(&call, &admin->transport, "RenewGrant", CALL_CHANGES);
	call_put(&call, coffer_v1_RenewGrantRequest_fields, &request);
	err = call_exchange(&call, coffer_v1_RenewGrantResponse_fields, &reply, sizeof(reply));
	if (err == COFFER_OK && expires_at_ms != NULL)
		*expires_at_ms = reply.expires_at_ms;
	return call_end(&call, err);
}
