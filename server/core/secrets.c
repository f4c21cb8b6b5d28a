#include "core/secrets.h"

#include "base/secret.h"
#include "core/policy.h"
#include "vault/seal.h"

static struct seal_context context_of(const struct store_secret *row)
{
	return (struct seal_context){
		.scope = row->scope, .name = row->name, .version = row->version, .flags = row->flags
	};
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
			struct store_secret *row)
{
	for (size_t i = 0; i < grant->scopes_len; i++) {
		coffer_err err = latest(core, grant->scopes[i], name, row);
		if (err == COFFER_OK && (row->flags & STORE_DELETED))
			continue;
		if (err != COFFER_NOT_FOUND)
			return err;
	}
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
				struct secrets_cursor *cursor)
{
	struct store_secret row;
	coffer_err err;

	do {
		err = store_secret_next(core->store, scope, cursor_name(cursor), &row);
		if (err != COFFER_OK || (err = cursor_set(cursor, row.name)) != COFFER_OK)
			return err;
	} while ((row.flags & STORE_DELETED) || !policy_allows_name(grant, row.name));
	return COFFER_OK;
}

static int compare(const struct secrets_cursor *a, const struct secrets_cursor *b)
{
	int order = memcmp(a->name, b->name, a->len < b->len ? a->len : b->len);

	return order != 0 ? order : (a->len > b->len) - (a->len < b->len);
}

coffer_err secrets_next(struct core *core, const struct grant *grant, struct secrets_cursor *cursor,
			struct store_secret *row)
{
	struct secrets_cursor best = { .len = 0 };
	size_t from = grant->scopes_len;

	for (size_t i = 0; i < grant->scopes_len; i++) {
		struct secrets_cursor at = *cursor;
		coffer_err err = next_in_scope(core, grant, grant->scopes[i], &at);
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
		      struct store_secret *row)
{
	coffer_err err;

	if (version == 0)
		err = store_secret_latest(core->store, scope, name, row);
	else if (version == UINT32_MAX)
		err = COFFER_NOT_FOUND;
	else
		err = store_secret_before(core->store, scope, name, version + 1, row);
	if (err == COFFER_OK &&
	    ((version != 0 && row->version != version) || (row->flags & STORE_DELETED)))
		return COFFER_NOT_FOUND;
	return err;
}

coffer_err secrets_value_len(const struct store_secret *row, size_t *len)
{
	return seal_plain_len(row->sealed, len);
}

coffer_err secrets_open(struct core *core, const struct store_secret *row, uint8_t *out)
{
	struct seal_context context = context_of(row);

	return seal_open(core->keyring, &context, row->sealed, out);
}

/* The newest version's number and flags; 0 if there is none. */
static coffer_err newest(struct core *core, const struct secrets_target *target, uint32_t *version,
			 uint32_t *flags)
{
	struct store_secret row;
	coffer_err err = store_secret_latest(core->store, target->scope, target->name, &row);

	*version = err == COFFER_OK ? row.version : 0;
	*flags = err == COFFER_OK ? row.flags : 0;
	return err == COFFER_NOT_FOUND ? COFFER_OK : err;
}

/* What the next version's number is, if the target's expectation holds. live: the newest one that is
 * not a tombstone, 0 if there is none. */
static coffer_err expect(struct core *core, const struct secrets_target *target, uint32_t *next,
			 uint32_t *live)
{
	uint32_t version, flags;
	coffer_err err;

	if ((err = newest(core, target, &version, &flags)) != COFFER_OK)
		return err;
	*live = flags & STORE_DELETED ? 0 : version;
	if (target->check_version && target->if_version != *live)
		return COFFER_ABORTED;
	if (version >= UINT32_MAX - 1) /* the greatest that a store takes */
		return COFFER_RESOURCE_EXHAUSTED;
	*next = version + 1;
	return COFFER_OK;
}

static coffer_err add_version(struct core *core, const struct secrets_target *target,
			      uint32_t version, uint32_t flags, struct slice value)
{
	struct store_secret row = { .scope = target->scope,
				    .name = target->name,
				    .version = version,
				    .flags = flags,
				    .created_ms = target->now_ms };
	struct seal_context context = context_of(&row);
	coffer_err err;

	core->sealed.len = 0;
	if ((err = seal_record(core->keyring, core->algorithm, &context, value, &core->sealed)) !=
	    COFFER_OK)
		return err;
	row.sealed = (struct slice){ core->sealed.data, core->sealed.len };
	if ((err = store_secret_put(core->store, &row)) != COFFER_OK ||
	    (err = store_secret_prune(core->store, row.scope, row.name, core->versions_kept)) !=
		COFFER_OK)
		return err;
	return core_touch(core);
}

coffer_err secrets_put(struct core *core, const struct secrets_target *target, struct slice value,
		       uint32_t *version)
{
	uint32_t next, live;
	coffer_err err;

	*version = 0;
	if (value.len > core->value_max)
		return COFFER_RESOURCE_EXHAUSTED;
	if ((err = expect(core, target, &next, &live)) != COFFER_OK ||
	    (err = add_version(core, target, next, 0, value)) != COFFER_OK)
		return err;
	*version = next;
	return COFFER_OK;
}

static coffer_err purge_all(struct core *core, const struct secrets_target *target)
{
	coffer_err err;

	if ((err = store_secret_purge(core->store, target->scope, target->name)) != COFFER_OK)
		return err;
	return core_touch(core);
}

coffer_err secrets_remove(struct core *core, const struct secrets_target *target, bool purge,
			  uint32_t *version)
{
	uint32_t next, live;
	coffer_err err;

	*version = 0;
	if ((err = expect(core, target, &next, &live)) != COFFER_OK)
		return err;
	if (purge)
		return purge_all(core, target);
	if (live == 0)
		return COFFER_NOT_FOUND;
	if ((err = add_version(core, target, next, STORE_DELETED, SLICE_EMPTY)) != COFFER_OK)
		return err;
	*version = next;
	return COFFER_OK;
}

coffer_err secrets_rollback(struct core *core, const struct secrets_target *target, uint32_t from,
			    uint32_t *version)
{
	struct secret plain = SECRET_EMPTY;
	struct store_secret row;
	size_t len;
	coffer_err err;

	*version = 0;
	if (from == 0 || from == UINT32_MAX)
		return COFFER_NOT_FOUND;
	if ((err = store_secret_before(core->store, target->scope, target->name, from + 1, &row)) !=
	    COFFER_OK)
		return err;
	if (row.version != from)
		return COFFER_NOT_FOUND;
	if (row.flags & STORE_DELETED)
		return COFFER_FAILED_PRECONDITION;
	if ((err = secrets_value_len(&row, &len)) != COFFER_OK ||
	    (err = secret_reserve(&plain, core->arena, len + 1)) != COFFER_OK ||
	    (err = secrets_open(core, &row, plain.data)) != COFFER_OK)
		goto out;
	plain.len = len;
	err = secrets_put(core, target, (struct slice){ plain.data, plain.len }, version);
out:
	secret_free(&plain);
	return err;
}
