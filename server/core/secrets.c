#include "core/secrets.h"

#include "base/secret.h"
#include "core/mirror/mirror.h"
#include "core/policy.h"
#include "core/rules.h"
#include "vault/seal.h"

struct seal_context secrets_context(const struct store_secret *row, uint32_t extra)
{
	return (struct seal_context){ .scope = row->scope,
				      .name = row->name,
				      .version = row->version,
				      .flags = row->flags | extra,
				      .expires_ms = row->expires_ms };
}

bool secrets_gone(const struct store_secret *row, int64_t now_ms)
{
	return (row->flags & STORE_DELETED) || (row->expires_ms != 0 && now_ms >= row->expires_ms);
}

bool secrets_expired(const struct store_secret *row, int64_t now_ms)
{
	return row->expires_ms != 0 && secrets_gone(row, now_ms);
}

static coffer_err latest(struct core *core, struct slice scope, struct slice name,
			 struct store_secret *row)
{
	coffer_err err;

	if (cache_find(&core->cache, scope, name, row, &err))
		return err;
	err = store_secret_latest(core->store, scope, name, row);
	if (err == COFFER_OK || err == COFFER_NOT_FOUND)
		cache_keep(&core->cache, scope, name, err == COFFER_OK ? row : NULL);
	return err;
}

coffer_err secrets_find(struct core *core, const struct grant *grant, struct slice name,
			int64_t now_ms, struct store_secret *row)
{
	struct store_secret expired = { .version = 0 };

	for (size_t i = 0; i < grant->scopes_len; i++) {
		coffer_err err = latest(core, grant->scopes[i], name, row);
		if (err != COFFER_OK && err != COFFER_NOT_FOUND)
			return err;
		if (err == COFFER_OK && !secrets_gone(row, now_ms))
			return COFFER_OK;
		if (err == COFFER_OK && secrets_expired(row, now_ms))
			expired = (struct store_secret){ .version = row->version,
							 .expires_ms = row->expires_ms };
	}
	/* Until it is moved, what belongs to a component of the system may stand in global. */
	if (rules_fall_back(grant, slice_str(core->migrate_rules), name)) {
		coffer_err err = latest(core, SLICE_LITERAL("global"), name, row);
		if (err != COFFER_NOT_FOUND && (err != COFFER_OK || !secrets_gone(row, now_ms)))
			return err;
	}
	*row = expired;
	return COFFER_NOT_FOUND;
}

static struct slice cursor_name(const struct secrets_cursor *cursor)
{
	return (struct slice){ (const uint8_t *)cursor->name, cursor->len };
}

static coffer_err cursor_set(struct secrets_cursor *cursor, struct slice name)
{
	if (name.len > sizeof(cursor->name))
		return COFFER_DATA_LOSS;
	memcpy(cursor->name, name.data, name.len);
	cursor->len = name.len;
	return COFFER_OK;
}

/* Moves the cursor to the next name in that one scope that the grant may see. */
static coffer_err next_in_scope(struct core *core, const struct grant *grant, struct slice scope,
				int64_t now_ms, struct secrets_cursor *cursor)
{
	struct store_secret row;
	coffer_err err;

	do {
		err = store_secret_next(core->store, scope, cursor_name(cursor), &row);
		if (err != COFFER_OK || (err = cursor_set(cursor, row.name)) != COFFER_OK)
			return err;
	} while (secrets_gone(&row, now_ms) || !policy_allows_name(grant, row.name));
	return COFFER_OK;
}

static int compare(const struct secrets_cursor *a, const struct secrets_cursor *b)
{
	int order = memcmp(a->name, b->name, a->len < b->len ? a->len : b->len);

	return order != 0 ? order : (a->len > b->len) - (a->len < b->len);
}

coffer_err secrets_next(struct core *core, const struct grant *grant, struct secrets_cursor *cursor,
			int64_t now_ms, struct store_secret *row)
{
	struct secrets_cursor best = { .len = 0 };
	size_t from = grant->scopes_len;

	for (size_t i = 0; i < grant->scopes_len; i++) {
		struct secrets_cursor at = *cursor;
		coffer_err err = next_in_scope(core, grant, grant->scopes[i], now_ms, &at);
		if (err == COFFER_NOT_FOUND)
			continue;
		if (err != COFFER_OK)
			return err;
		if (from == grant->scopes_len || compare(&at, &best) < 0) {
			best = at;
			from = i;
		}
	}
	if (from == grant->scopes_len)
		return COFFER_NOT_FOUND;
	*cursor = best;
	return store_secret_latest(core->store, grant->scopes[from], cursor_name(cursor), row);
}

