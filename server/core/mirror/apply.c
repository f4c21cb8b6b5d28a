#include "core/mirror/apply.h"

#include <stdlib.h>
#include <uthash.h>

#include "base/log.h"
#include "core/mirror/root.h"
#include "core/mirror/tasks.h"
#include "core/mirror/ticket.h"
#include "core/secrets.h"
#include "names.h"

/* Out of memory inside uthash leaves the table as it was, and hh.tbl unset in what was to be added. */
#undef uthash_nonfatal_oom
#define uthash_nonfatal_oom(element) ((element)->hh.tbl = NULL)

/* Of objects that were refused; and of those that are to be erased at a time. */
#define REFUSALS_MAX 4096
#define ERASURES_MAX 256

/* --- what was refused ----------------------------------------------------------------------------------- */

struct mirror_refusal {
	UT_hash_handle hh;
	char key[MIRROR_KEY_MAX + 1];
};

void mirror_apply_forget(struct mirror *mirror)
{
	struct mirror_refusal *refusal = mirror->refusals, *next;

	HASH_CLEAR(hh, mirror->refusals);
	for (; refusal != NULL; refusal = next) {
		next = refusal->hh.next;
		free(refusal);
	}
}

static bool is_refused(const struct mirror *mirror, const char *key)
{
	struct mirror_refusal *found;

	HASH_FIND_STR(mirror->refusals, key, found);
	return found != NULL;
}

static void refuse(struct mirror *mirror, const char *key, const char *why)
{
	struct mirror_refusal *refusal;

	if (is_refused(mirror, key))
		return;
	mirror->refused++;
	log_warn("the bucket's object %s %s; it is passed over", key, why);
	if (HASH_COUNT(mirror->refusals) >= REFUSALS_MAX)
		mirror_apply_forget(mirror);
	if ((refusal = calloc(1, sizeof(*refusal))) == NULL)
		return;
	memcpy(refusal->key, key, strlen(key));
	HASH_ADD_STR(mirror->refusals, key, refusal);
	if (refusal->hh.tbl == NULL)
		free(refusal);
}

/* --- offers --------------------------------------------------------------------------------------------- */

bool mirror_marker_is_new(struct core *core, struct slice key)
{
	struct mirror_key parsed = mirror_key_parse(key);

	return parsed.kind == MIRROR_KEY_BATCH &&
	       store_batch_get(core->store, parsed.batch) == COFFER_NOT_FOUND;
}

coffer_err mirror_marker(struct core *core, struct slice key)
{
	struct mirror_key parsed = mirror_key_parse(key);

	return parsed.kind == MIRROR_KEY_BATCH ? store_batch_put(core->store, parsed.batch)
					       : COFFER_OK;
}

/* Whether a purge has ended the version. */
static coffer_err is_purged(struct core *core, const struct mirror_key *key, bool *purged)
{
	struct store_object first;
	coffer_err err = store_object_first(core->store, key->name, &first);

	*purged = err == COFFER_OK && first.state == OBJECT_PURGE && key->version < first.version;
	return err == COFFER_NOT_FOUND ? COFFER_OK : err;
}

/* What whoever purged the secret left behind. */
static void ask_to_erase(struct mirror *mirror, const char *key)
{
	size_t erasures = 0;

	for (const struct mirror_task *task = mirror->tasks; task != NULL; task = task->next)
		erasures += task->kind == MIRROR_KIND_ERASE;
	if (erasures < ERASURES_MAX && !mirror_tasks_has(mirror, MIRROR_KIND_ERASE, key))
		(void)mirror_tasks_add(mirror, MIRROR_KIND_ERASE, MIRROR_OF_NOBODY, key);
}

static coffer_err known_verdict(struct core *core, const struct store_object *object,
				mirror_verdict *verdict)
{
	coffer_err err;

	*verdict = MIRROR_VERDICT_KNOWN;
	if (object->state != OBJECT_VOID || mirror_is_erased(object))
		return COFFER_OK;
	err = store_batch_get(core->store, object->batch);
	*verdict = err == COFFER_OK ? MIRROR_VERDICT_WANTED : MIRROR_VERDICT_LATER;
	return err == COFFER_NOT_FOUND ? COFFER_OK : err;
}

