#include "core/mirror/mirror.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "core/mirror/apply.h"
#include "core/mirror/root.h"
#include "core/mirror/tasks.h"
#include "core/mirror/ticket.h"

/* --- life ----------------------------------------------------------------------------------------------- */

static coffer_err copy_setting(const char *text, char **out)
{
	*out = NULL;
	if (text == NULL)
		return COFFER_OK;
	*out = strdup(text);
	return *out != NULL ? COFFER_OK : COFFER_RESOURCE_EXHAUSTED;
}

coffer_err mirror_open(struct core *core, const char *bucket, const char *endpoint)
{
	struct mirror *mirror;
	int64_t at_ms;
	coffer_err err = store_mark_get(core->store, STORE_MARK_MIRRORED, &at_ms);

	if (err != COFFER_OK && err != COFFER_NOT_FOUND)
		return err;
	if (err == COFFER_NOT_FOUND && bucket == NULL)
		return COFFER_OK;
	if ((mirror = calloc(1, sizeof(*mirror))) == NULL)
		return COFFER_RESOURCE_EXHAUSTED;
	mirror->joined = err == COFFER_OK;
	mirror->alone_ms = clock_mono_ms();
	/* What the worker of a daemon that was here before brings is of no task of this one. */
	mirror->last_task = (uint64_t)clock_wall_ms() << 16;
	if ((err = copy_setting(bucket, &mirror->bucket)) != COFFER_OK ||
	    (err = copy_setting(endpoint, &mirror->endpoint)) != COFFER_OK ||
	    (err = store_object_count(core->store, &mirror->objects)) != COFFER_OK) {
		mirror_close(mirror);
		return err;
	}
	core->mirror = mirror;
	return COFFER_OK;
}

void mirror_close(struct mirror *mirror)
{
	if (mirror == NULL)
		return;
	while (mirror->tasks != NULL)
		mirror_tasks_remove(mirror, mirror->tasks);
	mirror_apply_forget(mirror);
	free(mirror->outbox);
	free(mirror->bucket);
	free(mirror->endpoint);
	free(mirror);
}

bool mirror_covers(const struct core *core, struct slice scope)
{
	return core->mirror != NULL && !(scope.len >= 4 && memcmp(scope.data, "run/", 4) == 0);
}

/* --- the worker ----------------------------------------------------------------------------------------- */

void mirror_copy_text(char out[MIRROR_TEXT_MAX], struct slice text)
{
	size_t len = text.len < MIRROR_TEXT_MAX ? text.len : MIRROR_TEXT_MAX - 1;

	for (size_t i = 0; i < len; i++)
		out[i] = text.data[i] >= ' ' && text.data[i] <= '~' ? (char)text.data[i] : '?';
	out[len] = '\0';
}

/* A store that says it is in a bucket looks whether it is in this one. */
static void ask_for_root(struct mirror *mirror)
{
	if (!mirror->joined || mirror->root != MIRROR_ROOT_UNKNOWN ||
	    (mirror->root_asked_ms != 0 && clock_mono_ms() - mirror->root_asked_ms < 1000))
		return;
	mirror->root_seen = false;
	mirror->root_asked_ms = clock_mono_ms();
	if (mirror_tasks_add(mirror, MIRROR_KIND_GET, MIRROR_OF_ROOT, MIRROR_ROOT) != NULL)
		mirror->root = MIRROR_ROOT_ASKED;
}

bool mirror_attach(struct core *core, const void *who)
{
	struct mirror *mirror = core->mirror;
	bool is_new = mirror->worker != who;

	if (is_new) {
		mirror->worker = who;
		mirror->view_at_ms = 0;
		mirror->problem[0] = '\0';
		mirror_tasks_again(mirror);
		if (mirror->root == MIRROR_ROOT_WRONG)
			mirror->root = MIRROR_ROOT_UNKNOWN;
		mirror->root_asked_ms = 0;
		core->events++;
	}
	ask_for_root(mirror);
	return is_new;
}

void mirror_detach(struct core *core, const void *who)
{
	struct mirror *mirror = core->mirror;

	if (mirror == NULL || mirror->worker != who)
		return;
	mirror->worker = NULL;
	mirror->alone_ms = clock_mono_ms();
	mirror->root_problem[0] = '\0';
	mirror_tasks_again(mirror);
	core->events++;
}

bool mirror_told(struct core *core, int64_t view_at_ms, struct slice problem)
{
	struct mirror *mirror = core->mirror;
	char text[MIRROR_TEXT_MAX];
	bool is_new;

	mirror_copy_text(text, problem);
	is_new = view_at_ms != mirror->view_at_ms || strcmp(text, mirror->problem) != 0;
	if (!is_new)
		return false;
	mirror->view_at_ms = view_at_ms;
	memcpy(mirror->problem, text, sizeof(text));
	core->events++;
	return true;
}

