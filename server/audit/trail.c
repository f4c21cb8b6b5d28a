#include "audit/trail.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/folder.h"
#include "audit/recover.h"
#include "audit/rotate.h"
#include "audit/sink.h"
#include "base/log.h"

/* Gathered records are flushed early when a record of any size would not fit behind them. */
#define GATHER_MAX (4 * RECORD_LINE_MAX)

/* Room in the file that only requests which free space may use up. */
#define RESERVE (256u * 1024)

#define NONE SIZE_MAX

struct trail {
	char *folder;
	const uint8_t *key;
	bool sync_always;
	bool failed; /* a spell in which requests are refused, told once in the log */
	struct sink sink;
	struct rotate rotate;
	struct buf gathered; /* records that are not flushed */
	size_t sent;         /* bytes of them that a failed flush has written */
	struct chain_head head;
	uint64_t made; /* bytes of records since the start */

	/* The open record, and the last one while it can be taken back. */
	size_t open, subject_end;
	uint32_t items;
	size_t last;
	struct chain_head before_last;
};

/* Notes the failure of a system call, whose errno is set. */
static coffer_err fail(struct trail *trail)
{
	if (!trail->failed)
		log_error("audit log cannot be written: %s", strerror(errno));
	trail->failed = true;
	return COFFER_UNAVAILABLE;
}

static coffer_err open_sink(struct trail *trail, const struct trail_options *options)
{
	int folder = folder_open(options->folder), saved;
	struct recovered log;
	bool append = false;
	coffer_err err;

	if (folder < 0)
		return COFFER_UNAVAILABLE;
	if ((err = recover_end(folder, options->key, &log)) != COFFER_OK)
		goto out;
	/* A new file is named after the record that comes next in the log, also where the anchor is
	 * further on: so the gap shows. */
	err = sink_open(&trail->sink, folder, log.first != 0 ? log.first : log.head.seq + 1,
			log.first == 0, log.end);
	if (err != COFFER_OK)
		goto out;
	err = recover_anchor(folder, options->key, &options->anchor, options->anchor_line,
			     &log.head, &append);
	trail->head = log.head;
	trail->rotate.oldest = log.oldest;
	rotate_start(&trail->rotate);
	if (append) {
		memcpy(trail->gathered.data, options->anchor_line.data, options->anchor_line.len);
		trail->gathered.len = options->anchor_line.len;
	}
out:
	saved = errno;
	close(folder);
	errno = saved;
	return err;
}

coffer_err trail_open(struct trail **out, const struct trail_options *options)
{
	struct trail *trail = calloc(1, sizeof(*trail));
	coffer_err err;

	*out = NULL;
	if (trail == NULL)
		return COFFER_RESOURCE_EXHAUSTED;
	trail->key = options->key;
	trail->sync_always = options->sync_always;
	trail->sink.fd = -1;
	trail->last = NONE;
	trail->open = NONE;
	trail->folder = strdup(options->folder);
	trail->rotate = (struct rotate){ .folder = trail->folder,
					 .key = trail->key,
					 .sink = &trail->sink,
					 .head = &trail->head,
					 .file_max = options->file_max,
					 .keep = options->keep,
					 .room = RECORD_LINE_MAX + RESERVE };
	trail->gathered = (struct buf){ malloc(GATHER_MAX), 0, GATHER_MAX };
	err = trail->folder != NULL && trail->gathered.data != NULL ? open_sink(trail, options)
								    : COFFER_RESOURCE_EXHAUSTED;
	if (err != COFFER_OK) {
		int saved = errno;
		trail_close(trail);
		errno = saved;
		return err;
	}
	/* A full disk does not keep the daemon from starting: it serves what needs no record, and the
	 * anchor's line waits in memory, and in the store, until there is room. */
	if (trail_sync(trail) != COFFER_OK)
		log_warn("audit log: starting without it");
	*out = trail;
	return COFFER_OK;
}

void trail_close(struct trail *trail)
{
	if (trail == NULL)
		return;
	if (trail->sink.fd >= 0 && trail_sync(trail) != COFFER_OK && trail->gathered.len > 0)
		log_error("audit log: the records up to %" PRIu64 " were not written",
			  trail->head.seq);
	sink_close(&trail->sink);
	free(trail->gathered.data);
	free(trail->folder);
	free(trail);
}

static bool has_space(const struct trail *trail)
{
	return trail->gathered.cap - trail->gathered.len >= RECORD_LINE_MAX;
}

static uint64_t needed_room(const struct trail *trail, bool use_reserve)
{
	return trail->gathered.len + RECORD_LINE_MAX + (use_reserve ? 0 : RESERVE);
}

static bool has_grown(const struct trail *trail)
{
	return trail->sink.end + trail->gathered.len >= trail->rotate.due;
}

/* Goes on in another file if this one was damaged or is large enough. Nothing is gathered. */
static coffer_err choose_file(struct trail *trail)
{
	if (rotate_damaged(&trail->rotate) != COFFER_OK ||
	    (has_grown(trail) && rotate_grown(&trail->rotate) != COFFER_OK))
		return fail(trail);
	return COFFER_OK;
}

/* The slow path of trail_ready: there is something to write, to allocate or to get over. */
static coffer_err make_ready(struct trail *trail, bool use_reserve)
{
	coffer_err err;

	if ((trail->failed || !has_space(trail) || has_grown(trail)) &&
	    (err = trail_flush(trail)) != COFFER_OK)
		return err;
	if (trail->gathered.len == 0 && (err = choose_file(trail)) != COFFER_OK)
		return err;
	if (sink_make_room(&trail->sink, needed_room(trail, use_reserve)) != COFFER_OK)
		return fail(trail);
	/* A request that dips into the reserve does not end the spell. */
	if (trail->failed && !use_reserve) {
		trail->failed = false;
		log_info("audit log can be written again");
	}
	return COFFER_OK;
}

