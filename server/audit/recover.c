#include "audit/recover.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "audit/folder.h"
#include "audit/segment.h"
#include "base/log.h"

/* The last record that ends at end or in front of it; COFFER_NOT_FOUND if there is none. *torn is where
 * lines begin that a crash cut short (without a newline, or with zero bytes of a block that did not
 * reach the disk); it stays as it is if there are none. Other lines are passed over: they are not for a
 * restart to erase. */
static coffer_err last_record(struct segment *segment, uint64_t end, struct segment_record *record,
			      uint64_t *torn)
{
	struct slice line;
	coffer_err err;

	for (record->end = end; record->end > 0; record->end = record->start) {
		err = segment_line_before(segment, record->end, &record->start);
		if (err != COFFER_OK)
			return err;
		err = segment_line(segment, record->start, &line);
		if (err != COFFER_OK && err != COFFER_DATA_LOSS)
			return err;
		if (err == COFFER_OK && record_parse(line, &record->head.seq, &record->text,
						     record->head.mac) == COFFER_OK)
			return COFFER_OK;
		if (err != COFFER_OK || memchr(line.data, 0, line.len) != NULL)
			*torn = record->start;
	}
	return COFFER_NOT_FOUND;
}

/* The newest record in the files in front of the one of number before. */
static coffer_err record_before(int folder, uint64_t before, struct chain_head *head)
{
	struct segment_record record;
	struct segment segment;
	uint64_t torn;
	coffer_err err;

	*head = (struct chain_head){ 0 };
	while ((err = folder_newest(folder, before - 1, &before)) == COFFER_OK) {
		if ((err = segment_open(&segment, folder, before)) != COFFER_OK)
			return err;
		err = last_record(&segment, segment.size, &record, &torn);
		segment_close(&segment);
		if (err == COFFER_OK)
			*head = record.head;
		if (err != COFFER_NOT_FOUND)
			return err;
	}
	return err;
}

static void tell_missing(uint64_t from, uint64_t to)
{
	if (from == to)
		log_error("audit log: record %" PRIu64 " is missing", from);
	else
		log_error("audit log: records %" PRIu64 " to %" PRIu64 " are missing", from, to);
}

/* The record in front of the first one of a file. */
static struct chain_head head_before(uint64_t seq, const struct record_border *border)
{
	struct chain_head head = { .seq = seq - 1 };

	memcpy(head.mac, border->after, sizeof(head.mac));
	return head;
}

/* What the first record of a file says; COFFER_NOT_FOUND if that is not the daemon's word. */
static coffer_err read_border(int folder, uint64_t first, const uint8_t *key,
			      struct record_border *border)
{
	struct segment_record record;
	struct chain_head head, want;
	struct segment segment;
	coffer_err err;

	if ((err = segment_open(&segment, folder, first)) != COFFER_OK)
		return err;
	err = segment_record_from(&segment, 0, segment.size, &record);
	if (err != COFFER_OK)
		goto out;
	err = COFFER_NOT_FOUND;
	if (!record_parse_border(record.text, border))
		goto out;
	head = head_before(record.head.seq, border);
	chain_extend(key, &head, record.text, &want);
	if (chain_equal(&want, &record.head))
		err = COFFER_OK;
out:
	segment_close(&segment);
	return err;
}

/* The newest word on which files are kept. */
static coffer_err find_oldest(int folder, uint64_t first, const uint8_t *key, uint64_t *oldest)
{
	struct record_border border;
	coffer_err err;

	*oldest = 1;
	do {
		err = read_border(folder, first, key, &border);
		if (err == COFFER_OK)
			*oldest = border.oldest;
		if (err != COFFER_NOT_FOUND)
			return err;
	} while ((err = folder_newest(folder, first - 1, &first)) == COFFER_OK);
	return err == COFFER_NOT_FOUND ? COFFER_OK : err;
}

/* Whether the log's last record continues the one before it. */
static coffer_err check_last(int folder, struct segment *segment, const uint8_t *key,
			     struct segment_record *last)
{
	struct segment_record before = { 0 };
	struct record_border border;
	struct chain_head want = { 0 };
	uint64_t torn;
	coffer_err err, found;

	found = last_record(segment, last->start, &before, &torn);
	if (found != COFFER_OK && found != COFFER_NOT_FOUND)
		return found;
	/* The window has moved. */
	if ((err = segment_record_from(segment, last->start, last->end, last)) != COFFER_OK)
		return err == COFFER_NOT_FOUND ? COFFER_UNAVAILABLE : err;
	if (found == COFFER_NOT_FOUND && record_parse_border(last->text, &border))
		before.head = head_before(last->head.seq, &border);
	else if (found == COFFER_NOT_FOUND)
		found = record_before(folder, segment->first, &before.head);
	if (found != COFFER_OK && found != COFFER_NOT_FOUND)
		return found;
	chain_extend(key, &before.head, last->text, &want);
	if (!chain_equal(&want, &last->head))
		log_error("audit log: record %" PRIu64 " was altered or does not continue the log",
			  last->head.seq);
	return COFFER_OK;
}

