#include "audit/verify.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "audit/folder.h"
#include "audit/record.h"
#include "audit/segment.h"

/* A place as it travels to the client and back, with a mac so that it comes back as it was. A record
 * begins with another byte, so the mac of neither passes for one of the other. */
struct cursor {
	char magic[8];
	uint64_t file;
	uint64_t offset;
	uint64_t first_seq;
	uint64_t oldest;
	uint64_t compared;
	struct chain_head last;
};
static const char cursor_magic[8] = "cursor/2";

_Static_assert(sizeof(struct cursor) == 8 + 6 * 8 + CHAIN_MAC_LEN, "a cursor has no padding");
_Static_assert(sizeof(struct cursor) + CHAIN_MAC_LEN <= READER_CURSOR_MAX, "a cursor fits");

static void cursor_mac(const struct verify *walk, const struct cursor *cursor,
		       struct chain_head *mac)
{
	*mac = (struct chain_head){ 0 };
	chain_extend(walk->key, mac, (struct slice){ (const uint8_t *)cursor, sizeof(*cursor) },
		     mac);
}

coffer_err verify_resume(struct verify *walk)
{
	const struct reader_verdict *verdict = walk->verdict;
	struct chain_head want, found;
	struct cursor cursor;

	if (verdict->cursor_len == 0)
		return COFFER_OK;
	if (verdict->cursor_len != sizeof(cursor) + CHAIN_MAC_LEN)
		return COFFER_INVALID_ARGUMENT;
	memcpy(&cursor, verdict->cursor, sizeof(cursor));
	cursor_mac(walk, &cursor, &want);
	found.seq = want.seq;
	memcpy(found.mac, verdict->cursor + sizeof(cursor), CHAIN_MAC_LEN);
	if (!chain_equal(&want, &found))
		return COFFER_INVALID_ARGUMENT;
	walk->file = cursor.file;
	walk->offset = cursor.offset;
	walk->first_seq = cursor.first_seq;
	walk->last = cursor.last;
	walk->oldest = cursor.oldest;
	walk->compared = cursor.compared;
	return COFFER_OK;
}

static void save(const struct verify *walk)
{
	struct reader_verdict *verdict = walk->verdict;
	struct chain_head mac;
	struct cursor cursor = {
		.file = walk->file,
		.offset = walk->offset,
		.first_seq = walk->first_seq,
		.oldest = walk->oldest,
		.compared = walk->compared,
		.last = walk->last,
	};

	memcpy(cursor.magic, cursor_magic, sizeof(cursor.magic));
	cursor_mac(walk, &cursor, &mac);
	memcpy(verdict->cursor, &cursor, sizeof(cursor));
	memcpy(verdict->cursor + sizeof(cursor), mac.mac, CHAIN_MAC_LEN);
	verdict->cursor_len = sizeof(cursor) + CHAIN_MAC_LEN;
}

