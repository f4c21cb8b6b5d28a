/* changes.h - which secrets changed last, for those who wait for a change. Layer: core.
 *
 * The names of the newest changes of this daemon's life, no values. Bounded: CHANGES_BYTES; where the record
 * does not reach back far enough, or ends in another count of revisions, everything counts as changed. What
 * the open transaction adds is known, or forgotten, with its end. */
#ifndef CORE_CHANGES_H
#define CORE_CHANGES_H

#include <stdbool.h>
#include <stdint.h>

#include "slice.h"

/* Some hundreds of changes with names of a usual length. */
#define CHANGES_BYTES 16384

struct grant;

struct changes {
	uint64_t since;    /* every change behind this revision is here */
	uint64_t revision; /* the newest one that is committed */
	size_t committed;  /* bytes of text, and with those of the open transaction */
	size_t len;
	uint8_t text[CHANGES_BYTES];
};

/* Nothing is known of what led to revision. */
void changes_init(struct changes *changes, uint64_t revision);

/* In the open transaction: that secret, of checked names, changes with the revision that is to come. */
void changes_add(struct changes *changes, struct slice scope, struct slice name);

/* The transaction's end; revision is the current one. */
void changes_commit(struct changes *changes, uint64_t revision);
void changes_rollback(struct changes *changes);

/* Whether a secret that the grant may see has changed behind the revision after. A change of a secret that one
 * of an earlier scope hides counts, and so does whatever cannot be told. */
bool changes_seen(const struct changes *changes, const struct grant *grant, uint64_t after);

#endif
