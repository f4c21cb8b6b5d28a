/* The Operator service: moving the secrets of a flat store to the components of the system. */
#include "core/migrate.h"
#include "rpc/call.h"

/* Of one call: each has two items in the record, the new one and the old one's end. */
#define MOVES_MAX 32

/* The request's own; or, if it has none, those of the settings. */
static coffer_err gather_rules(struct call *call, struct buf *rules)
{
	struct slice rest = call->body, rule;
	size_t count = 0;
	const char *why;
	coffer_err err;

	while (codec_next(&rest, coffer_v1_MigrateRequest_rules_tag, &rule)) {
		if (++count > COFFER_ALLOW_MAX)
			return call_fail(call, COFFER_INVALID_ARGUMENT, "more than %d rules",
					 COFFER_ALLOW_MAX);
		if ((err = rules_check(rule, &why)) != COFFER_OK)
			return call_fail(call, err, "a rule %s", why);
		if ((err = scopes_add(rules, rule)) != COFFER_OK)
			return err;
	}
	if (count > 0)
		return COFFER_OK;
	rule = slice_str(call->rpc->core->migrate_rules);
	return rule.len > 0 ? scopes_add(rules, rule) : COFFER_OK;
}

static coffer_err append_move(struct call *call, const struct migrate_move *move)
{
	coffer_v1_Migration message = { .name = move->name,
					.scope = move->scope,
					.version = move->version,
					.kept = move->kept };

	if (move->tombstone != 0) {
		call_about_item(call, move->scope, move->name, move->version);
		call_about_item(call, SLICE_LITERAL("global"), move->name, move->tombstone);
	}
	return codec_append_message(call->out, coffer_v1_MigrateResponse_secrets_tag,
				    coffer_v1_Migration_fields, &message);
}

/* Some of the moves; COFFER_NOT_FOUND when there are no more. */
static coffer_err move_some(struct call *call, struct slice rules, struct secrets_cursor *cursor)
{
	struct migrate_move move;
	coffer_err err = COFFER_OK;

	for (int moves = 0; moves < MOVES_MAX && err == COFFER_OK; moves++) {
		err = migrate_next(call->rpc->core, rules, call->request.migrate.dry_run,
				   call->now_ms, cursor, &move);
		if (err == COFFER_OK)
			err = append_move(call, &move);
	}
	return err;
}

/* When it has come to the end, it need not be done at a start any more. */
coffer_err operator_migrate(struct call *call)
{
	const coffer_v1_MigrateRequest *migrate = &call->request.migrate;
	uint8_t text[RULES_TEXT_MAX];
	struct buf rules = { text, 0, sizeof(text) };
	struct secrets_cursor cursor = { .len = migrate->after.len };
	coffer_v1_MigrateResponse reply = { .next = SLICE_EMPTY };
	coffer_err err;

	if (migrate->dry_run)
		call_reason(call, "dry run");
	if (migrate->after.len > 0 && (err = call_check_name(call, migrate->after)) != COFFER_OK)
		return err;
	if (migrate->after.len > 0)
		memcpy(cursor.name, migrate->after.data, migrate->after.len);
	if ((err = gather_rules(call, &rules)) != COFFER_OK)
		return err;
	err = move_some(call, (struct slice){ rules.data, rules.len }, &cursor);
	if (err == COFFER_NOT_FOUND && migrate->dry_run)
		return COFFER_OK;
	if (err == COFFER_NOT_FOUND)
		return store_mark_put(call->rpc->core->store, STORE_MARK_MIGRATED, call->now_ms);
	if (err != COFFER_OK)
		return err;
	reply.next = (struct slice){ (const uint8_t *)cursor.name, cursor.len };
	return codec_append(call->out, coffer_v1_MigrateResponse_fields, &reply);
}
