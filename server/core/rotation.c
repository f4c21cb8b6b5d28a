#include "core/rotation.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/secret.h"
#include "core/keys.h"
#include "core/runs.h"
#include "core/secrets.h"

/* Records of one transaction, about: the versions of one secret are not taken apart. */
#define STEP_RECORDS 64
#define LARGE_BYTES  16384 /* of a record that counts as two, and so on */

/* The stages, which are stored. */
enum { STAGE_SECRETS = 1, STAGE_RUNS = 2, STAGE_DONE = 3 };

/* How far it is: store_rotation with memory of its own. */
struct place {
	uint32_t stage;
	size_t scope_len, name_len, run_len;
	uint8_t scope[COFFER_SCOPE_MAX], name[COFFER_NAME_MAX], run[COFFER_ID_LEN];
};

/* --- the keys that last --------------------------------------------------------------------------------- */

static struct seal_context lasting_context(void)
{
	/* No secret is in the empty scope. */
	return (struct seal_context){ .name = SLICE_LITERAL("lasting"), .version = 1 };
}

static coffer_err open_lasting(struct keyring *keyring, struct slice sealed, struct arena *arena)
{
	struct seal_context context = lasting_context();
	struct secret keys = SECRET_EMPTY;
	size_t len;
	coffer_err err;

	if (seal_plain_len(sealed, &len) != COFFER_OK || len != KEYRING_LASTING_LEN)
		return COFFER_DATA_LOSS;
	if ((err = secret_reserve(&keys, arena, len)) != COFFER_OK)
		return err;
	keys.len = len;
	if ((err = seal_open(keyring, &context, sealed, keys.data)) == COFFER_OK)
		keyring_set_lasting(keyring, keys.data);
	secret_free(&keys);
	return err;
}

coffer_err rotation_load(struct keyring *keyring, struct store *store, struct arena *arena)
{
	struct slice sealed;
	coffer_err err;

	err = store_lasting_get(store, &sealed);
	if (err == COFFER_NOT_FOUND && keyring_epoch(keyring) == 1)
		return COFFER_OK;
	if (err == COFFER_NOT_FOUND)
		err = COFFER_DATA_LOSS;
	if (err == COFFER_OK)
		err = open_lasting(keyring, sealed, arena);
	if (err == COFFER_DATA_LOSS)
		log_error("the keys of tokens and of the audit log are damaged");
	return err;
}

static coffer_err store_lasting(struct core *core)
{
	const struct slice keys = { keyring_lasting(core->keyring), KEYRING_LASTING_LEN };
	struct seal_context context = lasting_context();
	coffer_err err;

	core->sealed.len = 0;
	err = seal_record(core->keyring, core->algorithm, &context, keys, &core->sealed);
	if (err != COFFER_OK)
		return err;
	return store_lasting_put(core->store,
				 (struct slice){ core->sealed.data, core->sealed.len });
}

/* --- sealing anew --------------------------------------------------------------------------------------- */

/* Appends to out what the record is under the current epoch. */
static coffer_err seal_anew(struct core *core, const struct seal_context *context,
			    struct slice sealed, struct buf *out)
{
	struct secret plain = SECRET_EMPTY;
	size_t len;
	coffer_err err;

	if ((err = seal_plain_len(sealed, &len)) != COFFER_OK ||
	    (err = secret_reserve(&plain, core->arena, len + 1)) != COFFER_OK)
		return err;
	plain.len = len;
	if ((err = seal_open(core->keyring, context, sealed, plain.data)) == COFFER_OK)
		err = seal_record(core->keyring, core->algorithm, context,
				  (struct slice){ plain.data, len }, out);
	secret_free(&plain);
	return err;
}

static bool is_current(const struct core *core, struct slice sealed)
{
	return seal_epoch(sealed) == keyring_epoch(core->keyring);
}

/* The row's value and note, one behind the other in out. */
static coffer_err seal_row(struct core *core, struct store_secret *row, struct buf *out)
{
	struct seal_context context = secrets_context(row, 0);
	struct seal_context note = secrets_context(row, STORE_NOTE);
	size_t len;
	coffer_err err;

	if ((err = seal_anew(core, &context, row->sealed, out)) != COFFER_OK)
		return err;
	len = out->len;
	if (row->note.len > 0 && (err = seal_anew(core, &note, row->note, out)) != COFFER_OK) {
		if (err != COFFER_DATA_LOSS)
			return err;
		/* A note that is damaged does not take its value along. */
		memcpy(out->data + out->len, row->note.data, row->note.len);
		out->len += row->note.len;
	}
	row->sealed = (struct slice){ out->data, len };
	row->note = (struct slice){ out->data + len, out->len - len };
	return COFFER_OK;
}

static coffer_err reseal_secret(struct core *core, struct store_secret *row)
{
	size_t cap = row->sealed.len + row->note.len + 2 * SEAL_OVERHEAD_MAX;
	struct buf out = { malloc(cap), 0, cap };
	coffer_err err;

	if (out.data == NULL)
		return COFFER_RESOURCE_EXHAUSTED;
	if ((err = seal_row(core, row, &out)) == COFFER_OK)
		err = store_secret_reseal(core->store, row);
	else if (err == COFFER_DATA_LOSS)
		log_warn("version %u of %.*s in %.*s does not open, and is left as it is",
			 row->version, SLICE_ARG(row->name), SLICE_ARG(row->scope));
	free(out.data);
	return err == COFFER_DATA_LOSS ? COFFER_OK : err;
}

