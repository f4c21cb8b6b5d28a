#include "core/migrate.h"

#include "base/secret.h"

static const struct slice global = { (const uint8_t *)"global", 6 };

static struct slice cursor_name(const struct secrets_cursor *cursor)
{
	return (struct slice){ (const uint8_t *)cursor->name, cursor->len };
}

/* The next secret that lives and that a rule matches. */
static coffer_err find(struct core *core, struct slice rules, int64_t now_ms,
		       struct secrets_cursor *cursor, struct migrate_move *move)
{
	struct store_secret row;
	coffer_err err;

	do {
		err = store_secret_next(core->store, global, cursor_name(cursor), &row);
		if (err != COFFER_OK)
			return err;
		if (row.name.len > sizeof(cursor->name))
			return COFFER_DATA_LOSS;
		memcpy(cursor->name, row.name.data, row.name.len);
		cursor->len = row.name.len;
		move->name = cursor_name(cursor);
		move->scope = rules_scope(rules, move->name, move->scope_text);
	} while (move->scope.len == 0 || secrets_gone(&row, now_ms));
	return COFFER_OK;
}

/* Whether there is a live one where it belongs; version is then its. */
static coffer_err look(struct core *core, int64_t now_ms, struct migrate_move *move)
{
	struct store_secret row;
	coffer_err err = store_secret_latest(core->store, move->scope, move->name, &row);

	if (err != COFFER_OK)
		return err == COFFER_NOT_FOUND ? COFFER_OK : err;
	move->kept = !secrets_gone(&row, now_ms);
	move->version = move->kept ? row.version : 0;
	return COFFER_OK;
}

/* The old one's content; the row is the store's, so all of it is opened before anything is written. */
static coffer_err open_old(struct core *core, const struct store_secret *row, struct secret *value,
			   struct secret *note)
{
	size_t len, note_len;
	coffer_err err;

	if ((err = secrets_value_len(row, &len)) != COFFER_OK ||
	    (err = secret_reserve(value, core->arena, len + 1)) != COFFER_OK)
		return err;
	value->len = len;
	if ((err = secrets_open(core, row, value->data)) != COFFER_OK || row->note.len == 0)
		return err;
	if ((err = secrets_note_len(row, &note_len)) != COFFER_OK ||
	    (err = secret_reserve(note, core->arena, note_len + 1)) != COFFER_OK)
		return err;
	note->len = note_len;
	return secrets_open_note(core, row, note->data);
}

static coffer_err copy(struct core *core, const struct secrets_target *to,
		       struct migrate_move *move)
{
	struct secret value = SECRET_EMPTY, note = SECRET_EMPTY;
	struct secrets_content content;
	struct store_secret row;
	coffer_err err;

	if ((err = store_secret_latest(core->store, global, move->name, &row)) != COFFER_OK ||
	    (err = open_old(core, &row, &value, &note)) != COFFER_OK)
		goto out;
	content = (struct secrets_content){ .value = { value.data, value.len },
					    .is_source = (row.flags & STORE_SOURCE) != 0,
					    .set_note = true,
					    .note = { note.data, note.len },
					    .expires_ms = row.expires_ms };
	err = secrets_put(core, to, &content, &move->version);
out:
	secret_free(&value);
	secret_free(&note);
	return err;
}

coffer_err migrate_next(struct core *core, struct slice rules, bool dry_run, int64_t now_ms,
			struct secrets_cursor *cursor, struct migrate_move *move)
{
	struct secrets_target to, from = { .scope = global, .now_ms = now_ms };
	coffer_err err;

	*move = (struct migrate_move){ .version = 0 };
	if ((err = find(core, rules, now_ms, cursor, move)) != COFFER_OK ||
	    (err = look(core, now_ms, move)) != COFFER_OK)
		return err;
	if (move->kept || dry_run)
		return COFFER_OK;
	from.name = move->name;
	to = (struct secrets_target){ .scope = move->scope, .name = move->name, .now_ms = now_ms };
	if ((err = copy(core, &to, move)) != COFFER_OK)
		return err;
	return secrets_remove(core, &from, false, &move->tombstone);
}