coffer_err secrets_at(struct core *core, struct slice scope, struct slice name, uint32_t version,
		      int64_t now_ms, struct store_secret *row)
{
	struct store_secret gone = { .version = 0 };
	coffer_err err;

	if (version == 0)
		err = store_secret_latest(core->store, scope, name, row);
	else if (version == UINT32_MAX)
		err = COFFER_NOT_FOUND;
	else
		err = store_secret_before(core->store, scope, name, version + 1, row);
	if (err == COFFER_OK && (version == 0 || row->version == version)) {
		if (!secrets_gone(row, now_ms))
			return COFFER_OK;
		if (secrets_expired(row, now_ms))
			gone = (struct store_secret){ .version = row->version,
						      .expires_ms = row->expires_ms };
	}
	*row = gone;
	return err == COFFER_OK ? COFFER_NOT_FOUND : err;
}

coffer_err secrets_value_len(const struct store_secret *row, size_t *len)
{
	return seal_plain_len(row->sealed, len);
}

coffer_err secrets_open(struct core *core, const struct store_secret *row, uint8_t *out)
{
	struct seal_context context = secrets_context(row, 0);

	/* Flags that no row has may be those of a note, put where a value stands. */
	if (row->flags & ~(STORE_DELETED | STORE_SOURCE))
		return COFFER_DATA_LOSS;
	return seal_open(core->keyring, &context, row->sealed, out);
}

coffer_err secrets_note_len(const struct store_secret *row, size_t *len)
{
	return seal_plain_len(row->note, len);
}

coffer_err secrets_open_note(struct core *core, const struct store_secret *row, uint8_t *out)
{
	struct seal_context context = secrets_context(row, STORE_NOTE);

	return seal_open(core->keyring, &context, row->note, out);
}

static coffer_err open_source(struct core *core, struct secrets_value *value)
{
	uint8_t text[COFFER_TEXT_MAX];
	size_t len;
	coffer_err err;

	if ((err = secrets_value_len(value->row, &len)) != COFFER_OK)
		return err;
	if (len > sizeof(text))
		return COFFER_DATA_LOSS;
	if ((err = secrets_open(core, value->row, text)) != COFFER_OK)
		return err;
	value->is_file = true;
	err = source_open(&value->source, (struct slice){ text, len }, core->source_dirs,
			  core->value_max);
	value->len = value->source.len;
	return err;
}

coffer_err secrets_value_open(struct core *core, const struct store_secret *row,
			      struct secrets_value *value)
{
	value->row = row;
	value->len = 0;
	value->is_file = false;
	value->source.fd = -1;
	if (row->flags & STORE_SOURCE)
		return open_source(core, value);
	return secrets_value_len(row, &value->len);
}

coffer_err secrets_value_read(struct core *core, struct secrets_value *value, uint8_t *out)
{
	return value->is_file ? source_read(&value->source, out)
			      : secrets_open(core, value->row, out);
}

void secrets_value_close(struct secrets_value *value)
{
	source_close(&value->source);
}

/* What the next version's number is, if the target's expectation holds. live: the newest version, or zero if
 * there is none or it is gone. */
static coffer_err expect(struct core *core, const struct secrets_target *target, uint32_t *next,
			 struct store_secret *live)
{
	uint32_t version, used = 0;
	bool busy = false;
	coffer_err err;

	if (mirror_covers(core, target->scope) &&
	    (err = mirror_newest(core, target->scope, target->name, &used, &busy)) != COFFER_OK)
		return err;
	err = store_secret_latest(core->store, target->scope, target->name, live);
	if (err != COFFER_OK && err != COFFER_NOT_FOUND)
		return err;
	version = err == COFFER_OK ? live->version : 0;
	if (err == COFFER_NOT_FOUND || secrets_gone(live, target->now_ms))
		*live = (struct store_secret){ .version = 0 };
	if (target->check_version && !mirror_decided(core) &&
	    (busy || target->if_version != live->version))
		return COFFER_ABORTED;
	if (version < used)
		version = used;
	if (version >= UINT32_MAX - 1) /* the greatest that a store takes */
		return COFFER_RESOURCE_EXHAUSTED;
	*next = version + 1;
	return COFFER_OK;
}

/* Seals what the row is to hold, behind each other. */
static coffer_err seal_content(struct core *core, struct store_secret *row,
			       const struct secrets_content *content)
{
	struct seal_context context = secrets_context(row, 0),
			    note = secrets_context(row, STORE_NOTE);
	struct buf *out = &core->sealed;
	size_t len;
	coffer_err err;

	out->len = 0;
	err = seal_record(core->keyring, core->algorithm, &context, content->value, out);
	len = out->len;
	if (err == COFFER_OK && content->note.len > 0)
		err = seal_record(core->keyring, core->algorithm, &note, content->note, out);
	row->sealed = (struct slice){ out->data, len };
	row->note = (struct slice){ out->data + len, out->len - len };
	return err;
}

