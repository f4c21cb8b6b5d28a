#include "core/mirror/push.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/mirror/root.h"
#include "core/mirror/tasks.h"

static const uint8_t no_batch[STORE_BATCH_LEN];

/* --- the cursor ----------------------------------------------------------------------------------------- */

static struct slice scope_of(const struct mirror_push *push)
{
	return (struct slice){ (const uint8_t *)push->scope, push->scope_len };
}

static struct slice name_of(const struct mirror_push *push)
{
	return (struct slice){ (const uint8_t *)push->name, push->name_len };
}

static coffer_err next_scope(struct core *core, struct mirror_push *push)
{
	struct slice scope;
	coffer_err err;

	push->name_len = 0;
	do {
		if ((err = store_scope_next(core->store, scope_of(push), &scope)) != COFFER_OK ||
		    (err = core_keep(push->scope, sizeof(push->scope), &push->scope_len, scope)) !=
			COFFER_OK)
			return err;
	} while (!mirror_covers(core, scope_of(push)));
	return COFFER_OK;
}

/* The next version, of this secret or of the one behind it. COFFER_NOT_FOUND at the end. */
static coffer_err next_row(struct core *core, struct mirror_push *push, struct store_secret *row)
{
	coffer_err err = COFFER_NOT_FOUND;

	if (push->name_len > 0)
		err = store_secret_before(core->store, scope_of(push), name_of(push), push->version,
					  row);
	while (err == COFFER_NOT_FOUND) {
		if (push->scope_len > 0)
			err = store_secret_next(core->store, scope_of(push), name_of(push), row);
		if (err == COFFER_OK)
			err = core_keep(push->name, sizeof(push->name), &push->name_len, row->name);
		else if (err == COFFER_NOT_FOUND) {
			if ((err = next_scope(core, push)) != COFFER_OK)
				return err;
			err = COFFER_NOT_FOUND;
		}
	}
	if (err == COFFER_OK)
		push->version = row->version;
	return err;
}

/* --- tasks ---------------------------------------------------------------------------------------------- */

static coffer_err fail(struct mirror *mirror, struct slice why)
{
	struct mirror_push *push = &mirror->push;

	mirror_tasks_drop(mirror, MIRROR_OF_PUSH, NULL);
	push->stage = PUSH_FAILED;
	push->open = 0;
	mirror_copy_text(push->problem, why);
	return COFFER_OK;
}

static coffer_err add_task(struct mirror *mirror, mirror_kind kind, const char *key,
			   struct buf *body)
{
	struct mirror_task *task = mirror_tasks_add(mirror, kind, MIRROR_OF_PUSH, key);

	if (task == NULL) {
		if (body != NULL)
			free(body->data);
		return COFFER_RESOURCE_EXHAUSTED;
	}
	if (body != NULL) {
		task->own = body->data;
		task->body = (struct slice){ body->data, body->len };
	}
	mirror->push.open++;
	return COFFER_OK;
}

/* Puts the version of that row into the bucket, unless it is there. */
static coffer_err push_row(struct core *core, const struct store_secret *row)
{
	uint8_t object[OBJECT_NAME_LEN];
	const uint32_t version = row->version;
	char key[MIRROR_KEY_MAX + 1];
	struct store_object known;
	struct store_secret again;
	struct buf body;
	coffer_err err;

	object_name(core->keyring, scope_of(&core->mirror->push), name_of(&core->mirror->push),
		    object);
	err = store_object_before(core->store, object, version + 1, &known);
	if (err != COFFER_NOT_FOUND && (err != COFFER_OK || known.version == version))
		return err;
	/* The row was the store's, until it was asked for something else. */
	if ((err = store_secret_before(core->store, scope_of(&core->mirror->push),
				       name_of(&core->mirror->push), version + 1, &again)) !=
		COFFER_OK ||
	    (err = mirror_object_of_row(core, &again, no_batch, &body)) != COFFER_OK)
		return err;
	mirror_key_record(key, object, version);
	return add_task(core->mirror, MIRROR_KIND_PUT, key, &body);
}

static coffer_err push_root(struct core *core)
{
	struct buf body = { malloc(MIRROR_ROOT_MAX), 0, MIRROR_ROOT_MAX };
	coffer_err err;

	if (body.data == NULL)
		return COFFER_RESOURCE_EXHAUSTED;
	if ((err = mirror_root_make(core->store, &body)) == COFFER_OK)
		return add_task(core->mirror, MIRROR_KIND_PUT, MIRROR_ROOT, &body);
	free(body.data);
	return err;
}

/* All objects are there. */
static coffer_err end_objects(struct core *core)
{
	struct mirror_push *push = &core->mirror->push;

	core->events++;
	push->stage = push->root_there ? PUSH_DONE : PUSH_ROOT;
	return push->root_there ? COFFER_OK : push_root(core);
}

