#include <coffer/admin.h>

#include "admin.h"
#include "why.h"

coffer_err coffer_admin_why(struct coffer_admin *admin, const char *id, const char *name,
			    struct coffer_answer *out)
{
	coffer_v1_WhyGrantRequest request = { .name = slice_str(name), .id = slice_str(id) };
	struct call call;
	coffer_err err;

	*out = (struct coffer_answer){ .allow = NULL };
	if ((err = admin_arm(admin)) != COFFER_OK)
		return err;
	call_begin(&call, &admin->transport, "WhyGrant", CALL_READS);
	call_put(&call, coffer_v1_WhyGrantRequest_fields, &request);
	return why_finish(&call, out);
}
