/* segment.h - one file of the audit log, read by whole lines. Layer: audit, private.
 *
 * A segment has a window that is large enough for the longest line, and of which only as much memory is
 * touched as was read; it is on the heap, for a stack that has grown so far stays resident. Each function
 * returns COFFER_UNAVAILABLE, with errno kept, if the system refuses. */
#ifndef AUDIT_SEGMENT_H
#define AUDIT_SEGMENT_H

#include <coffer/error.h>
#include <stdbool.h>
#include <stdint.h>

#include "audit/chain.h"
#include "audit/record.h"
#include "slice.h"

#define SEGMENT_WINDOW RECORD_LINE_MAX

struct segment {
	int fd; /* -1: none open */
	uint64_t first;
	uint64_t size;   /* when it was opened: what is appended later is not seen */
	uint64_t at;     /* where in the file the window begins */
	size_t len;      /* bytes in the window */
	uint8_t *window; /* SEGMENT_WINDOW bytes */
};

/* Opens the file of that number in an open folder. *segment need not be initialized. */
COFFER_MUST_USE coffer_err segment_open(struct segment *segment, int folder, uint64_t first);
void segment_close(struct segment *segment);

/* The line at offset, with its newline, as a slice of the window: valid until the next call.
 * COFFER_NOT_FOUND at the end of the file. COFFER_DATA_LOSS if there is no newline up to the end or
 * within RECORD_LINE_MAX bytes; *line is then what there is. */
COFFER_MUST_USE coffer_err segment_line(struct segment *segment, uint64_t offset,
					struct slice *line);

/* Where the first line begins that begins at offset or behind it; the size if there is none. */
COFFER_MUST_USE coffer_err segment_line_from(struct segment *segment, uint64_t offset,
					     uint64_t *start);

/* Where the line begins that ends at end (end > 0). */
COFFER_MUST_USE coffer_err segment_line_before(struct segment *segment, uint64_t end,
					       uint64_t *start);

/* A record in a file. line and text are slices of the window, as segment_line gives them. */
struct segment_record {
	uint64_t start;
	uint64_t end;
	struct chain_head head; /* as the line tells */
	struct slice line;
	struct slice text;
};

/* The first record that begins at offset or behind it, and in front of limit; lines that are none are
 * passed over. COFFER_NOT_FOUND if there is none. */
COFFER_MUST_USE coffer_err segment_record_from(struct segment *segment, uint64_t offset,
					       uint64_t limit, struct segment_record *record);

/* A place in the log: behind the records up to the number after, and behind those that are older than
 * since, a time as records have it (empty: any). */
struct segment_place {
	uint64_t after;
	struct slice since;
};

/* Whether the record is in front of that place. */
bool segment_in_front(const struct segment_record *record, const struct segment_place *place);

/* Where a line begins in front of which all records are in front of the place, and from which the first
 * that is not is not far; found by bisection, which takes numbers and times for sorted. */
COFFER_MUST_USE coffer_err segment_seek(struct segment *segment, const struct segment_place *place,
					uint64_t *offset);

#endif
