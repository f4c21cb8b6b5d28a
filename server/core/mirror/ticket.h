/* ticket.h - a change that waits until its objects are in the bucket. Layer: core.
 *
 * A request's change is made in a transaction, which notes what it makes. The ticket seals that into objects, and the
 * transaction is rolled back. When the bucket has the objects the request is made again, at the same time of its own,
 * and makes the same: that is committed, and answered. One host alone has made a version of a secret, as an object is
 * made only where there is none: where another was first, that one's object is fetched and applied, and the request
 * is made again, for the version after it. Of one secret there is one ticket at a time.
 *
 * Several secrets are a batch: their records name it, and count only once its marker is there, which comes last.
 *
 * A purge is a record too. When it is there the objects before it are overwritten with nothing: their contents are gone,
 * and their places stay taken, so that no host that has not seen it yet can write below it. */
#ifndef CORE_MIRROR_TICKET_H
#define CORE_MIRROR_TICKET_H

#include "core/mirror/mirror.h"

/* A request is made so often before it is given up. */
#define MIRROR_ROUNDS 16

typedef enum mirror_member_state {
	MEMBER_OPEN,   /* not known yet */
	MEMBER_STORED, /* in the bucket */
	MEMBER_TAKEN,  /* there is another host's, which is being fetched */
	MEMBER_LOST,   /* which is here now */
} mirror_member_state;

/* One object. */
struct mirror_member {
	mirror_member_state state;
	uint8_t object[OBJECT_NAME_LEN];
	uint32_t version;
	bool purge;
	char key[MIRROR_KEY_MAX + 1];
	struct buf body; /* heap */
};

typedef enum mirror_ticket_state {
	TICKET_PUTTING, /* its objects */
	TICKET_MARKING, /* as a batch */
	TICKET_ERASING, /* what a purge ends */
	TICKET_STORED,  /* the change can be committed */
	TICKET_LOST,    /* it must be made again */
	TICKET_FAILED,  /* code and message tell why */
} mirror_ticket_state;

struct mirror_ticket {
	struct mirror_ticket *prev, *next;
	const void *of;   /* the kind of request, an address to know it by */
	int64_t now_ms;   /* of the request, each time that it is made */
	int64_t begun_ms; /* monotonic: of its first object */
	mirror_ticket_state state;
	bool is_batch;
	uint8_t batch[STORE_BATCH_LEN];
	struct mirror_member *members; /* heap */
	size_t len;
	size_t open;    /* tasks that are not done */
	unsigned round; /* 1, 2 ... */
	bool fetched;   /* a task of it has been, in any round: the bucket may have an object */
	bool near;      /* it has met the end of what there is of a secret, in any round */
	coffer_err code;
	char message[MIRROR_TEXT_MAX];
};

/* In the open transaction, for what it has noted. COFFER_RESOURCE_EXHAUSTED without memory; COFFER_INVALID_ARGUMENT if
 * a secret is there more often than its versions are kept. On error *out is NULL. */
COFFER_MUST_USE coffer_err mirror_ticket_begin(struct core *core, const void *of, int64_t now_ms,
					       struct mirror_ticket **out);

/* The same for a ticket that is TICKET_LOST. COFFER_ABORTED after MIRROR_ROUNDS. */
COFFER_MUST_USE coffer_err mirror_ticket_again(struct core *core, struct mirror_ticket *ticket);

/* In the open transaction, for a ticket that is TICKET_STORED: its objects are known from the commit on.
 * COFFER_ABORTED if the transaction does not make what was stored. */
COFFER_MUST_USE coffer_err mirror_ticket_settle(struct core *core, struct mirror_ticket *ticket);

/* Whether a ticket other than mirror->current is about a secret that was noted; and about that object. */
bool mirror_ticket_blocks(const struct core *core);
bool mirror_ticket_holds(const struct mirror *mirror, const uint8_t object[OBJECT_NAME_LEN]);

/* Ends it: what was not fetched is not done. NULL is fine. Whoever waits for it is woken. */
void mirror_ticket_end(struct core *core, struct mirror_ticket *ticket);

/* --- inside ----------------------------------------------------------------------------------------------- */

/* What came of its task, which is no more. */
COFFER_MUST_USE coffer_err mirror_ticket_result(struct core *core, struct mirror_ticket *ticket,
						const struct mirror_task *done, coffer_err code,
						struct slice message);

/* The member of that key that is MEMBER_TAKEN, or NULL. */
struct mirror_member *mirror_ticket_taken(const struct mirror *mirror, const char *key);

#endif
