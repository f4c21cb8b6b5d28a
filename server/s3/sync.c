#include "s3/sync.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/clock.h"
#include "base/log.h"
#include "codec.h"
#include "s3/page.h"

#define PAGE_KEYS 1000
#define PAGES_MAX (2 * KEYS_MAX / PAGE_KEYS)

/* A listing is given up after this part of the time that a write gets: until then nobody is told that the bucket
 * cannot be used, and each write has to find it out. */
#define LIST_SHARE 8

/* Objects that were fetched and not yet taken, at most: memory's bound while the daemon is slow. */
#define APPLYING_MAX 128

struct sync_fetch {
	struct sync *sync;
	struct op *op; /* NULL: it is being applied */
	size_t index;  /* in offered */
	struct sync_fetch *prev, *next;
};

void sync_open(struct sync *out, struct ops *ops, struct link *link, struct apply *apply,
	       sync_done done, void *user)
{
	*out =
	    (struct sync){ .ops = ops, .link = link, .apply = apply, .done = done, .user = user };
}

static void fetch_free(struct sync_fetch *fetch)
{
	DL_DELETE(fetch->sync->fetches, fetch);
	*(fetch->op != NULL ? &fetch->sync->fetching : &fetch->sync->applying) -= 1;
	op_free(fetch->op);
	free(fetch);
}

static void end(struct sync *sync)
{
	sync->running = false;
	keys_free(&sync->found);
	sync->done(sync->user, &sync->answer, sync->of_bucket);
}

/* sync->answer says why. Nothing is begun any more. */
static void fail(struct sync *sync, bool of_bucket)
{
	struct sync_fetch *fetch, *next;

	sync->failing = true;
	sync->of_bucket = of_bucket;
	op_free(sync->page);
	sync->page = NULL;
	DL_FOREACH_SAFE(sync->fetches, fetch, next)
	{
		if (fetch->op != NULL)
			fetch_free(fetch);
	}
	if (sync->applying == 0)
		end(sync);
}

static void fail_here(struct sync *sync, coffer_err err, const char *why, struct slice more)
{
	answer_set(&sync->answer, err, false, "%s%.*s", why, SLICE_ARG(more));
	fail(sync, false);
}

static void offer(struct sync *sync);
static void fetch_wanted(struct sync *sync);

static struct keys_entry *offered(struct sync *sync, size_t index)
{
	return &sync->keys.list[sync->offered[index]];
}

static void on_applied(void *user, coffer_err code, struct slice text)
{
	struct sync_fetch *fetch = user;
	struct sync *sync = fetch->sync;

	fetch_free(fetch);
	if (sync->failing) {
		if (sync->applying == 0)
			end(sync);
	} else if (code != COFFER_OK) {
		fail_here(sync, code, "the daemon does not take what the bucket holds: ", text);
	} else {
		fetch_wanted(sync);
	}
}

/* The object goes on to the daemon. */
static void hand_over(struct sync_fetch *fetch)
{
	struct sync *sync = fetch->sync;
	struct op *op = fetch->op;
	struct buf body = op->request.got;

	op->request.got = (struct buf){ NULL, 0, 0 };
	fetch->op = NULL;
	sync->fetching--;
	sync->applying++;
	if (!apply_add(sync->apply, op->key, body, on_applied, fetch)) {
		log_warn("coffer-s3: %s is too large to be one of coffer's", op->key);
		offered(sync, fetch->index)->known = true;
		fetch_free(fetch);
	}
	op_free(op);
}

static void on_fetched(struct op *op, void *user)
{
	struct sync_fetch *fetch = user;
	struct sync *sync = fetch->sync;

	switch (op->answer.code) {
	case COFFER_OK:
		hand_over(fetch);
		break;
	case COFFER_NOT_FOUND: /* deleted since it was listed */
		fetch_free(fetch);
		break;
	case COFFER_RESOURCE_EXHAUSTED: /* not coffer's: it must not stop what is */
		log_warn("coffer-s3: %s: %s", op->key, op->answer.text);
		offered(sync, fetch->index)->known = true;
		fetch_free(fetch);
		break;
	default:
		sync->answer = op->answer;
		fail(sync, true);
		return;
	}
	fetch_wanted(sync);
}

static bool begin_fetch(struct sync *sync, size_t index)
{
	char key[KEYS_TEXT_MAX + 1];
	struct sync_fetch *fetch = calloc(1, sizeof(*fetch));

	if (fetch == NULL)
		return false;
	keys_format(offered(sync, index), key);
	*fetch = (struct sync_fetch){ .sync = sync, .index = index };
	if ((fetch->op = op_new(sync->ops, OP_GET, slice_str(key))) == NULL) {
		free(fetch);
		return false;
	}
	DL_APPEND(sync->fetches, fetch);
	sync->fetching++;
	op_begin(fetch->op, on_fetched, fetch);
	return true;
}

/* Fetches of what was offered as much as may be at a time. When all of it is with the daemon, more is offered. */
static void fetch_wanted(struct sync *sync)
{
	size_t parallel = sync->ops->bucket->settings->parallel;

	while (sync->judged < sync->offered_len && sync->fetching < parallel &&
	       sync->applying < APPLYING_MAX) {
		size_t index = sync->judged++;
		if (sync->verdicts[index] == coffer_v1_MirrorVerdict_MIRROR_WANTED &&
		    !begin_fetch(sync, index)) {
			fail_here(sync, COFFER_RESOURCE_EXHAUSTED, "out of memory", SLICE_EMPTY);
			return;
		}
	}
	if (sync->judged == sync->offered_len && sync->fetching == 0 && sync->applying == 0)
		offer(sync);
}

