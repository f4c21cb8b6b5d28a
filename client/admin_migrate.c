#include "admin.h"

#include "copy.h"

#include <stdlib.h>

void coffer_migrations_free(struct coffer_migrations *migrations)
{
	free(migrations->items);
	*migrations = (struct coffer_migrations){ .items = NULL };
}

static coffer_err copy_page(struct slice reply, struct coffer_migrations *out)
{
	struct slice element;
	coffer_err err;

	out->items = copy_room(reply, coffer_v1_MigrateResponse_secrets_tag, out->items, out->len,
			       sizeof(*out->items), &err);
	while (err == COFFER_OK &&
	       codec_next(&reply, coffer_v1_MigrateResponse_secrets_tag, &element)) {
		struct coffer_migration *to = &out->items[out->len];
		coffer_v1_Migration message;
		if (codec_decode(element, coffer_v1_Migration_fields, &message, sizeof(message)) !=
		    COFFER_OK)
			return COFFER_INTERNAL;
		to->version = message.version;
		to->kept = message.kept;
		if ((err = copy_text(message.name, to->name, sizeof(to->name))) == COFFER_OK)
			err = copy_text(message.scope, to->scope, sizeof(to->scope));
		out->len += err == COFFER_OK;
	}
	return err;
}

/* One page; after is where it begins, and then the next one. */
static coffer_err migrate_page(struct coffer_admin *admin, const char *const *rules,
			       size_t rules_len, bool dry_run, char after[COFFER_NAME_MAX + 1],
			       struct coffer_migrations *out)
{
	const coffer_v1_MigrateRequest request = { .dry_run = dry_run, .after = slice_str(after) };
	coffer_v1_MigrateResponse reply;
	struct call call;
	coffer_err err = admin_arm(admin);

	if (err != COFFER_OK)
		return err;
	call_begin(&call, &admin->transport, "Migrate", CALL_CHANGES);
	call_put(&call, coffer_v1_MigrateRequest_fields, &request);
	for (size_t i = 0; i < rules_len; i++)
		call_put_bytes(&call, coffer_v1_MigrateRequest_rules_tag, slice_str(rules[i]));
	err = call_exchange(&call, coffer_v1_MigrateResponse_fields, &reply, sizeof(reply));
	if (err == COFFER_OK)
		err = copy_page(call.reply, out);
	/* A caller that follows pages would never end if they stood still. */
	if (err == COFFER_OK && reply.next.len > 0 && slice_equal(reply.next, slice_str(after)))
		err = COFFER_INTERNAL;
	if (err == COFFER_OK)
		err = copy_text(reply.next, after, COFFER_NAME_MAX + 1);
	return call_end(&call, err);
}

coffer_err coffer_admin_migrate(struct coffer_admin *admin, const char *const *rules,
				size_t rules_len, bool dry_run, struct coffer_migrations *out)
{
	char after[COFFER_NAME_MAX + 1] = "";
	coffer_err err;

	*out = (struct coffer_migrations){ .items = NULL };
	do
		err = migrate_page(admin, rules, rules_len, dry_run, after, out);
	while (err == COFFER_OK && after[0] != '\0');
	return err;
}