/* When the secret expires: that is the newest version's. */
static coffer_err set_expiry(struct core *core, struct slice scope, struct slice name)
{
	struct store_secret newest;
	coffer_err err = store_secret_latest(core->store, scope, name, &newest);
	bool none = err == COFFER_NOT_FOUND || (newest.flags & STORE_DELETED);

	if (err != COFFER_OK && err != COFFER_NOT_FOUND)
		return err;
	return store_expiry_put(core->store, scope, name, none ? 0 : newest.expires_ms);
}

/* Stores what the row is to hold. */
static coffer_err store_version(struct core *core, struct store_secret *row,
				const struct secrets_content *content)
{
	coffer_err err;

	if ((err = seal_content(core, row, content)) != COFFER_OK ||
	    (err = store_secret_put(core->store, row)) != COFFER_OK ||
	    (err = store_secret_prune(core->store, row->scope, row->name, core->versions_kept)) !=
		COFFER_OK ||
	    (err = set_expiry(core, row->scope, row->name)) != COFFER_OK)
		return err;
	return core_touch(core, row->scope, row->name);
}

static coffer_err add_version(struct core *core, const struct secrets_target *target,
			      uint32_t version, uint32_t flags,
			      const struct secrets_content *content)
{
	struct store_secret row = { .scope = target->scope,
				    .name = target->name,
				    .version = version,
				    .flags = flags,
				    .created_ms = target->now_ms,
				    .expires_ms = content->expires_ms };
	coffer_err err = store_version(core, &row, content);

	if (err != COFFER_OK || !mirror_covers(core, row.scope))
		return err;
	return mirror_note(core, row.scope, row.name, version, false);
}

coffer_err secrets_take_over(struct core *core, const struct store_secret *version,
			     const struct secrets_content *content)
{
	struct store_secret row = *version;
	coffer_err err;

	err = store_secret_erase(core->store, row.scope, row.name, row.version, row.version);
	return err == COFFER_OK ? store_version(core, &row, content) : err;
}

coffer_err secrets_look_again(struct core *core, struct slice scope, struct slice name)
{
	coffer_err err = set_expiry(core, scope, name);

	return err == COFFER_OK ? core_touch(core, scope, name) : err;
}

/* What is sealed in a row: secrets_value_len and secrets_open, or the same of its note. */
struct part {
	coffer_err (*len)(const struct store_secret *row, size_t *len);
	coffer_err (*open)(struct core *core, const struct store_secret *row, uint8_t *out);
};

static const struct part of_payload = { secrets_value_len, secrets_open };
static const struct part of_note = { secrets_note_len, secrets_open_note };

/* A part of the row in memory of its own. The caller frees *out. */
static coffer_err take(struct core *core, const struct store_secret *row, const struct part *part,
		       struct secret *out)
{
	size_t len;
	coffer_err err;

	if ((err = part->len(row, &len)) != COFFER_OK ||
	    (err = secret_reserve(out, core->arena, len + 1)) != COFFER_OK)
		return err;
	out->len = len;
	return part->open(core, row, out->data);
}

coffer_err secrets_put(struct core *core, const struct secrets_target *target,
		       const struct secrets_content *content, uint32_t *version)
{
	struct secrets_content held = *content;
	struct secret kept = SECRET_EMPTY;
	struct store_secret live;
	uint32_t next;
	coffer_err err;

	*version = 0;
	if (content->value.len > core->value_max)
		return COFFER_RESOURCE_EXHAUSTED;
	if ((err = expect(core, target, &next, &live)) != COFFER_OK)
		return err;
	if (!content->set_note) {
		if (live.note.len > 0 && (err = take(core, &live, &of_note, &kept)) != COFFER_OK)
			goto out;
		held.note = (struct slice){ kept.data, kept.len };
	}
	err = add_version(core, target, next, content->is_source ? STORE_SOURCE : 0, &held);
	*version = err == COFFER_OK ? next : 0;
out:
	secret_free(&kept);
	return err;
}

/* version is the next one, which stands in a bucket for the end of all before it. */
static coffer_err purge_all(struct core *core, const struct secrets_target *target,
			    uint32_t version)
{
	coffer_err err;

	if ((err = store_secret_purge(core->store, target->scope, target->name)) != COFFER_OK ||
	    (err = store_expiry_put(core->store, target->scope, target->name, 0)) != COFFER_OK ||
	    (err = core_touch(core, target->scope, target->name)) != COFFER_OK ||
	    !mirror_covers(core, target->scope))
		return err;
	return mirror_note(core, target->scope, target->name, version, true);
}