static void on_verdicts(void *user, coffer_err code, struct slice body)
{
	struct sync *sync = user;
	coffer_v1_MirrorOfferResponse reply;

	if (!sync->running)
		return;
	if (code != COFFER_OK) {
		fail_here(sync, code, "the daemon does not take offers: ", body);
		return;
	}
	if (codec_decode(body, coffer_v1_MirrorOfferResponse_fields, &reply, sizeof(reply)) !=
		COFFER_OK ||
	    reply.verdicts.len != sync->offered_len) {
		fail_here(sync, COFFER_INTERNAL, "the daemon's verdicts are malformed",
			  SLICE_EMPTY);
		return;
	}
	memcpy(sync->verdicts, reply.verdicts.data, reply.verdicts.len);
	for (size_t i = 0; i < sync->offered_len; i++)
		if (sync->verdicts[i] == coffer_v1_MirrorVerdict_MIRROR_KNOWN)
			offered(sync, i)->known = true;
	sync->judged = 0;
	fetch_wanted(sync);
}

/* As many of what is not known as fit into a request. */
static void offer(struct sync *sync)
{
	struct buf *body = link_body(sync->link);
	char key[KEYS_TEXT_MAX + 1];

	sync->offered_len = 0;
	for (; sync->next < sync->keys.len && sync->offered_len < SYNC_OFFER_MAX; sync->next++) {
		if (sync->keys.list[sync->next].known)
			continue;
		keys_format(&sync->keys.list[sync->next], key);
		if (codec_append_bytes(body, coffer_v1_MirrorOfferRequest_keys_tag,
				       slice_str(key)) != COFFER_OK)
			break;
		sync->offered[sync->offered_len++] = (uint32_t)sync->next;
	}
	if (sync->offered_len == 0) {
		answer_set(&sync->answer, COFFER_OK, false, "%s", "");
		end(sync);
	} else if (!link_ask(sync->link, "MirrorOffer", on_verdicts, sync)) {
		fail_here(sync, COFFER_INTERNAL, "the daemon cannot be asked", SLICE_EMPTY);
	}
}

static void on_key(void *user, struct slice key)
{
	struct sync *sync = user;
	const char *prefix = sync->ops->bucket->settings->prefix;
	size_t len = strlen(prefix);

	if (sync->found_err != COFFER_OK || key.len <= len || memcmp(key.data, prefix, len) != 0 ||
	    key.data[len] != '/')
		return;
	(void)keys_add(&sync->found, sync->listing,
		       (struct slice){ key.data + len + 1, key.len - len - 1 }, &sync->found_err);
}

static void offer_found(struct sync *sync)
{
	keys_sort(&sync->found);
	keys_mark_known(&sync->found, &sync->keys);
	keys_free(&sync->keys);
	sync->keys = sync->found;
	sync->found = (struct keys){ .list = NULL };
	sync->next = 0;
	offer(sync);
}

static void list_page(struct sync *sync, char *continuation);

static void on_page(struct op *op, void *user)
{
	struct sync *sync = user;
	struct slice document = { op->request.got.data, op->request.got.len };
	char *next = NULL;

	sync->answer = op->answer;
	if (op->answer.code != COFFER_OK) {
		fail(sync, true);
		return;
	}
	if (page_read(document, on_key, sync, &next) != COFFER_OK)
		answer_set(&sync->answer, COFFER_UNAVAILABLE, true,
			   "%s answers in words that are not S3's",
			   sync->ops->bucket->settings->endpoint);
	else if (sync->found_err != COFFER_OK || ++sync->pages > PAGES_MAX)
		answer_set(&sync->answer, COFFER_RESOURCE_EXHAUSTED, false,
			   "the bucket lists more objects than there is memory for");
	op_free(sync->page);
	sync->page = NULL;
	if (sync->answer.code != COFFER_OK) {
		free(next);
		fail(sync, true);
	} else if (next != NULL || sync->listing == KEYS_BATCH) {
		sync->listing = next != NULL ? sync->listing : KEYS_RECORD;
		list_page(sync, next);
	} else {
		offer_found(sync);
	}
}

/* Takes over continuation. */
static void list_page(struct sync *sync, char *continuation)
{
	bool batches = sync->listing == KEYS_BATCH;

	sync->page =
	    op_new(sync->ops, OP_LIST, batches ? SLICE_LITERAL("v1/batch/") : SLICE_LITERAL("v1/"));
	if (sync->page == NULL) {
		free(continuation);
		fail_here(sync, COFFER_RESOURCE_EXHAUSTED, "out of memory", SLICE_EMPTY);
		return;
	}
	sync->page->continuation = continuation;
	sync->page->page = PAGE_KEYS;
	sync->page->patience_ms /= LIST_SHARE;
	op_begin(sync->page, on_page, sync);
}

void sync_begin(struct sync *sync)
{
	sync->running = true;
	sync->failing = false;
	sync->of_bucket = false;
	sync->began_ms = clock_wall_ms();
	sync->listing = KEYS_BATCH;
	sync->pages = 0;
	sync->found_err = COFFER_OK;
	list_page(sync, NULL);
}

void sync_drop(struct sync *sync)
{
	struct sync_fetch *fetch, *next;

	op_free(sync->page);
	sync->page = NULL;
	DL_FOREACH_SAFE(sync->fetches, fetch, next)
	{
		fetch_free(fetch);
	}
	keys_free(&sync->found);
	keys_forget(&sync->keys);
	sync->running = false;
}

void sync_close(struct sync *sync)
{
	sync_drop(sync);
	keys_free(&sync->keys);
}