/* Every version of the secret that the place names. */
static coffer_err reseal_versions(struct core *core, const struct place *place, size_t *count)
{
	const struct slice scope = { place->scope, place->scope_len };
	const struct slice name = { place->name, place->name_len };
	struct store_secret row = { .version = UINT32_MAX };
	coffer_err err;

	while ((err = store_secret_before(core->store, scope, name, row.version, &row)) ==
	       COFFER_OK) {
		uint32_t version = row.version;
		*count += 1 + row.sealed.len / LARGE_BYTES;
		if (!is_current(core, row.sealed) && (err = reseal_secret(core, &row)) != COFFER_OK)
			return err;
		row.version = version;
	}
	return err == COFFER_NOT_FOUND ? COFFER_OK : err;
}

static coffer_err reseal_run(struct core *core, const struct place *place, struct slice payload)
{
	const struct slice id = { place->run, place->run_len };
	char scope[SCOPES_RUN_LEN];
	struct seal_context context = runs_payload_context(scope, id);
	size_t cap = payload.len + SEAL_OVERHEAD_MAX;
	struct buf out = { malloc(cap), 0, cap };
	coffer_err err;

	if (out.data == NULL)
		return COFFER_RESOURCE_EXHAUSTED;
	if ((err = seal_anew(core, &context, payload, &out)) == COFFER_OK)
		err = store_run_reseal(core->store, id, (struct slice){ out.data, out.len });
	else if (err == COFFER_DATA_LOSS)
		log_warn("what run %.*s is about does not open, and is left as it is",
			 SLICE_ARG(id));
	free(out.data);
	return err == COFFER_DATA_LOSS ? COFFER_OK : err;
}

/* --- the walk ------------------------------------------------------------------------------------------- */

static coffer_err place_get(struct core *core, struct place *place)
{
	struct store_rotation row;
	coffer_err err;

	if ((err = store_rotation_get(core->store, &row)) != COFFER_OK)
		return err;
	place->stage = row.stage;
	if ((err = core_keep(place->scope, sizeof(place->scope), &place->scope_len, row.scope)) !=
		COFFER_OK ||
	    (err = core_keep(place->name, sizeof(place->name), &place->name_len, row.name)) !=
		COFFER_OK)
		return err;
	return core_keep(place->run, sizeof(place->run), &place->run_len, row.run);
}

static coffer_err place_put(struct core *core, const struct place *place)
{
	const struct store_rotation row = { .stage = place->stage,
					    .scope = { place->scope, place->scope_len },
					    .name = { place->name, place->name_len },
					    .run = { place->run, place->run_len } };

	return store_rotation_put(core->store, &row);
}

/* To the next secret, or behind the last one to the runs. */
static coffer_err next_secret(struct core *core, struct place *place)
{
	struct slice scope = { place->scope, place->scope_len };
	const struct slice name = { place->name, place->name_len };
	struct store_secret row;
	coffer_err err;

	err = store_secret_next(core->store, scope, name, &row);
	if (err == COFFER_OK)
		return core_keep(place->name, sizeof(place->name), &place->name_len, row.name);
	if (err != COFFER_NOT_FOUND)
		return err;
	place->name_len = 0;
	err = store_scope_next(core->store, scope, &scope);
	if (err == COFFER_OK)
		return core_keep(place->scope, sizeof(place->scope), &place->scope_len, scope);
	place->stage = STAGE_RUNS;
	return err == COFFER_NOT_FOUND ? COFFER_OK : err;
}

/* The next older run; those that begin meanwhile are newer than the first, and of the new epoch. */
static coffer_err next_run(struct core *core, struct place *place)
{
	struct store_run row;
	coffer_err err;

	err = store_run_before(core->store, (struct slice){ place->run, place->run_len }, &row);
	if (err == COFFER_NOT_FOUND) {
		place->stage = STAGE_DONE;
		return COFFER_OK;
	}
	if (err != COFFER_OK ||
	    (err = core_keep(place->run, sizeof(place->run), &place->run_len, row.id)) != COFFER_OK)
		return err;
	return is_current(core, row.payload) ? COFFER_OK : reseal_run(core, place, row.payload);
}

coffer_err rotation_step(struct core *core, bool *done)
{
	struct place place;
	coffer_err err = place_get(core, &place);

	*done = false;
	for (size_t count = 0; err == COFFER_OK && count < STEP_RECORDS; count++) {
		if (place.stage == STAGE_DONE)
			break;
		if (place.stage == STAGE_RUNS)
			err = next_run(core, &place);
		else if ((err = next_secret(core, &place)) == COFFER_OK && place.name_len > 0)
			err = reseal_versions(core, &place, &count);
	}
	if (err != COFFER_OK || (err = place_put(core, &place)) != COFFER_OK)
		return err;
	*done = place.stage == STAGE_DONE;
	return COFFER_OK;
}

/* --- its beginning and its end -------------------------------------------------------------------------- */

uint32_t rotation_epoch(const struct core *core)
{
	return keyring_epoch(core->keyring);
}

coffer_err rotation_find(struct core *core)
{
	struct store_rotation row;

	return store_rotation_get(core->store, &row);
}

coffer_err rotation_begin(struct core *core, struct slice passphrase)
{
	const struct store_rotation first = { .stage = STAGE_SECRETS };
	coffer_err err;

	if ((err = keys_new_epoch(core, passphrase)) != COFFER_OK ||
	    (err = store_lasting(core)) != COFFER_OK)
		return err;
	return store_rotation_put(core->store, &first);
}

coffer_err rotation_end(struct core *core)
{
	coffer_err err;

	if ((err = keys_end_epoch(core, keyring_epoch(core->keyring) - 1)) != COFFER_OK)
		return err;
	return store_rotation_delete(core->store);
}
