#include "core/mirror/ticket.h"

#include <stdlib.h>
#include <sys/random.h>
#include <utlist.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/mirror/apply.h"
#include "core/mirror/tasks.h"

/* So often the number of objects that are looked at in a round is doubled: to 16, where it is known that there are few,
 * and to 64. */
#define AHEAD_NEAR 4
#define AHEAD_FAR  6

static const uint8_t no_batch[STORE_BATCH_LEN];

/* --- its objects ---------------------------------------------------------------------------------------- */

static void free_members(struct mirror_ticket *ticket)
{
	for (size_t i = 0; i < ticket->len; i++)
		free(ticket->members[i].body.data);
	free(ticket->members);
	ticket->members = NULL;
	ticket->len = ticket->open = 0;
}

/* Seals what the change has made. */
static coffer_err seal_change(struct core *core, const struct mirror_change *change,
			      const struct mirror_ticket *ticket, struct buf *out)
{
	const struct slice scope = { (const uint8_t *)change->scope, change->scope_len };
	const struct slice name = { (const uint8_t *)change->name, change->name_len };
	struct mirror_record record = { .flags = STORE_DELETED | MIRROR_PURGED,
					.created_ms = ticket->now_ms,
					.scope = scope,
					.name = name };
	struct store_secret row;
	coffer_err err;

	if (change->purge)
		return mirror_object_seal(core, change->object, change->version, &record, out);
	err = store_secret_before(core->store, scope, name, change->version + 1, &row);
	if (err == COFFER_NOT_FOUND || (err == COFFER_OK && row.version != change->version))
		return COFFER_INVALID_ARGUMENT;
	if (err != COFFER_OK)
		return err;
	return mirror_object_of_row(core, &row, ticket->is_batch ? ticket->batch : no_batch, out);
}

static coffer_err add_member(struct core *core, struct mirror_ticket *ticket,
			     const struct mirror_change *change)
{
	struct mirror_member *member = &ticket->members[ticket->len];
	coffer_err err;

	if ((err = seal_change(core, change, ticket, &member->body)) != COFFER_OK)
		return err;
	memcpy(member->object, change->object, sizeof(member->object));
	member->version = change->version;
	member->purge = change->purge;
	mirror_key_record(member->key, member->object, member->version);
	ticket->len++;
	return COFFER_OK;
}

static coffer_err add_task(struct mirror *mirror, struct mirror_ticket *ticket, mirror_kind kind,
			   const char *key, struct mirror_member *member, struct slice body)
{
	struct mirror_task *task = mirror_tasks_add(mirror, kind, MIRROR_OF_TICKET, key);

	if (task == NULL)
		return COFFER_RESOURCE_EXHAUSTED;
	task->ticket = ticket;
	task->member = member;
	task->body = body;
	ticket->open++;
	return COFFER_OK;
}

/* Takes over what the open transaction has noted, and asks for it to be stored. */
static coffer_err begin_round(struct core *core, struct mirror_ticket *ticket)
{
	struct mirror *mirror = core->mirror;
	coffer_err err = COFFER_OK;

	free_members(ticket);
	ticket->state = TICKET_PUTTING;
	ticket->round++;
	ticket->members = calloc(mirror->outbox_len, sizeof(ticket->members[0]));
	if (ticket->members == NULL)
		return COFFER_RESOURCE_EXHAUSTED;
	for (size_t i = 0; i < mirror->outbox_len && err == COFFER_OK; i++)
		err = add_member(core, ticket, &mirror->outbox[i]);
	for (size_t i = 0; i < ticket->len && err == COFFER_OK; i++) {
		struct mirror_member *member = &ticket->members[i];
		err = add_task(mirror, ticket, MIRROR_KIND_PUT, member->key, member,
			       (struct slice){ member->body.data, member->body.len });
	}
	if (err != COFFER_OK)
		mirror_tasks_drop(mirror, MIRROR_OF_TICKET, ticket);
	return err;
}

coffer_err mirror_ticket_begin(struct core *core, const void *of, int64_t now_ms,
			       struct mirror_ticket **out)
{
	struct mirror *mirror = core->mirror;
	struct mirror_ticket *ticket = calloc(1, sizeof(*ticket));
	coffer_err err;

	*out = NULL;
	if (ticket == NULL)
		return COFFER_RESOURCE_EXHAUSTED;
	DL_APPEND(mirror->tickets, ticket);
	ticket->of = of;
	ticket->now_ms = now_ms;
	ticket->begun_ms = clock_mono_ms();
	ticket->is_batch = mirror->outbox_len > 1;
	err = COFFER_UNAVAILABLE;
	if (getrandom(ticket->batch, sizeof(ticket->batch), 0) == (ssize_t)sizeof(ticket->batch))
		err = begin_round(core, ticket);
	if (err != COFFER_OK) {
		mirror_ticket_end(core, ticket);
		return err;
	}
	*out = ticket;
	core->events++;
	return COFFER_OK;
}

coffer_err mirror_ticket_again(struct core *core, struct mirror_ticket *ticket)
{
	coffer_err err;

	if (ticket->round >= MIRROR_ROUNDS)
		return COFFER_ABORTED;
	if ((err = begin_round(core, ticket)) == COFFER_OK)
		core->events++;
	return err;
}