static void root_result(struct mirror *mirror, coffer_err code, struct slice message)
{
	mirror->root = MIRROR_ROOT_WRONG;
	mirror->root_problem[0] = '\0';
	if (code == COFFER_OK && mirror->root_seen && mirror->root_same)
		mirror->root = MIRROR_ROOT_OURS;
	else if (code == COFFER_OK)
		snprintf(mirror->root_problem, sizeof(mirror->root_problem), "%s",
			 "the bucket holds another store");
	else if (code == COFFER_NOT_FOUND)
		snprintf(mirror->root_problem, sizeof(mirror->root_problem), "%s",
			 "the bucket does not hold this store");
	else
		mirror->root = MIRROR_ROOT_UNKNOWN; /* it is asked for again */
	if (mirror->root == MIRROR_ROOT_UNKNOWN)
		mirror_copy_text(mirror->root_problem,
				 message.len > 0 ? message : slice_str(coffer_err_text(code)));
}

static void list_result(struct mirror *mirror, uint64_t id, coffer_err code, struct slice message)
{
	mirror->list.done = id;
	mirror->list.problem[0] = '\0';
	if (code == COFFER_OK)
		return;
	mirror_copy_text(mirror->list.problem,
			 message.len > 0 ? message : slice_str(coffer_err_text(code)));
}

coffer_err mirror_result(struct core *core, uint64_t id, coffer_err code, struct slice message)
{
	struct mirror *mirror = core->mirror;
	struct mirror_task *task = mirror_tasks_find(mirror, id), done;

	if (task == NULL)
		return COFFER_OK;
	done = *task;
	mirror_tasks_remove(mirror, task);
	core->events++;
	switch (done.owner) {
	case MIRROR_OF_TICKET:
		return mirror_ticket_result(core, done.ticket, &done, code, message);
	case MIRROR_OF_PUSH:
		return mirror_push_result(core, &done, code, message);
	case MIRROR_OF_ROOT:
		root_result(mirror, code, message);
		break;
	case MIRROR_OF_LIST:
		list_result(mirror, id, code, message);
		break;
	case MIRROR_OF_NOBODY:
		break;
	}
	return COFFER_OK;
}

int64_t mirror_patience(const struct core *core)
{
	int64_t alone_ms = clock_mono_ms() - core->mirror->alone_ms;

	if (core->mirror->worker != NULL)
		return INT32_MAX;
	return alone_ms < MIRROR_GRACE_MS ? MIRROR_GRACE_MS - alone_ms : 0;
}

const char *mirror_problem(const struct core *core)
{
	const struct mirror *mirror = core->mirror;

	if (mirror->bucket == NULL)
		return "cofferd was started without the settings of the bucket";
	if (mirror->worker == NULL)
		return mirror_patience(core) > 0 ? "" : "coffer-s3 is not running";
	if (mirror->problem[0] != '\0')
		return mirror->problem;
	return mirror->root_problem;
}

coffer_err mirror_usable(const struct core *core, char why[MIRROR_TEXT_MAX])
{
	const struct mirror *mirror = core->mirror;
	const char *problem = mirror_problem(core);
	coffer_err err = COFFER_OK;

	why[0] = '\0';
	if (mirror->bucket == NULL) {
		snprintf(why, MIRROR_TEXT_MAX,
			 "this store is in a bucket, and cofferd was started without its settings");
		err = COFFER_FAILED_PRECONDITION;
	} else if (!mirror->joined) {
		snprintf(why, MIRROR_TEXT_MAX,
			 "this store is not in its bucket yet: run 'coffer sync --push'");
		err = COFFER_FAILED_PRECONDITION;
	} else if (problem[0] != '\0') {
		snprintf(why, MIRROR_TEXT_MAX, "the bucket cannot be used: %.400s; reads go on",
			 problem);
		err = COFFER_UNAVAILABLE;
	}
	return err;
}

coffer_err mirror_list(struct core *core, uint64_t *id)
{
	struct mirror *mirror = core->mirror;
	struct mirror_task *task = mirror_tasks_find(mirror, mirror->list.asked);

	*id = mirror->list.asked;
	/* One that was fetched may have looked before the caller asked. */
	if (task != NULL && !task->fetched)
		return COFFER_OK;
	if ((task = mirror_tasks_add(mirror, MIRROR_KIND_LIST, MIRROR_OF_LIST, "")) == NULL)
		return COFFER_RESOURCE_EXHAUSTED;
	*id = mirror->list.asked = task->id;
	core->events++;
	return COFFER_OK;
}

