#include "audit/rotate.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "audit/folder.h"
#include "audit/record.h"
#include "base/clock.h"
#include "base/log.h"

/* A record that names no secret is shorter. */
#define LINE_MAX_BYTES 1024

/* How much a file grows at most before it is tried again to begin another. */
#define RETRY_BYTES (1024u * 1024)

/* So many large files can be removed without holding up the daemon. */
#define DROPS_AT_ONCE 4

void rotate_start(struct rotate *rotate)
{
	rotate->due = rotate->file_max > 0 ? rotate->file_max : UINT64_MAX;
}

/* What is kept beside the new file of that number: never more than was kept before. */
static coffer_err find_oldest(const struct rotate *rotate, int folder, uint64_t first,
			      uint64_t *oldest)
{
	coffer_err err = rotate->keep > 0 ? COFFER_OK : COFFER_NOT_FOUND;

	*oldest = first;
	for (uint64_t files = 1; err == COFFER_OK && files < rotate->keep; files++)
		err = folder_newest(folder, *oldest - 1, oldest);
	if (err == COFFER_NOT_FOUND || *oldest < rotate->oldest)
		*oldest = rotate->oldest;
	return err == COFFER_NOT_FOUND ? COFFER_OK : err;
}

/* Makes the record behind head that a file begins with. */
static void make_line(const struct rotate *rotate, uint64_t oldest, const char *damage,
		      struct buf *out, struct chain_head *next)
{
	const struct record_subject subject = { .op = SLICE_LITERAL("AuditRotate"),
						.uid = (uint32_t)geteuid(),
						.gid = (uint32_t)getegid(),
						.pid = (int32_t)getpid(),
						.time_ms = clock_wall_ms() };
	struct record_border border = { .oldest = oldest };

	memcpy(border.after, rotate->head->mac, sizeof(border.after));
	record_begin(out, rotate->head->seq + 1, &subject);
	record_outcome(out, false, damage != NULL ? COFFER_DATA_LOSS : COFFER_OK,
		       slice_str(damage));
	record_border(out, &border);
	chain_extend(rotate->key, rotate->head, (struct slice){ out->data, out->len }, next);
	record_mac(out, next->mac);
}

/* damage tells why, or is NULL. */
static coffer_err begin(struct rotate *rotate, int folder, const char *damage)
{
	uint8_t bytes[LINE_MAX_BYTES];
	struct buf line = { bytes, 0, sizeof(bytes) };
	struct chain_head next;
	struct sink fresh;
	uint64_t oldest;
	coffer_err err;

	if ((err = find_oldest(rotate, folder, rotate->head->seq + 1, &oldest)) != COFFER_OK)
		return err;
	make_line(rotate, oldest, damage, &line, &next);
	err = sink_begin(&fresh, folder, next.seq, (struct slice){ line.data, line.len },
			 rotate->room);
	if (err != COFFER_OK)
		return err;
	if (damage != NULL)
		sink_abandon(rotate->sink);
	else
		sink_close(rotate->sink);
	*rotate->sink = fresh;
	*rotate->head = next;
	rotate->oldest = oldest;
	rotate_start(rotate);
	return COFFER_OK;
}

coffer_err rotate_grown(struct rotate *rotate)
{
	uint64_t wait = rotate->file_max < RETRY_BYTES ? rotate->file_max : RETRY_BYTES;
	int folder;

	/* Else a power cut could take the end of the old file and leave the new one. */
	if (sink_sync(rotate->sink) != COFFER_OK)
		return COFFER_UNAVAILABLE;
	folder = folder_open(rotate->folder);
	if (folder < 0 || begin(rotate, folder, NULL) != COFFER_OK) {
		log_warn("audit log: the next file cannot be begun: %s", strerror(errno));
		rotate->due = rotate->sink->end + wait;
	} else {
		rotate_drop(rotate);
	}
	if (folder >= 0)
		close(folder);
	return COFFER_OK;
}

coffer_err rotate_damaged(struct rotate *rotate)
{
	char name[FOLDER_NAME_LEN + 1], reason[FOLDER_NAME_LEN + 32];
	int folder = folder_open(rotate->folder), saved;
	const char *damage;
	coffer_err err;

	if (folder < 0)
		return COFFER_UNAVAILABLE;
	if ((damage = sink_displaced(rotate->sink, folder)) == NULL) {
		close(folder);
		return COFFER_OK;
	}
	folder_name(rotate->sink->first, name);
	snprintf(reason, sizeof(reason), "%s %s", name, damage);
	err = begin(rotate, folder, reason);
	saved = errno;
	close(folder);
	if (err == COFFER_OK)
		log_error("audit log: %s; record %" PRIu64 " begins another file", reason,
			  rotate->head->seq);
	errno = saved;
	return err;
}

void rotate_drop(const struct rotate *rotate)
{
	int folder;
	uint64_t first;

	if (rotate->oldest <= 1 || (folder = folder_open(rotate->folder)) < 0)
		return;
	for (int i = 0; i < DROPS_AT_ONCE; i++) {
		if (folder_oldest(folder, 1, &first) != COFFER_OK || first >= rotate->oldest)
			break;
		if (folder_remove(folder, first) == COFFER_OK)
			continue;
		log_warn("audit log: an old file cannot be removed: %s", strerror(errno));
		break;
	}
	close(folder);
}
