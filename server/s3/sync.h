/* sync.h - one look at the whole bucket: what it holds is listed, offered to the daemon, and what the daemon wants is
 * fetched and handed over. Layer: s3.
 *
 * Batches are listed before records: a batch's marker is written last, so the records of each that was seen are found
 * by the listing that follows, and nobody sees a part of them. */
#ifndef S3_SYNC_H
#define S3_SYNC_H

#include <coffer/error.h>
#include <stdbool.h>
#include <stdint.h>

#include "s3/apply.h"
#include "s3/keys.h"
#include "s3/link.h"
#include "s3/op.h"

/* answer: COFFER_OK, or why the look has failed; of_bucket: it was the bucket that failed. */
typedef void (*sync_done)(void *user, const struct answer *answer, bool of_bucket);

/* Keys of one offer at most. */
#define SYNC_OFFER_MAX 1024

struct sync_fetch;

struct sync {
	struct ops *ops; /* these three are borrowed */
	struct link *link;
	struct apply *apply;
	sync_done done;
	void *user;

	bool running;
	bool failing; /* as answer says; what is being applied is waited for */
	bool of_bucket;
	struct answer answer;
	int64_t began_ms; /* by the wall clock */

	struct keys found; /* by the listing that goes on */
	struct op *page;
	keys_kind listing;
	unsigned pages;
	coffer_err found_err;

	struct keys keys;                 /* of the last whole listing, and what is known of them */
	size_t next;                      /* of keys, that is to be offered */
	uint32_t offered[SYNC_OFFER_MAX]; /* indexes in keys */
	uint8_t verdicts[SYNC_OFFER_MAX];
	size_t offered_len, judged; /* of those in offered */
	struct sync_fetch *fetches; /* utlist */
	size_t fetching, applying;
};

void sync_open(struct sync *out, struct ops *ops, struct link *link, struct apply *apply,
	       sync_done done, void *user);

/* Begins; there must be a connection and no look. done is called once, never before this has returned. */
void sync_begin(struct sync *sync);

/* Ends it without a word, and forgets what the daemon knew. */
void sync_drop(struct sync *sync);

/* Frees all. */
void sync_close(struct sync *sync);

#endif