coffer_err secrets_remove(struct core *core, const struct secrets_target *target, bool purge,
			  uint32_t *version)
{
	static const struct secrets_content nothing = { .expires_ms = 0 };
	struct store_secret live;
	uint32_t next;
	coffer_err err;

	*version = 0;
	if ((err = expect(core, target, &next, &live)) != COFFER_OK)
		return err;
	if (purge)
		return purge_all(core, target, next);
	if (live.version == 0)
		return COFFER_NOT_FOUND;
	if ((err = add_version(core, target, next, STORE_DELETED, &nothing)) != COFFER_OK)
		return err;
	*version = next;
	return COFFER_OK;
}

coffer_err secrets_rollback(struct core *core, const struct secrets_target *target, uint32_t from,
			    uint32_t *version)
{
	struct secret plain = SECRET_EMPTY, about = SECRET_EMPTY;
	struct secrets_content content;
	struct store_secret row;
	coffer_err err;

	*version = 0;
	if (from == 0 || from == UINT32_MAX)
		return COFFER_NOT_FOUND;
	if ((err = store_secret_before(core->store, target->scope, target->name, from + 1, &row)) !=
	    COFFER_OK)
		return err;
	if (row.version != from)
		return COFFER_NOT_FOUND;
	if (secrets_gone(&row, target->now_ms))
		return COFFER_FAILED_PRECONDITION;
	if ((err = take(core, &row, &of_payload, &plain)) != COFFER_OK ||
	    (row.note.len > 0 && (err = take(core, &row, &of_note, &about)) != COFFER_OK))
		goto out;
	content = (struct secrets_content){ .value = { plain.data, plain.len },
					    .is_source = (row.flags & STORE_SOURCE) != 0,
					    .set_note = true,
					    .note = { about.data, about.len },
					    .expires_ms = row.expires_ms };
	err = secrets_put(core, target, &content, version);
out:
	secret_free(&plain);
	secret_free(&about);
	return err;
}

coffer_err secrets_next_expiry(struct core *core, int64_t *at_ms)
{
	struct store_expiry due;
	coffer_err err = store_expiry_next(core->store, &due);

	*at_ms = due.at_ms;
	return err;
}

/* The names of what is due are the store's, until it is asked for something else. */
static coffer_err copy_due(const struct store_expiry *due, struct secrets_ended *out)
{
	if (due->scope.len > sizeof(out->scope) || due->name.len > sizeof(out->name))
		return COFFER_DATA_LOSS;
	memcpy(out->scope, due->scope.data, due->scope.len);
	memcpy(out->name, due->name.data, due->name.len);
	out->scope_len = due->scope.len;
	out->name_len = due->name.len;
	return COFFER_OK;
}

coffer_err secrets_expire(struct core *core, int64_t now_ms, struct secrets_ended *out)
{
	struct secrets_target target = { .now_ms = now_ms };
	struct secrets_content nothing = { .expires_ms = 0 };
	struct store_expiry due;
	struct store_secret row;
	coffer_err err;

	out->version = 0;
	if ((err = store_expiry_next(core->store, &due)) != COFFER_OK)
		return err;
	if (due.at_ms > now_ms)
		return COFFER_NOT_FOUND;
	if ((err = copy_due(&due, out)) != COFFER_OK)
		return err;
	target.scope = (struct slice){ (const uint8_t *)out->scope, out->scope_len };
	target.name = (struct slice){ (const uint8_t *)out->name, out->name_len };
	err = store_secret_latest(core->store, target.scope, target.name, &row);
	if (err != COFFER_OK && err != COFFER_NOT_FOUND)
		return err;
	/* Each host would write a tombstone of its own into the bucket, and none is needed for what reads take for
	 * gone. */
	if (err == COFFER_OK && secrets_expired(&row, now_ms) &&
	    mirror_covers(core, target.scope)) {
		err = store_expiry_put(core->store, target.scope, target.name, 0);
		return err == COFFER_OK ? core_touch(core, target.scope, target.name) : err;
	}
	/* Whoever writes to the database could let it expire at another time than the record says. */
	if (err == COFFER_NOT_FOUND || (row.flags & STORE_DELETED) ||
	    !secrets_expired(&row, now_ms) || row.version >= UINT32_MAX - 1)
		return store_expiry_put(core->store, target.scope, target.name,
					secrets_gone(&row, now_ms) ? 0 : row.expires_ms);
	nothing.expires_ms = row.expires_ms;
	out->version = row.version + 1;
	return add_version(core, &target, out->version, STORE_DELETED, &nothing);
}