coffer_err mirror_push_fill(struct core *core)
{
	struct mirror_push *push = &core->mirror->push;
	struct store_secret row;
	coffer_err err = COFFER_OK;

	if (push->stage != PUSH_OBJECTS)
		return COFFER_OK;
	while (!push->walked && push->open < MIRROR_PUSH_OPEN && err == COFFER_OK) {
		if ((err = next_row(core, push, &row)) == COFFER_OK)
			err = push_row(core, &row);
		else if (err == COFFER_NOT_FOUND) {
			push->walked = true;
			err = COFFER_OK;
		}
	}
	if (err == COFFER_DATA_LOSS)
		return fail(core->mirror, slice_str("a version of a secret does not open here"));
	if (err == COFFER_OK && push->walked && push->open == 0 && push->stored_len == 0)
		err = end_objects(core);
	return err;
}

coffer_err mirror_push_begin(struct core *core)
{
	struct mirror *mirror = core->mirror;
	struct mirror_push *push = &mirror->push;

	if (push->stage != PUSH_IDLE && push->stage != PUSH_FAILED)
		return COFFER_OK;
	*push = (struct mirror_push){ .stage = PUSH_LOOKING };
	mirror->root_seen = false;
	core->events++;
	return add_task(mirror, MIRROR_KIND_GET, MIRROR_ROOT, NULL);
}

/* --- what came of them ---------------------------------------------------------------------------------- */

coffer_err mirror_push_remember(struct core *core)
{
	struct mirror_push *push = &core->mirror->push;
	struct store_object object = { .state = OBJECT_APPLIED };
	coffer_err err;

	if (push->stored_len == 0)
		return COFFER_OK;
	if ((err = core_begin(core)) != COFFER_OK)
		return err;
	for (size_t i = 0; i < push->stored_len && err == COFFER_OK; i++) {
		memcpy(object.name, push->stored[i].object, sizeof(object.name));
		object.version = push->stored[i].version;
		err = mirror_know(core, &object);
	}
	if (err == COFFER_OK)
		err = core_commit(core);
	else
		core_rollback(core);
	/* After a failure it is found that they are there. */
	push->stored_len = 0;
	return err;
}

static coffer_err root_result(struct core *core, const struct mirror_task *done, coffer_err code,
			      struct slice message)
{
	struct mirror *mirror = core->mirror;
	struct mirror_push *push = &mirror->push;

	if (done->kind == MIRROR_KIND_PUT && code == COFFER_OK) {
		push->stage = PUSH_DONE;
		return COFFER_OK;
	}
	if (done->kind == MIRROR_KIND_PUT && code == COFFER_ALREADY_EXISTS) {
		mirror->root_seen = false;
		return add_task(mirror, MIRROR_KIND_GET, MIRROR_ROOT, NULL);
	}
	if (code == COFFER_NOT_FOUND && push->stage == PUSH_LOOKING) {
		push->stage = PUSH_OBJECTS;
		return COFFER_OK;
	}
	if (code != COFFER_OK)
		return fail(mirror, message.len > 0 ? message : slice_str(coffer_err_text(code)));
	if (!mirror->root_seen || !mirror->root_same)
		return fail(mirror, slice_str("the bucket holds another store"));
	push->root_there = true;
	push->stage = push->stage == PUSH_LOOKING ? PUSH_OBJECTS : PUSH_DONE;
	return COFFER_OK;
}

coffer_err mirror_push_result(struct core *core, const struct mirror_task *done, coffer_err code,
			      struct slice message)
{
	struct mirror *mirror = core->mirror;
	struct mirror_push *push = &mirror->push;
	const struct mirror_key key = mirror_key_parse(slice_str(done->key));
	struct store_object known;

	push->open--;
	if (key.kind == MIRROR_KEY_ROOT)
		return root_result(core, done, code, message);
	/* It was stored before; or the store is a copy of one that was: then the bucket's is right. */
	if (done->kind == MIRROR_KIND_PUT && code == COFFER_ALREADY_EXISTS)
		return add_task(mirror, MIRROR_KIND_GET, done->key, NULL);
	if (code != COFFER_OK)
		return fail(mirror, message.len > 0 ? message : slice_str(coffer_err_text(code)));
	if (done->kind == MIRROR_KIND_GET &&
	    (store_object_before(core->store, key.name, key.version + 1, &known) != COFFER_OK ||
	     known.version != key.version))
		return fail(mirror, slice_str("an object of the bucket stands in the way that is "
					      "not this store's: the log tells which"));
	if (done->kind == MIRROR_KIND_GET)
		return COFFER_OK;
	memcpy(push->stored[push->stored_len].object, key.name, OBJECT_NAME_LEN);
	push->stored[push->stored_len++].version = key.version;
	return push->stored_len == MIRROR_PUSH_OPEN ? mirror_push_remember(core) : COFFER_OK;
}
