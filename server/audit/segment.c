#include "audit/segment.h"

#include "audit/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Bytes of one read; about a hundred lines. Bisection ends where fewer are left. */
#define CHUNK (16u * 1024)

coffer_err segment_open(struct segment *segment, int folder, uint64_t first)
{
	char name[FOLDER_NAME_LEN + 1];
	struct stat st = { 0 };
	int saved;

	folder_name(first, name);
	segment->first = first;
	segment->size = segment->at = 0;
	segment->len = 0;
	segment->fd = -1;
	if ((segment->window = malloc(SEGMENT_WINDOW)) == NULL)
		return COFFER_UNAVAILABLE;
	/* O_NONBLOCK, for a pipe in the place of a file must not hold up the daemon. */
	segment->fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (segment->fd < 0) {
		saved = errno;
		segment_close(segment);
		errno = saved;
		return COFFER_UNAVAILABLE;
	}
	saved = fstat(segment->fd, &st) != 0 ? errno : S_ISREG(st.st_mode) ? 0 : EINVAL;
	if (saved != 0) {
		segment_close(segment);
		errno = saved;
		return COFFER_UNAVAILABLE;
	}
	segment->size = (uint64_t)st.st_size;
	return COFFER_OK;
}

void segment_close(struct segment *segment)
{
	if (segment->fd >= 0)
		close(segment->fd);
	segment->fd = -1;
	free(segment->window);
	segment->window = NULL;
}

/* Adds a chunk to the window, which has room for some of it and is not at the end of the file. */
static coffer_err read_more(struct segment *segment)
{
	uint64_t left = segment->size - segment->at - segment->len;
	size_t want = SEGMENT_WINDOW - segment->len;
	ssize_t n;

	if (want > CHUNK)
		want = CHUNK;
	if (want > left)
		want = (size_t)left;
	while (want > 0) {
		n = pread(segment->fd, segment->window + segment->len, want,
			  (off_t)(segment->at + segment->len));
		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			errno = EIO; /* the file is shorter than it was */
		if (n <= 0)
			return COFFER_UNAVAILABLE;
		segment->len += (size_t)n;
		want -= (size_t)n;
	}
	return COFFER_OK;
}

/* Makes the window hold what stands at offset (below size), and *rest that part of it. */
static coffer_err load(struct segment *segment, uint64_t offset, struct slice *rest)
{
	coffer_err err;

	if (offset < segment->at || offset >= segment->at + segment->len) {
		segment->at = offset;
		segment->len = 0;
		if ((err = read_more(segment)) != COFFER_OK)
			return err;
	}
	rest->data = segment->window + (offset - segment->at);
	rest->len = segment->len - (size_t)(offset - segment->at);
	return COFFER_OK;
}

coffer_err segment_line(struct segment *segment, uint64_t offset, struct slice *line)
{
	const uint8_t *newline;
	struct slice rest;
	coffer_err err;

	*line = SLICE_EMPTY;
	if (offset >= segment->size)
		return COFFER_NOT_FOUND;
	if ((err = load(segment, offset, &rest)) != COFFER_OK)
		return err;
	while ((newline = memchr(rest.data, '\n', rest.len)) == NULL) {
		memmove(segment->window, rest.data, rest.len);
		segment->at = offset;
		segment->len = rest.len;
		*line = rest = (struct slice){ segment->window, rest.len };
		if (offset + rest.len == segment->size || rest.len == SEGMENT_WINDOW)
			return COFFER_DATA_LOSS;
		if ((err = read_more(segment)) != COFFER_OK)
			return err;
		rest.len = segment->len;
	}
	*line = (struct slice){ rest.data, (size_t)(newline - rest.data) + 1 };
	return COFFER_OK;
}

coffer_err segment_line_from(struct segment *segment, uint64_t offset, uint64_t *start)
{
	const uint8_t *newline;
	struct slice rest;
	coffer_err err;

	*start = 0;
	if (offset == 0)
		return COFFER_OK;
	for (uint64_t at = offset - 1; at < segment->size; at += rest.len) {
		if ((err = load(segment, at, &rest)) != COFFER_OK)
			return err;
		newline = memchr(rest.data, '\n', rest.len);
		if (newline != NULL) {
			*start = at + (uint64_t)(newline - rest.data) + 1;
			return COFFER_OK;
		}
	}
	*start = segment->size;
	return COFFER_OK;
}

coffer_err segment_line_before(struct segment *segment, uint64_t end, uint64_t *start)
{
	const uint8_t *newline;
	struct slice rest;
	coffer_err err;

	*start = 0;
	/* The byte before end belongs to the line whether it is its newline or not. */
	for (uint64_t top = end - 1, at; top > 0; top = at) {
		at = top > CHUNK ? top - CHUNK : 0;
		segment->len = 0;
		if ((err = load(segment, at, &rest)) != COFFER_OK)
			return err;
		if (rest.len > top - at)
			rest.len = (size_t)(top - at);
		newline = memrchr(rest.data, '\n', rest.len);
		if (newline != NULL) {
			*start = at + (uint64_t)(newline - rest.data) + 1;
			return COFFER_OK;
		}
	}
	return COFFER_OK;
}

coffer_err segment_record_from(struct segment *segment, uint64_t offset, uint64_t limit,
			       struct segment_record *record)
{
	coffer_err err;

	for (record->start = offset; record->start < limit; record->start = record->end) {
		err = segment_line_from(segment, record->start, &record->start);
		if (err != COFFER_OK)
			return err;
		if (record->start >= limit)
			break;
		err = segment_line(segment, record->start, &record->line);
		if (err != COFFER_OK && err != COFFER_DATA_LOSS)
			return err;
		record->end = record->start + record->line.len;
		if (err == COFFER_OK && record_parse(record->line, &record->head.seq, &record->text,
						     record->head.mac) == COFFER_OK)
			return COFFER_OK;
	}
	return COFFER_NOT_FOUND;
}

bool segment_in_front(const struct segment_record *record, const struct segment_place *place)
{
	struct slice time;

	if (record->head.seq <= place->after)
		return true;
	time = place->since.len > 0 ? record_time(record->text) : SLICE_EMPTY;
	return time.len > 0 && time.len == place->since.len &&
	       memcmp(time.data, place->since.data, time.len) < 0;
}

coffer_err segment_seek(struct segment *segment, const struct segment_place *place,
			uint64_t *offset)
{
	uint64_t low = 0, high = segment->size, middle;
	struct segment_record record;
	coffer_err err;

	/* Records that begin in front of low are in front of the place, and those from high on are not. */
	while (high - low > CHUNK) {
		middle = low + (high - low) / 2;
		err = segment_record_from(segment, middle, high, &record);
		if (err != COFFER_OK && err != COFFER_NOT_FOUND)
			return err;
		if (err == COFFER_OK && segment_in_front(&record, place))
			low = record.end;
		else
			high = middle;
	}
	return segment_line_from(segment, low, offset);
}
