#include "audit/reader.h"

#include <errno.h>
#include <unistd.h>

#include "audit/folder.h"
#include "audit/segment.h"
#include "audit/verify.h"

/* Appends the lines of one file. COFFER_RESOURCE_EXHAUSTED if out is too small for one of them. */
static coffer_err copy_file(struct segment *segment, struct buf *out, uint64_t *last_seq)
{
	struct segment_record record;
	uint64_t offset;
	coffer_err err;

	if ((err = segment_seek(segment, *last_seq, &offset)) != COFFER_OK)
		return err;
	for (;; offset = record.end) {
		err = segment_record_from(segment, offset, segment->size, &record);
		if (err != COFFER_OK)
			return err == COFFER_NOT_FOUND ? COFFER_OK : err;
		/* Also lines that somebody put into a wrong place: pages must lead to an end. */
		if (record.head.seq <= *last_seq)
			continue;
		if (record.line.len > out->cap - out->len)
			return COFFER_RESOURCE_EXHAUSTED;
		memcpy(out->data + out->len, record.line.data, record.line.len);
		out->len += record.line.len;
		*last_seq = record.head.seq;
	}
}

/* The file to begin with: of those whose records may be above after_seq, the oldest. */
static coffer_err find_first(int folder, uint64_t after_seq, uint64_t *first)
{
	uint64_t next = after_seq < UINT64_MAX ? after_seq + 1 : after_seq;
	coffer_err err = folder_newest(folder, next, first);

	return err == COFFER_NOT_FOUND ? folder_oldest(folder, next, first) : err;
}

coffer_err reader_copy(const char *folder, uint64_t after_seq, struct buf *out, uint64_t *last_seq,
		       bool *more)
{
	int fd = folder_open(folder), saved;
	struct segment segment;
	size_t start = out->len;
	uint64_t first;
	coffer_err err;

	*last_seq = after_seq;
	*more = false;
	if (fd < 0)
		return COFFER_UNAVAILABLE;
	for (err = find_first(fd, after_seq, &first); err == COFFER_OK;
	     err = folder_oldest(fd, first + 1, &first)) {
		if ((err = segment_open(&segment, fd, first)) != COFFER_OK)
			break;
		err = copy_file(&segment, out, last_seq);
		segment_close(&segment);
		if (err != COFFER_OK || first == UINT64_MAX)
			break;
	}
	saved = errno;
	close(fd);
	errno = saved;
	*more = err == COFFER_RESOURCE_EXHAUSTED && out->len > start;
	if (*more || err == COFFER_NOT_FOUND)
		return COFFER_OK;
	if (err != COFFER_OK) {
		out->len = start;
		*last_seq = after_seq;
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