/* Ends the verification: with what is wrong, or with "". */
static void finish(struct verify *walk, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void finish(struct verify *walk, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(walk->verdict->problem, READER_PROBLEM_MAX, format, args);
	va_end(args);
	walk->verdict->done = true;
}

/* "records 20 to 25 are missing" and where. */
static void finish_missing(struct verify *walk, uint64_t from, uint64_t to, const char *where)
{
	if (from == to)
		finish(walk, "record %" PRIu64 " is missing %s", from, where);
	else
		finish(walk, "records %" PRIu64 " to %" PRIu64 " are missing %s", from, to, where);
}

/* A record that stands is compared with the checkpoint, if it is that one. */
static void compare(struct verify *walk, const struct chain_head *found)
{
	const struct chain_head *checkpoint = &walk->verdict->checkpoint;

	if (checkpoint->seq == 0 || checkpoint->seq != found->seq)
		return;
	walk->compared = found->seq;
	if (!chain_equal(checkpoint, found))
		finish(walk,
		       "record %" PRIu64 " is not the one of the checkpoint: the log was "
		       "written anew since, or is another one",
		       found->seq);
}

/* Takes in a record that stands. */
static void accept_record(struct verify *walk, const struct chain_head *found,
			  const struct record_border *border)
{
	if (walk->first_seq == 0) {
		walk->first_seq = found->seq;
		compare(walk, &walk->last); /* what it continues stands, too */
	}
	if (border->oldest > walk->oldest)
		walk->oldest = border->oldest;
	walk->last = *found;
	compare(walk, found);
}

static void check_line(struct verify *walk, const char *name, struct slice line)
{
	char where[READER_PROBLEM_MAX];
	struct record_border border;
	struct chain_head found, want;
	struct slice text;
	bool begins;

	if (record_parse(line, &found.seq, &text, found.mac) != COFFER_OK) {
		finish(walk, "the line behind record %" PRIu64 " in %s is not a record",
		       walk->last.seq, name);
		return;
	}
	/* Once older files are gone, the record itself tells what it continues, under its own mac. */
	begins = record_parse_border(text, &border);
	if (begins && walk->first_seq == 0 && found.seq > 1)
		memcpy(walk->last.mac, border.after, sizeof(border.after));
	chain_extend(walk->key, &walk->last, text, &want);
	(void)snprintf(where, sizeof(where), "in front of record %" PRIu64 " in %s", found.seq,
		       name);
	if (found.seq > want.seq)
		finish_missing(walk, want.seq, found.seq - 1, where);
	else if (found.seq < want.seq)
		finish(walk, "record %" PRIu64 " in %s is out of place, behind record %" PRIu64,
		       found.seq, name, walk->last.seq);
	else if (walk->first_seq == 0 && found.seq > 1 && !begins)
		finish(walk, "records up to %" PRIu64 " are missing %s", found.seq - 1, where);
	else if (!chain_equal(&found, &want))
		finish(walk, "record %" PRIu64 " in %s was altered", found.seq, name);
	else if (found.seq == walk->head->seq && !chain_equal(&found, walk->head))
		finish(walk, "record %" PRIu64 " in %s is not the one that was made", found.seq,
		       name);
	else
		accept_record(walk, &found, &border);
}

/* Walks over lines of one file, to its end (*end) or until the budget is used up. */
static coffer_err walk_lines(struct verify *walk, struct segment *segment, size_t *budget,
			     bool *end)
{
	char name[FOLDER_NAME_LEN + 1];
	struct slice line;
	coffer_err err;

	folder_name(walk->file, name);
	*end = false;
	if (walk->offset > segment->size)
		finish(walk, "%s is shorter than it was", name);
	while (!walk->verdict->done && *budget > 0) {
		err = segment_line(segment, walk->offset, &line);
		*end = err == COFFER_NOT_FOUND;
		if (*end)
			return COFFER_OK;
		if (err == COFFER_DATA_LOSS && walk->offset + line.len == segment->size)
			finish(walk, "%s ends in the middle of a line, behind record %" PRIu64,
			       name, walk->last.seq);
		else if (err == COFFER_OK || err == COFFER_DATA_LOSS)
			check_line(walk, name, line);
		else
			return err;
		walk->offset += line.len;
		*budget -= line.len < *budget ? line.len : *budget;
	}
	return COFFER_OK;
}

/* The end of the log: compares it with the head, its beginning with what is kept, and tells if the
 * checkpoint was not come by. */
static void end_log(struct verify *walk)
{
	const struct chain_head *checkpoint = &walk->verdict->checkpoint;

	/* Records behind the head may have been made since it was taken. */
	if (walk->last.seq < walk->head->seq)
		finish_missing(walk, walk->last.seq + 1, walk->head->seq, "at the end");
	else if (walk->first_seq > 1 && walk->first_seq > walk->oldest)
		finish_missing(walk, walk->oldest, walk->first_seq - 1, "at the beginning");
	else if (checkpoint->seq == walk->compared)
		finish(walk, "%s", "");
	else if (checkpoint->seq > walk->last.seq)
		finish(walk,
		       "the log ends with record %" PRIu64
		       ", and the checkpoint is of record %" PRIu64
		       ": it was cut, or is an older copy",
		       walk->last.seq, checkpoint->seq);
	else
		finish(walk,
		       "record %" PRIu64 ", of the checkpoint, is no longer kept: the log begins "
		       "with record %" PRIu64,
		       checkpoint->seq, walk->first_seq);
}

/* Goes to the next file. */
static coffer_err next_file(struct verify *walk)
{
	char name[FOLDER_NAME_LEN + 1], where[READER_PROBLEM_MAX];
	uint64_t next, expected = walk->last.seq + 1;
	coffer_err err = COFFER_NOT_FOUND;

	if (walk->file < UINT64_MAX)
		err = folder_oldest(walk->folder, walk->file + 1, &next);
	if (err == COFFER_NOT_FOUND) {
		end_log(walk);
		return COFFER_OK;
	}
	if (err != COFFER_OK)
		return err;
	folder_name(next, name);
	if (walk->file == 0)
		walk->last.seq = next - 1; /* whatever the oldest file begins with */
	else if (next < expected)
		finish(walk, "%s is out of place, behind record %" PRIu64, name, walk->last.seq);
	else if (next > expected) {
		(void)snprintf(where, sizeof(where), "in front of %s", name);
		finish_missing(walk, expected, next - 1, where);
	}
	walk->file = next;
	walk->offset = 0;
	return COFFER_OK;
}

static coffer_err walk_file(struct verify *walk, size_t *budget, bool *end)
{
	struct segment segment;
	coffer_err err;

	if ((err = segment_open(&segment, walk->folder, walk->file)) != COFFER_OK)
		return err;
	err = walk_lines(walk, &segment, budget, end);
	segment_close(&segment);
	return err;
}

/* Files that are no longer kept may go between two steps, the oldest first: then the walk begins anew
 * with what is the oldest now, which is the one that it would have come to. */
static coffer_err begin_anew_if_gone(struct verify *walk)
{
	uint64_t found;
	coffer_err err;

	if (walk->file == 0)
		return COFFER_OK;
	err = folder_newest(walk->folder, walk->file, &found);
	if (err != COFFER_OK && err != COFFER_NOT_FOUND)
		return err;
	if (err == COFFER_OK && found == walk->file)
		return COFFER_OK;
	walk->file = walk->offset = walk->first_seq = 0;
	walk->last = (struct chain_head){ 0 };
	return COFFER_OK;
}

coffer_err verify_step(struct verify *walk, size_t budget)
{
	struct reader_verdict *verdict = walk->verdict;
	coffer_err err = begin_anew_if_gone(walk);
	bool end = walk->file == 0;

	if (budget == 0)
		budget = 1;
	while (err == COFFER_OK && !verdict->done && (budget > 0 || end)) {
		if (end) {
			err = next_file(walk);
			end = false;
		} else {
			err = walk_file(walk, &budget, &end);
		}
	}
	if (err != COFFER_OK)
		return err;
	verdict->first_seq = walk->first_seq;
	verdict->last_seq = walk->first_seq != 0 ? walk->last.seq : 0;
	memcpy(verdict->last_mac, walk->last.mac, sizeof(verdict->last_mac));
	verdict->cursor_len = 0;
	if (!verdict->done)
		save(walk);
	return COFFER_OK;
}