coffer_err trail_ready(struct trail *trail, bool use_reserve)
{
	/* The file is looked at once a turn, before its first record is made: what is done to it between
	 * that and the flush is found before the next. */
	if (!trail->failed && has_space(trail) && !has_grown(trail) &&
	    sink_has_room(&trail->sink, needed_room(trail, use_reserve)) &&
	    (trail->gathered.len > 0 || sink_damage(&trail->sink) == NULL))
		return COFFER_OK;
	return make_ready(trail, use_reserve);
}

void trail_tune(struct trail *trail, bool sync_always, uint64_t file_max, uint64_t keep)
{
	trail->sync_always = sync_always;
	trail->rotate.file_max = file_max;
	trail->rotate.keep = keep;
	rotate_start(&trail->rotate);
}

void trail_tend(struct trail *trail)
{
	assert(trail->open == NONE);
	if (trail_flush(trail) == COFFER_OK)
		(void)choose_file(trail);
	rotate_drop(&trail->rotate);
}

void trail_begin(struct trail *trail, const struct record_subject *subject)
{
	assert(trail->open == NONE);
	/* Should this fail the records are kept, and so is this one as long as there is space. */
	if (!has_space(trail))
		(void)!trail_flush(trail);
	trail->open = trail->gathered.len;
	trail->items = 0;
	record_begin(&trail->gathered, trail->head.seq + 1, subject);
	trail->subject_end = trail->gathered.len;
}

void trail_secret(struct trail *trail, struct slice scope, struct slice name, uint32_t version)
{
	assert(trail->open != NONE);
	record_secret(&trail->gathered, scope, name, version);
}

void trail_item(struct trail *trail, struct slice scope, struct slice name, uint32_t version)
{
	assert(trail->open != NONE && trail->items < RECORD_SECRETS_MAX);
	record_item(&trail->gathered, trail->items == 0, scope, name, version);
	trail->items++;
}

void trail_restart(struct trail *trail)
{
	assert(trail->open != NONE);
	trail->gathered.len = trail->subject_end;
	trail->items = 0;
}

void trail_end(struct trail *trail, coffer_err outcome, struct slice reason)
{
	struct buf *out = &trail->gathered;

	assert(trail->open != NONE);
	record_outcome(out, trail->items > 0, outcome, reason);
	trail->before_last = trail->head;
	chain_extend(trail->key, &trail->head,
		     (struct slice){ out->data + trail->open, out->len - trail->open },
		     &trail->head);
	record_mac(out, trail->head.mac);
	trail->made += out->len - trail->open;
	trail->last = trail->open;
	trail->open = NONE;
}

struct slice trail_last(const struct trail *trail)
{
	assert(trail->open == NONE);
	if (trail->last == NONE)
		return SLICE_EMPTY;
	return (struct slice){ trail->gathered.data + trail->last,
			       trail->gathered.len - trail->last };
}

void trail_undo(struct trail *trail)
{
	assert(trail->open == NONE);
	if (trail->last == NONE)
		return;
	trail->made -= trail->gathered.len - trail->last;
	trail->gathered.len = trail->last;
	if (trail->sent > trail->gathered.len)
		trail->sent = trail->gathered.len;
	trail->head = trail->before_last;
	trail->last = NONE;
}

coffer_err trail_flush(struct trail *trail)
{
	struct slice lines = { trail->gathered.data, trail->gathered.len };

	assert(trail->open == NONE);
	if (lines.len == 0)
		return COFFER_OK;
	if (sink_write(&trail->sink, lines, &trail->sent) != COFFER_OK)
		return fail(trail);
	if (trail->sync_always && sink_sync(&trail->sink) != COFFER_OK) {
		/* The kernel may have dropped what it could not write, and would call the next sync of it
		 * a success: so it is written again. */
		trail->sent = 0;
		return fail(trail);
	}
	sink_advance(&trail->sink, lines.len);
	trail->gathered.len = trail->sent = 0;
	trail->last = NONE;
	return COFFER_OK;
}

coffer_err trail_sync(struct trail *trail)
{
	coffer_err err;

	if ((err = trail_flush(trail)) != COFFER_OK)
		return err;
	return sink_sync(&trail->sink) == COFFER_OK ? COFFER_OK : fail(trail);
}

const struct chain_head *trail_head(const struct trail *trail)
{
	return &trail->head;
}

uint64_t trail_made(const struct trail *trail)
{
	return trail->made;
}

struct trail_extent trail_extent(const struct trail *trail)
{
	struct trail_extent extent = { .oldest = trail->head.seq > 0 ? trail->rotate.oldest : 0 };
	int folder = folder_open(trail->folder);

	if (folder < 0)
		return extent;
	if (folder_size(folder, &extent.bytes) != COFFER_OK)
		log_debug("audit log: its files cannot be looked at: %s", strerror(errno));
	close(folder);
	return extent;
}

coffer_err trail_read(struct trail *trail, const struct reader_query *query, struct buf *out,
		      uint64_t *last_seq, bool *more)
{
	coffer_err err = trail_flush(trail);

	*last_seq = query->after_seq;
	*more = false;
	return err == COFFER_OK ? reader_copy(trail->folder, query, out, last_seq, more) : err;
}

coffer_err trail_verify(struct trail *trail, size_t budget, struct reader_verdict *verdict)
{
	coffer_err err = trail_flush(trail);

	if (err == COFFER_OK)
		err = reader_verify(trail->folder, trail->key, &trail->head, budget, verdict);
	/* Somebody may keep the verdict as a checkpoint: a power cut must not take what it is about. */
	if (err == COFFER_OK && verdict->done)
		err = trail_sync(trail);
	return err;
}
