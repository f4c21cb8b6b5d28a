#include "core/recheck.h"

#include "base/log.h"
#include "base/secret.h"
#include "core/runs.h"
#include "core/secrets.h"

/* Where the walk stands. */
struct place {
	char scope[COFFER_SCOPE_MAX], name[COFFER_NAME_MAX];
	struct slice scope_slice, name_slice;
};

static coffer_err keep(char *room, size_t max, struct slice text, struct slice *out)
{
	if (text.len > max)
		return COFFER_DATA_LOSS;
	if (text.len > 0)
		memmove(room, text.data, text.len);
	*out = (struct slice){ (const uint8_t *)room, text.len };
	return COFFER_OK;
}

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

static coffer_err check_versions(struct core *core, const struct place *place,
				 struct recheck_count *count)
{
	struct store_secret row = { .version = UINT32_MAX };
	coffer_err err;

	while ((err = store_secret_before(core->store, place->scope_slice, place->name_slice,
					  row.version, &row)) == COFFER_OK) {
		if ((err = open_value(core, &row)) != COFFER_OK) {
			log_error("version %u of '%.*s' in %.*s does not open", row.version,
				  SLICE_ARG(place->name_slice), SLICE_ARG(place->scope_slice));
			return err;
		}
		count->versions++;
	}
	count->secrets++;
	return err == COFFER_NOT_FOUND ? COFFER_OK : err;
}

static coffer_err check_scope(struct core *core, struct place *place, struct recheck_count *count)
{
	struct store_secret row;
	coffer_err err;

	place->name_slice = SLICE_EMPTY;
	while ((err = store_secret_next(core->store, place->scope_slice, place->name_slice,
					&row)) == COFFER_OK)
		if ((err = keep(place->name, sizeof(place->name), row.name, &place->name_slice)) !=
			COFFER_OK ||
		    (err = check_versions(core, place, count)) != COFFER_OK)
			return err;
	return err == COFFER_NOT_FOUND ? COFFER_OK : err;
}

static coffer_err check_secrets(struct core *core, struct recheck_count *count)
{
	struct place place = { .scope_slice = SLICE_EMPTY };
	struct slice scope;
	coffer_err err;

	while ((err = store_scope_next(core->store, place.scope_slice, &scope)) == COFFER_OK)
		if ((err = keep(place.scope, sizeof(place.scope), scope, &place.scope_slice)) !=
			COFFER_OK ||
		    (err = check_scope(core, &place, count)) != COFFER_OK)
			return err;
	return err == COFFER_NOT_FOUND ? COFFER_OK : err;
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

static coffer_err check_runs(struct core *core, struct recheck_count *count)
{
	char id[COFFER_ID_LEN];
	struct slice before = SLICE_EMPTY;
	struct store_run row;
	coffer_err err;

	while ((err = store_run_before(core->store, before, &row)) == COFFER_OK) {
		if ((err = keep(id, sizeof(id), row.id, &before)) != COFFER_OK)
			return err;
		row.id = before;
		if ((err = open_payload(core, &row)) != COFFER_OK) {
			log_error("what run %.*s is about does not open", SLICE_ARG(before));
			return err;
		}
		count->runs++;
	}
	return err == COFFER_NOT_FOUND ? COFFER_OK : err;
}

coffer_err recheck_all(struct core *core, struct recheck_count *count)
{
	coffer_err err;

	*count = (struct recheck_count){ .secrets = 0 };
	if ((err = check_secrets(core, count)) != COFFER_OK)
		return err;
	return check_runs(core, count);
}