/* --- in the open transaction ---------------------------------------------------------------------------- */

static coffer_err grow(struct mirror *mirror)
{
	size_t cap = mirror->outbox_cap > 0 ? 2 * mirror->outbox_cap : 4;
	struct mirror_change *more;

	if (mirror->outbox_len < mirror->outbox_cap)
		return COFFER_OK;
	if ((more = realloc(mirror->outbox, cap * sizeof(*more))) == NULL)
		return COFFER_RESOURCE_EXHAUSTED;
	mirror->outbox = more;
	mirror->outbox_cap = cap;
	return COFFER_OK;
}

coffer_err mirror_note(struct core *core, struct slice scope, struct slice name, uint32_t version,
		       bool purge)
{
	struct mirror *mirror = core->mirror;
	struct mirror_change *change;
	coffer_err err;

	if ((err = grow(mirror)) != COFFER_OK)
		return err;
	change = &mirror->outbox[mirror->outbox_len++];
	memcpy(change->scope, scope.data, scope.len);
	memcpy(change->name, name.data, name.len);
	change->scope_len = scope.len;
	change->name_len = name.len;
	change->version = version;
	change->purge = purge;
	object_name(core->keyring, scope, name, change->object);
	return COFFER_OK;
}

bool mirror_pending(const struct core *core)
{
	return core->mirror != NULL && core->mirror->outbox_len > 0;
}

bool mirror_is_erased(const struct store_object *object)
{
	static const uint8_t none[STORE_BATCH_LEN];

	return object->state == OBJECT_VOID && memcmp(object->batch, none, sizeof(none)) == 0;
}

/* Whether a batch may still come to count, though its record was no part of a whole one when it was read. */
static coffer_err is_open(struct core *core, const struct store_object *object, bool *open)
{
	const struct mirror *mirror = core->mirror;
	const struct mirror_ticket *own = mirror->current;
	coffer_err err;

	*open = false;
	if (object->state != OBJECT_VOID || mirror_is_erased(object) ||
	    (own != NULL && own->is_batch &&
	     memcmp(own->batch, object->batch, sizeof(own->batch)) == 0))
		return COFFER_OK;
	err = store_batch_get(core->store, object->batch);
	/* Nobody makes it whole that late; and a look that began later would have seen that it is. */
	*open = err == COFFER_OK || mirror->view_at_ms - object->created_ms < MIRROR_SETTLED_MS;
	return err == COFFER_NOT_FOUND ? COFFER_OK : err;
}

coffer_err mirror_newest(struct core *core, struct slice scope, struct slice name,
			 uint32_t *version, bool *busy)
{
	uint8_t hash[OBJECT_NAME_LEN];
	struct store_object object;
	coffer_err err;

	*version = 0;
	*busy = false;
	object_name(core->keyring, scope, name, hash);
	err = store_object_before(core->store, hash, UINT32_MAX, &object);
	if (err == COFFER_NOT_FOUND)
		return COFFER_OK;
	if (err != COFFER_OK)
		return err;
	*version = object.version;
	err = is_open(core, &object, busy);
	core->mirror->busy = *busy;
	return err;
}

bool mirror_decided(const struct core *core)
{
	return core->mirror != NULL && core->mirror->current != NULL &&
	       core->mirror->current->state == TICKET_STORED;
}

coffer_err mirror_know(struct core *core, const struct store_object *object)
{
	struct store_object known;
	coffer_err err =
	    store_object_before(core->store, object->name, object->version + 1, &known);

	if (err != COFFER_OK && err != COFFER_NOT_FOUND)
		return err;
	if (err == COFFER_NOT_FOUND || known.version != object->version)
		core->mirror->added++;
	return store_object_put(core->store, object);
}

coffer_err mirror_join(struct core *core, int64_t now_ms)
{
	core->mirror->joining = true;
	return store_mark_put(core->store, STORE_MARK_MIRRORED, now_ms);
}

void mirror_begun(struct core *core)
{
	struct mirror *mirror = core->mirror;

	if (mirror == NULL)
		return;
	mirror->outbox_len = 0;
	mirror->added = 0;
	mirror->joining = mirror->busy = false;
}

void mirror_committed(struct core *core)
{
	struct mirror *mirror = core->mirror;

	if (mirror == NULL)
		return;
	mirror->objects += (uint64_t)mirror->added;
	if (mirror->joining) {
		mirror->joined = true;
		mirror->root = MIRROR_ROOT_OURS;
	}
	mirror_begun(core);
}

void mirror_rolled_back(struct core *core)
{
	bool busy = core->mirror != NULL && core->mirror->busy;

	mirror_begun(core);
	if (core->mirror != NULL)
		core->mirror->busy = busy;
}
