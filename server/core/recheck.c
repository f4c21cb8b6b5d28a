#include "core/recheck.h"

#include <assert.h>
#include <string.h>

#include "base/log.h"
#include "base/secret.h"
#include "core/runs.h"
#include "core/secrets.h"

/* --- opening -------------------------------------------------------------------------------------------- */

static coffer_err open_value(struct core *core, const struct store_secret *row)
{
	struct secret plain = SECRET_EMPTY;
	size_t len;
	coffer_err err;

	if ((err = secrets_value_len(row, &len)) != COFFER_OK ||
	    (err = secret_reserve(&plain, core->arena, len + 1)) != COFFER_OK)
		return err;
	plain.len = len;
	err = secrets_open(core, row, plain.data);
	secret_free(&plain);
	if (err != COFFER_OK || row->note.len == 0)
		return err;
	if ((err = secrets_note_len(row, &len)) != COFFER_OK ||
	    (err = secret_reserve(&plain, core->arena, len + 1)) != COFFER_OK)
		return err;
	plain.len = len;
	err = secrets_open_note(core, row, plain.data);
	secret_free(&plain);
	return err;
}

static coffer_err open_payload(struct core *core, const struct store_run *row)
{
	struct secret plain = SECRET_EMPTY;
	size_t len;
	coffer_err err;

	if (row->payload.len == 0)
		return COFFER_OK;
	if ((err = runs_payload_len(row, &len)) != COFFER_OK ||
	    (err = secret_reserve(&plain, core->arena, len + 1)) != COFFER_OK)
		return err;
	plain.len = len;
	err = runs_open_payload(core, row, plain.data);
	secret_free(&plain);
	return err;
}

/* --- the walk ------------------------------------------------------------------------------------------- */

static struct slice scope_of(const struct recheck *walk)
{
	return (struct slice){ walk->scope, walk->scope_len };
}

static struct slice name_of(const struct recheck *walk)
{
	return (struct slice){ walk->name, walk->name_len };
}

static coffer_err next_scope(struct core *core, struct recheck *walk)
{
	struct slice scope;
	coffer_err err = store_scope_next(core->store, scope_of(walk), &scope);

	walk->name_len = 0;
	if (err != COFFER_OK)
		return err;
	return core_keep(walk->scope, sizeof(walk->scope), &walk->scope_len, scope);
}

/* The newest version of the scope's next name. */
static coffer_err next_name(struct core *core, struct recheck *walk, struct store_secret *row)
{
	coffer_err err = store_secret_next(core->store, scope_of(walk), name_of(walk), row);

	if (err != COFFER_OK || (err = core_keep(walk->name, sizeof(walk->name), &walk->name_len,
						 row->name)) != COFFER_OK)
		return err;
	row->name = name_of(walk);
	walk->newest = true;
	walk->count.secrets += (row->flags & STORE_DELETED) == 0;
	return COFFER_OK;
}

static coffer_err older_version(struct core *core, struct recheck *walk, struct store_secret *row)
{
	walk->newest = false;
	return store_secret_before(core->store, scope_of(walk), name_of(walk), walk->version, row);
}

static coffer_err next_version(struct core *core, struct recheck *walk, struct store_secret *row)
{
	coffer_err err = COFFER_NOT_FOUND;

	if (walk->version > 0)
		err = older_version(core, walk, row);
	if (err == COFFER_NOT_FOUND && walk->scope_len > 0)
		err = next_name(core, walk, row);
	while (err == COFFER_NOT_FOUND) {
		if ((err = next_scope(core, walk)) != COFFER_OK)
			return err;
		err = next_name(core, walk, row);
	}
	return err;
}

static coffer_err check_version(struct core *core, struct recheck *walk)
{
	struct store_secret row;
	coffer_err err;

	if ((err = next_version(core, walk, &row)) != COFFER_OK)
		return err;
	walk->version = row.version;
	walk->count.versions++;
	walk->bytes += row.sealed.len + row.note.len;
	return open_value(core, &row);
}

static coffer_err check_run(struct core *core, struct recheck *walk)
{
	struct store_run row;
	coffer_err err;

	if ((err = store_run_before(core->store, (struct slice){ walk->run, walk->run_len },
				    &row)) != COFFER_OK ||
	    (err = core_keep(walk->run, sizeof(walk->run), &walk->run_len, row.id)) != COFFER_OK)
		return err;
	row.id = (struct slice){ walk->run, walk->run_len };
	walk->count.runs++;
	walk->bytes += row.payload.len;
	return open_payload(core, &row);
}

coffer_err recheck_next(struct core *core, struct recheck *walk, bool *opens)
{
	coffer_err err = COFFER_NOT_FOUND;

	*opens = false;
	if (!walk->at_runs)
		err = check_version(core, walk);
	if (err == COFFER_NOT_FOUND) {
		walk->at_runs = true;
		err = check_run(core, walk);
	}
	*opens = err == COFFER_OK;
	if (err != COFFER_DATA_LOSS)
		return err;
	walk->count.damaged++;
	return COFFER_OK;
}

void recheck_tell(const struct recheck *walk)
{
	if (walk->at_runs)
		log_error("what run %.*s is about does not open", (int)walk->run_len, walk->run);
	else
		log_error("version %u of '%.*s' in %.*s%s does not open", walk->version,
			  SLICE_ARG(name_of(walk)), SLICE_ARG(scope_of(walk)),
			  walk->newest ? ", the newest," : "");
}

coffer_err recheck_all(struct core *core, struct recheck_count *count)
{
	struct recheck walk = { .bytes = 0 };
	bool opens;
	coffer_err err;

	while ((err = recheck_next(core, &walk, &opens)) == COFFER_OK)
		if (!opens)
			recheck_tell(&walk);
	*count = walk.count;
	return err == COFFER_NOT_FOUND ? COFFER_OK : err;
}

bool recheck_secret(const struct recheck *walk, struct slice *scope, struct slice *name)
{
	*scope = walk->at_runs ? SLICE_EMPTY : scope_of(walk);
	*name = walk->at_runs ? SLICE_EMPTY : name_of(walk);
	return !walk->at_runs;
}

coffer_err recheck_erase(struct core *core, const struct recheck *walk)
{
	assert(!walk->at_runs && !walk->newest);
	return store_secret_erase(core->store, scope_of(walk), name_of(walk), walk->version,
				  walk->version);
}