static coffer_err cut_file(int folder, struct segment *segment, uint64_t size)
{
	char name[FOLDER_NAME_LEN + 1];
	coffer_err err = COFFER_OK;
	int fd, saved;

	folder_name(segment->first, name);
	fd = openat(folder, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return COFFER_UNAVAILABLE;
	if (ftruncate(fd, (off_t)size) != 0 || fdatasync(fd) != 0)
		err = COFFER_UNAVAILABLE;
	saved = errno;
	close(fd);
	errno = saved;
	if (err != COFFER_OK)
		return err;
	segment->size = size;
	log_warn("audit log: an unfinished record at the end of %s was cut off", name);
	return COFFER_OK;
}

/* The end of the newest file and its last record, once what is torn is cut off. */
static coffer_err mend_file(int folder, struct segment *segment, const uint8_t *key,
			    struct recovered *out)
{
	struct segment_record last;
	coffer_err err, found;

	out->first = segment->first;
	out->end = segment->size;
	found = last_record(segment, segment->size, &last, &out->end);
	if (found != COFFER_OK && found != COFFER_NOT_FOUND)
		return found;
	if (out->end < segment->size && (err = cut_file(folder, segment, out->end)) != COFFER_OK)
		return err;
	if (out->end > last.end)
		log_error("audit log: it ends with lines that are not records");
	if (found == COFFER_OK) {
		out->head = last.head;
		return check_last(folder, segment, key, &last);
	}
	err = record_before(folder, segment->first, &out->head);
	return err == COFFER_NOT_FOUND ? COFFER_OK : err;
}

coffer_err recover_end(int folder, const uint8_t key[CHAIN_KEY_LEN], struct recovered *out)
{
	char name[FOLDER_NAME_LEN + 1];
	struct segment segment;
	uint64_t first;
	coffer_err err;

	*out = (struct recovered){ .oldest = 1 };
	while ((err = folder_newest(folder, UINT64_MAX, &first)) == COFFER_OK) {
		if ((err = segment_open(&segment, folder, first)) != COFFER_OK)
			return err;
		err = mend_file(folder, &segment, key, out);
		segment_close(&segment);
		if (err == COFFER_OK && out->end > 0)
			return find_oldest(folder, first, key, &out->oldest);
		if (err != COFFER_OK)
			return err;
		/* A crash came between making the log's first file and its first record. */
		folder_name(first, name);
		if (unlinkat(folder, name, 0) != 0 || fsync(folder) != 0)
			return COFFER_UNAVAILABLE;
		*out = (struct recovered){ .oldest = 1 };
	}
	return err == COFFER_NOT_FOUND ? COFFER_OK : err;
}

/* Whether the log's record of the anchor's number, if it is kept, is the anchor. */
static coffer_err check_anchor(int folder, const struct chain_head *anchor)
{
	struct segment_record record = { 0 };
	struct segment segment;
	uint64_t first, offset;
	coffer_err err;

	if ((err = folder_newest(folder, anchor->seq, &first)) != COFFER_OK)
		return err == COFFER_NOT_FOUND ? COFFER_OK : err;
	if ((err = segment_open(&segment, folder, first)) != COFFER_OK)
		return err;
	err = segment_seek(&segment, &(struct segment_place){ .after = anchor->seq - 1 }, &offset);
	while (err == COFFER_OK && record.head.seq < anchor->seq) {
		err = segment_record_from(&segment, offset, segment.size, &record);
		offset = record.end;
	}
	segment_close(&segment);
	if (err != COFFER_OK && err != COFFER_NOT_FOUND)
		return err;
	if (err == COFFER_NOT_FOUND || record.head.seq != anchor->seq)
		tell_missing(anchor->seq, anchor->seq);
	else if (!chain_equal(&record.head, anchor))
		log_error("audit log: record %" PRIu64 " is not the one that was made",
			  anchor->seq);
	return COFFER_OK;
}

coffer_err recover_anchor(int folder, const uint8_t key[CHAIN_KEY_LEN],
			  const struct chain_head *anchor, struct slice line,
			  struct chain_head *head, bool *append)
{
	struct chain_head stored, want;
	uint64_t last = head->seq;
	struct slice text;

	*append = false;
	if (anchor->seq == 0)
		return COFFER_OK;
	if (anchor->seq <= last)
		return check_anchor(folder, anchor);
	*append = record_parse(line, &stored.seq, &text, stored.mac) == COFFER_OK &&
		  chain_equal(&stored, anchor);
	chain_extend(key, head, text, &want);
	*head = *anchor;
	if (!*append && line.len > 0)
		log_error("audit log: the stored copy of record %" PRIu64 " is damaged",
			  anchor->seq);
	if (!*append || anchor->seq > last + 1)
		tell_missing(last + 1, *append ? anchor->seq - 1 : anchor->seq);
	else if (!chain_equal(&want, anchor))
		log_error("audit log: record %" PRIu64 " was altered or the one behind it was",
			  last);
	return COFFER_OK;
}