void mirror_ticket_end(struct core *core, struct mirror_ticket *ticket)
{
	struct mirror *mirror = core->mirror;

	if (ticket == NULL)
		return;
	mirror_tasks_drop(mirror, MIRROR_OF_TICKET, ticket);
	DL_DELETE(mirror->tickets, ticket);
	if (mirror->current == ticket)
		mirror->current = NULL;
	free_members(ticket);
	free(ticket);
	core->events++;
}

/* --- which secrets it is about -------------------------------------------------------------------------- */

static bool holds(const struct mirror_ticket *ticket, const uint8_t object[OBJECT_NAME_LEN])
{
	for (size_t i = 0; i < ticket->len; i++)
		if (memcmp(ticket->members[i].object, object, OBJECT_NAME_LEN) == 0)
			return true;
	return false;
}

bool mirror_ticket_holds(const struct mirror *mirror, const uint8_t object[OBJECT_NAME_LEN])
{
	const struct mirror_ticket *ticket;

	for (ticket = mirror->tickets; ticket != NULL; ticket = ticket->next)
		if (holds(ticket, object))
			return true;
	return false;
}

bool mirror_ticket_blocks(const struct core *core)
{
	const struct mirror *mirror = core->mirror;
	const struct mirror_ticket *ticket;

	for (ticket = mirror->tickets; ticket != NULL; ticket = ticket->next)
		for (size_t i = 0; ticket != mirror->current && i < mirror->outbox_len; i++)
			if (holds(ticket, mirror->outbox[i].object))
				return true;
	return false;
}

struct mirror_member *mirror_ticket_taken(const struct mirror *mirror, const char *key)
{
	struct mirror_ticket *ticket;

	for (ticket = mirror->tickets; ticket != NULL; ticket = ticket->next)
		for (size_t i = 0; i < ticket->len; i++)
			if (ticket->members[i].state == MEMBER_TAKEN &&
			    strcmp(ticket->members[i].key, key) == 0)
				return &ticket->members[i];
	return NULL;
}

/* --- what came of its tasks ----------------------------------------------------------------------------- */

/* Records of it that are in the bucket, and will not count: their versions are used up. */
static coffer_err note_void(struct core *core, const struct mirror_ticket *ticket)
{
	struct store_object object = { .state = OBJECT_VOID, .created_ms = ticket->now_ms };
	coffer_err err;

	if (!ticket->is_batch)
		return COFFER_OK;
	if ((err = core_begin(core)) != COFFER_OK)
		return err;
	memcpy(object.batch, ticket->batch, sizeof(object.batch));
	for (size_t i = 0; i < ticket->len && err == COFFER_OK; i++) {
		if (ticket->members[i].state != MEMBER_STORED)
			continue;
		memcpy(object.name, ticket->members[i].object, sizeof(object.name));
		object.version = ticket->members[i].version;
		err = mirror_know(core, &object);
	}
	if (err == COFFER_OK)
		return core_commit(core);
	core_rollback(core);
	return err;
}

static coffer_err fail(struct core *core, struct mirror_ticket *ticket, coffer_err code,
		       struct slice message)
{
	coffer_err err = note_void(core, ticket);

	mirror_tasks_drop(core->mirror, MIRROR_OF_TICKET, ticket);
	ticket->open = 0;
	ticket->state = TICKET_FAILED;
	ticket->code = code;
	mirror_copy_text(ticket->message, message);
	return err;
}

/* The versions that a purge has ended. What is left of them is erased when it is next offered. */
static coffer_err erase_older(struct core *core, struct mirror_ticket *ticket)
{
	const struct mirror_member *member = &ticket->members[0];
	struct store_object older = { .version = member->version };
	char key[MIRROR_KEY_MAX + 1];
	coffer_err err = COFFER_OK;

	ticket->state = TICKET_ERASING;
	while (member->purge && err == COFFER_OK &&
	       (err = store_object_before(core->store, member->object, older.version, &older)) ==
		   COFFER_OK) {
		mirror_key_record(key, member->object, older.version);
		err = add_task(core->mirror, ticket, MIRROR_KIND_ERASE, key, NULL, SLICE_EMPTY);
	}
	if (ticket->open == 0)
		ticket->state = TICKET_STORED;
	return err == COFFER_NOT_FOUND ? COFFER_OK : err;
}

static coffer_err put_marker(struct core *core, struct mirror_ticket *ticket)
{
	static const struct slice body = { (const uint8_t *)"whole\n", 6 };
	char key[MIRROR_KEY_MAX + 1];

	/* Hosts that look later take it for one that was given up. */
	if (clock_mono_ms() - ticket->begun_ms > MIRROR_BATCH_MS)
		return fail(core, ticket, COFFER_UNAVAILABLE,
			    slice_str("the bucket was too slow; nothing was changed"));
	mirror_key_batch(key, ticket->batch);
	ticket->state = TICKET_MARKING;
	return add_task(core->mirror, ticket, MIRROR_KIND_PUT, key, NULL, body);
}