coffer_err mirror_offer(struct core *core, struct slice key, mirror_verdict *verdict)
{
	struct mirror *mirror = core->mirror;
	struct mirror_key parsed = mirror_key_parse(key);
	char text[MIRROR_KEY_MAX + 1];
	struct store_object object;
	bool purged;
	coffer_err err;

	*verdict = MIRROR_VERDICT_KNOWN;
	if (parsed.kind != MIRROR_KEY_RECORD)
		return COFFER_OK;
	mirror_key_record(text, parsed.name, parsed.version);
	if (is_refused(mirror, text))
		return COFFER_OK;
	*verdict = MIRROR_VERDICT_LATER;
	if (mirror_ticket_holds(mirror, parsed.name))
		return COFFER_OK;
	err = store_object_before(core->store, parsed.name, parsed.version + 1, &object);
	if (err == COFFER_OK && object.version == parsed.version)
		return known_verdict(core, &object, verdict);
	if (err != COFFER_OK && err != COFFER_NOT_FOUND)
		return err;
	if ((err = is_purged(core, &parsed, &purged)) != COFFER_OK)
		return err;
	*verdict = purged ? MIRROR_VERDICT_KNOWN : MIRROR_VERDICT_WANTED;
	if (purged)
		ask_to_erase(mirror, text);
	return COFFER_OK;
}

/* --- objects -------------------------------------------------------------------------------------------- */

coffer_err mirror_know_purge(struct core *core, const struct store_object *object)
{
	struct store_object older = { .version = object->version };
	coffer_err err;

	while ((err = store_object_before(core->store, object->name, older.version, &older)) ==
	       COFFER_OK)
		core->mirror->added--;
	if (err != COFFER_NOT_FOUND ||
	    (err = store_object_erase(core->store, object->name, object->version)) != COFFER_OK)
		return err;
	return mirror_know(core, object);
}

/* What the record says, as far as a store takes it; NULL, or what is wrong. */
static const char *check_record(const struct core *core, const struct mirror_key *key,
				const struct mirror_record *record)
{
	uint8_t hash[OBJECT_NAME_LEN];
	scope_kind kind;
	const char *why;

	if (names_check_secret(record->name, &why) != COFFER_OK ||
	    names_check_scope(record->scope, &kind, &why) != COFFER_OK || kind == SCOPE_RUN)
		return "is of no secret";
	object_name(core->keyring, record->scope, record->name, hash);
	if (memcmp(hash, key->name, sizeof(hash)) != 0)
		return "is of another secret than its key says";
	if ((record->flags & ~(STORE_DELETED | STORE_SOURCE | MIRROR_PURGED)) != 0 ||
	    record->created_ms < 0 || record->expires_ms < 0 || record->note.len > COFFER_TEXT_MAX)
		return "says what this version of coffer does not know";
	if (record->value.len > core->value_max)
		return "holds a value that is larger than value_max";
	return NULL;
}

/* Erases what a purge ends; a version behind it stays. */
static coffer_err apply_purge(struct core *core, const struct store_object *object,
			      const struct mirror_record *record)
{
	coffer_err err;

	if ((err = mirror_know_purge(core, object)) != COFFER_OK ||
	    (err = store_secret_erase(core->store, record->scope, record->name, 1,
				      object->version)) != COFFER_OK)
		return err;
	return secrets_look_again(core, record->scope, record->name);
}

static coffer_err apply_version(struct core *core, const struct store_object *object,
				const struct mirror_record *record)
{
	const struct store_secret row = { .scope = record->scope,
					  .name = record->name,
					  .version = object->version,
					  .flags = record->flags,
					  .created_ms = record->created_ms,
					  .expires_ms = record->expires_ms };
	const struct secrets_content content = { .value = record->value, .note = record->note };
	coffer_err err;

	if ((err = mirror_know(core, object)) != COFFER_OK)
		return err;
	return secrets_take_over(core, &row, &content);
}

