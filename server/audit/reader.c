#include "audit/reader.h"

#include <errno.h>
#include <unistd.h>

#include "audit/folder.h"
#include "audit/match.h"
#include "audit/segment.h"
#include "audit/verify.h"

struct copying {
	struct match match;
	struct segment_place place;
	struct buf *out;
	uint64_t *last_seq;
	size_t budget;
	bool spent;
};

/* Appends the lines of one file that match. COFFER_RESOURCE_EXHAUSTED if out is too small for one. */
static coffer_err copy_file(struct copying *copying, struct segment *segment)
{
	struct segment_record record;
	struct buf *out = copying->out;
	uint64_t offset;
	coffer_err err;

	copying->place.after = *copying->last_seq;
	if ((err = segment_seek(segment, &copying->place, &offset)) != COFFER_OK)
		return err;
	for (; !copying->spent; offset = record.end) {
		err = segment_record_from(segment, offset, segment->size, &record);
		if (err != COFFER_OK)
			return err == COFFER_NOT_FOUND ? COFFER_OK : err;
		/* Also lines that somebody put into a wrong place: pages must lead to an end. */
		if (record.head.seq <= *copying->last_seq)
			continue;
		if (!segment_in_front(&record, &copying->place) &&
		    match_text(&copying->match, record.text)) {
			if (record.line.len > out->cap - out->len)
				return COFFER_RESOURCE_EXHAUSTED;
			memcpy(out->data + out->len, record.line.data, record.line.len);
			out->len += record.line.len;
		}
		*copying->last_seq = record.head.seq;
		copying->spent = record.line.len >= copying->budget;
		copying->budget -= copying->spent ? 0 : record.line.len;
	}
	return COFFER_OK;
}

/* Whether the file begins with a record that is older than what was asked for. */
static coffer_err begins_before(const struct segment_place *place, int folder, uint64_t first,
				bool *before)
{
	struct segment_place time = { .since = place->since };
	struct segment_record record;
	struct segment segment;
	coffer_err err;

	*before = false;
	if ((err = segment_open(&segment, folder, first)) != COFFER_OK)
		return err;
	err = segment_record_from(&segment, 0, segment.size, &record);
	*before = err == COFFER_OK && segment_in_front(&record, &time);
	segment_close(&segment);
	return err == COFFER_NOT_FOUND ? COFFER_OK : err;
}

/* Goes on to the last file that begins with a record which is older than what was asked for. */
static coffer_err skip_older(int folder, const struct segment_place *place, uint64_t *first)
{
	uint64_t next;
	bool before = true;
	coffer_err err = COFFER_OK;

	while (err == COFFER_OK && *first < UINT64_MAX) {
		err = folder_oldest(folder, *first + 1, &next);
		if (err == COFFER_OK)
			err = begins_before(place, folder, next, &before);
		if (err != COFFER_OK || !before)
			break;
		*first = next;
	}
	return err == COFFER_NOT_FOUND ? COFFER_OK : err;
}

/* The file to begin with: of those whose records may be behind the place, the oldest. */
static coffer_err find_first(int folder, const struct segment_place *place, uint64_t *first)
{
	uint64_t next = place->after < UINT64_MAX ? place->after + 1 : place->after;
	coffer_err err = folder_newest(folder, next, first);

	if (err == COFFER_NOT_FOUND)
		err = folder_oldest(folder, next, first);
	return err == COFFER_OK && place->since.len > 0 ? skip_older(folder, place, first) : err;
}

static coffer_err copy_files(struct copying *copying, int folder)
{
	struct segment segment;
	uint64_t first;
	coffer_err err;

	for (err = find_first(folder, &copying->place, &first); err == COFFER_OK;
	     err = folder_oldest(folder, first + 1, &first)) {
		if ((err = segment_open(&segment, folder, first)) != COFFER_OK)
			return err;
		err = copy_file(copying, &segment);
		segment_close(&segment);
		if (err != COFFER_OK || copying->spent || first == UINT64_MAX)
			return err;
	}
	return err == COFFER_NOT_FOUND ? COFFER_OK : err;
}

coffer_err reader_copy(const char *folder, const struct reader_query *query, struct buf *out,
		       uint64_t *last_seq, bool *more)
{
	struct copying copying = { .out = out,
				   .last_seq = last_seq,
				   .budget = query->budget > 0 ? query->budget : SIZE_MAX };
	int fd = folder_open(folder), saved;
	size_t start = out->len;
	coffer_err err;

	*last_seq = query->after_seq;
	*more = false;
	if (fd < 0)
		return COFFER_UNAVAILABLE;
	match_begin(&copying.match, query);
	copying.place = (struct segment_place){ query->after_seq, copying.match.since };
	err = copy_files(&copying, fd);
	saved = errno;
	close(fd);
	errno = saved;
	*more = copying.spent || (err == COFFER_RESOURCE_EXHAUSTED && *last_seq > query->after_seq);
	if (*more)
		return COFFER_OK;
	if (err != COFFER_OK) {
		out->len = start;
		*last_seq = query->after_seq;
	}
	return err;
}

coffer_err reader_verify(const char *folder, const uint8_t key[CHAIN_KEY_LEN],
			 const struct chain_head *head, size_t budget,
			 struct reader_verdict *verdict)
{
	struct verify walk = { .key = key, .head = head, .verdict = verdict };
	coffer_err err;
	int saved;

	verdict->done = false;
	verdict->problem[0] = '\0';
	if ((err = verify_resume(&walk)) != COFFER_OK)
		return err;
	walk.folder = folder_open(folder);
	if (walk.folder < 0)
		return COFFER_UNAVAILABLE;
	err = verify_step(&walk, budget);
	saved = errno;
	close(walk.folder);
	errno = saved;
	return err;
}