/* All objects of the round have their outcome. */
static coffer_err end_round(struct core *core, struct mirror_ticket *ticket)
{
	for (size_t i = 0; i < ticket->len; i++)
		if (ticket->members[i].state != MEMBER_STORED) {
			ticket->state = TICKET_LOST;
			return note_void(core, ticket);
		}
	return ticket->is_batch ? put_marker(core, ticket) : erase_older(core, ticket);
}

/* Another host's object is fetched, and from the second time on also those that it may have made behind it: who looks
 * for one at a time never catches up with a host that writes all the time. One that has been away for long, or meets
 * what a purge has left of a long history, looks further. */
static coffer_err fetch_taken(struct mirror *mirror, struct mirror_ticket *ticket,
			      struct mirror_member *member)
{
	const unsigned doublings = ticket->near ? AHEAD_NEAR : AHEAD_FAR;
	const uint32_t ahead =
	    (1u << (ticket->round <= doublings ? ticket->round - 1 : doublings)) - 1;
	char key[MIRROR_KEY_MAX + 1];
	coffer_err err;

	member->state = MEMBER_TAKEN;
	err = add_task(mirror, ticket, MIRROR_KIND_GET, member->key, member, SLICE_EMPTY);
	for (uint32_t i = 1; i <= ahead && err == COFFER_OK; i++) {
		if (member->version + i >= UINT32_MAX - 1)
			break;
		mirror_key_record(key, member->object, member->version + i);
		err = add_task(mirror, ticket, MIRROR_KIND_GET, key, NULL, SLICE_EMPTY);
	}
	return err;
}

static coffer_err member_result(struct core *core, struct mirror_ticket *ticket,
				const struct mirror_task *done, coffer_err code,
				struct slice message)
{
	struct mirror_member *member = done->member;

	if (done->kind == MIRROR_KIND_PUT && code == COFFER_OK) {
		member->state = MEMBER_STORED;
	} else if (done->kind == MIRROR_KIND_PUT && code == COFFER_ALREADY_EXISTS) {
		return fetch_taken(core->mirror, ticket, member);
	} else if (member == NULL && code == COFFER_NOT_FOUND) {
		/* There is nothing behind the other's object yet. */
		ticket->near = true;
	} else if (code != COFFER_OK) {
		return fail(core, ticket, COFFER_UNAVAILABLE,
			    message.len > 0 ? message : slice_str(coffer_err_text(code)));
	} else if (member != NULL && member->state == MEMBER_TAKEN) {
		/* It was fetched, and was not to be applied. */
		return fail(core, ticket, COFFER_UNAVAILABLE,
			    slice_str("an object of the bucket stands in the way that is not "
				      "this store's: 'coffer status' and the log tell more"));
	}
	return ticket->open == 0 ? end_round(core, ticket) : COFFER_OK;
}

coffer_err mirror_ticket_result(struct core *core, struct mirror_ticket *ticket,
				const struct mirror_task *done, coffer_err code,
				struct slice message)
{
	ticket->open--;
	if (ticket->state == TICKET_PUTTING)
		return member_result(core, ticket, done, code, message);
	if (ticket->state == TICKET_MARKING) {
		/* Nobody else knows its name: if it was there, it was stored by an earlier try. */
		if (code != COFFER_OK && code != COFFER_ALREADY_EXISTS)
			return fail(core, ticket, COFFER_UNAVAILABLE, message);
		return erase_older(core, ticket);
	}
	if (code != COFFER_OK)
		log_warn("the bucket keeps %s, which was purged, for now: %.*s", done->key,
			 SLICE_ARG(message));
	if (ticket->open == 0)
		ticket->state = TICKET_STORED;
	return COFFER_OK;
}

/* --- its end -------------------------------------------------------------------------------------------- */

static coffer_err settle_member(struct core *core, const struct mirror_ticket *ticket,
				const struct mirror_member *member)
{
	struct store_object object = { .version = member->version,
				       .state = member->purge ? OBJECT_PURGE : OBJECT_APPLIED,
				       .created_ms = ticket->now_ms };

	memcpy(object.name, member->object, sizeof(object.name));
	if (ticket->is_batch)
		memcpy(object.batch, ticket->batch, sizeof(object.batch));
	if (member->purge)
		return mirror_know_purge(core, &object);
	return mirror_know(core, &object);
}

coffer_err mirror_ticket_settle(struct core *core, struct mirror_ticket *ticket)
{
	const struct mirror *mirror = core->mirror;
	coffer_err err = COFFER_OK;

	if (mirror->outbox_len != ticket->len)
		return COFFER_ABORTED;
	for (size_t i = 0; i < ticket->len && err == COFFER_OK; i++) {
		const struct mirror_change *change = &mirror->outbox[i];
		const struct mirror_member *member = &ticket->members[i];
		if (change->version != member->version || change->purge != member->purge ||
		    memcmp(change->object, member->object, OBJECT_NAME_LEN) != 0)
			return COFFER_ABORTED;
		err = settle_member(core, ticket, member);
	}
	if (err == COFFER_OK && ticket->is_batch)
		err = store_batch_put(core->store, ticket->batch);
	return err;
}