static coffer_err apply_record(struct core *core, const struct mirror_key *key,
			       const struct mirror_record *record, struct mirror_applied *what)
{
	static const uint8_t none[STORE_BATCH_LEN];
	struct store_object object = { .version = key->version,
				       .state = OBJECT_APPLIED,
				       .created_ms = record->created_ms };
	coffer_err err = COFFER_OK;

	memcpy(object.name, key->name, sizeof(object.name));
	memcpy(object.batch, record->batch, sizeof(object.batch));
	if (memcmp(object.batch, none, sizeof(none)) != 0)
		err = store_batch_get(core->store, object.batch);
	if (err == COFFER_NOT_FOUND) {
		object.state = OBJECT_VOID;
		return mirror_know(core, &object);
	}
	if (err != COFFER_OK)
		return err;
	what->outcome = MIRROR_APPLIED;
	memcpy(what->scope, record->scope.data, record->scope.len);
	memcpy(what->name, record->name.data, record->name.len);
	what->scope_len = record->scope.len;
	what->name_len = record->name.len;
	what->version = key->version;
	if (!(record->flags & MIRROR_PURGED))
		return apply_version(core, &object, record);
	object.state = OBJECT_PURGE;
	return apply_purge(core, &object, record);
}

static coffer_err open_and_apply(struct core *core, const struct mirror_key *key, const char *text,
				 struct slice body, struct mirror_applied *what)
{
	struct secret plain = SECRET_EMPTY;
	struct mirror_record record;
	const char *wrong = "does not open: it is not this store's, or was changed";
	coffer_err err;

	err = mirror_object_open(core, key, body, &plain, &record);
	if (err == COFFER_OK)
		wrong = check_record(core, key, &record);
	if (err == COFFER_OK && wrong == NULL)
		err = apply_record(core, key, &record, what);
	else if (err == COFFER_OK || err == COFFER_DATA_LOSS || err == COFFER_FAILED_PRECONDITION) {
		refuse(core->mirror, text, wrong);
		what->outcome = MIRROR_REFUSED;
		err = COFFER_OK;
	}
	secret_free(&plain);
	return err;
}

/* What a purge that is not known here has left of a version: that there was one, and that its number is used up. */
static coffer_err apply_erased(struct core *core, const struct mirror_key *key)
{
	struct store_object object = { .version = key->version, .state = OBJECT_VOID };

	memcpy(object.name, key->name, sizeof(object.name));
	return mirror_know(core, &object);
}

/* Whether the object is to be applied at all. Of a secret that a ticket is about, it is only if the ticket has asked for
 * it: what it was made from must not change behind its back. */
static coffer_err is_due(struct core *core, const struct mirror_key *key, const char *text,
			 bool *due)
{
	mirror_verdict verdict;
	struct store_object object;
	bool purged;
	coffer_err err;

	*due = false;
	if (!mirror_tasks_has(core->mirror, MIRROR_KIND_GET, text) &&
	    mirror_ticket_holds(core->mirror, key->name))
		return COFFER_OK;
	err = store_object_before(core->store, key->name, key->version + 1, &object);
	if (err == COFFER_OK && object.version == key->version) {
		err = known_verdict(core, &object, &verdict);
		*due = verdict == MIRROR_VERDICT_WANTED;
		return err;
	}
	if ((err != COFFER_OK && err != COFFER_NOT_FOUND) ||
	    (err = is_purged(core, key, &purged)) != COFFER_OK)
		return err;
	*due = !purged;
	return COFFER_OK;
}

coffer_err mirror_apply(struct core *core, struct slice key, struct slice body,
			struct mirror_applied *what)
{
	struct mirror *mirror = core->mirror;
	const struct mirror_key parsed = mirror_key_parse(key);
	struct mirror_member *taken;
	char text[MIRROR_KEY_MAX + 1];
	bool due;
	coffer_err err;

	*what = (struct mirror_applied){ .outcome = MIRROR_PASSED };
	if (parsed.kind == MIRROR_KEY_ROOT)
		mirror_root_look(core, body);
	if (parsed.kind != MIRROR_KEY_RECORD)
		return COFFER_OK;
	mirror_key_record(text, parsed.name, parsed.version);
	taken = mirror_ticket_taken(mirror, text);
	/* An earlier try of ours, of which nobody learned that it went well. */
	if (taken != NULL &&
	    slice_equal((struct slice){ taken->body.data, taken->body.len }, body)) {
		taken->state = MEMBER_STORED;
		return COFFER_OK;
	}
	if ((err = is_due(core, &parsed, text, &due)) != COFFER_OK)
		return err;
	if (due)
		err = body.len > 0 ? open_and_apply(core, &parsed, text, body, what)
				   : apply_erased(core, &parsed);
	if (err != COFFER_OK)
		return err;
	if (taken != NULL && what->outcome != MIRROR_REFUSED)
		taken->state = MEMBER_LOST;
	return COFFER_OK;
}
