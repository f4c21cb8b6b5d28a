/* sink.h - the end of the file that the audit log is appended to. Layer: audit, private.
 *
 * Writes go to the known end and not to where the file happens to end, so what a failed write left
 * behind is written over exactly. Room is allocated ahead of the end without changing the file's
 * size, and given back at the end. errno is kept for the message where a function fails. */
#ifndef AUDIT_SINK_H
#define AUDIT_SINK_H

#include <coffer/error.h>
#include <stdbool.h>
#include <stdint.h>

#include "slice.h"

struct sink {
	int fd;            /* -1: none open */
	uint64_t first;    /* the file's number */
	uint64_t end;      /* of whole lines */
	uint64_t dirty;    /* up to here something may stand in the file, if above end */
	uint64_t reserved; /* room is allocated up to here */
	bool allocates;    /* whether the file system can do that */
	bool unsynced;
};

/* Opens the file of that number in the open folder for appending at end. create makes a new one, and
 * end is 0. COFFER_UNAVAILABLE if it cannot be had; then *sink has no file. */
COFFER_MUST_USE coffer_err sink_open(struct sink *sink, int folder, uint64_t first, bool create,
				     uint64_t end);

/* Makes the file of that number, which begins with line and has room for len bytes behind it. Under its
 * name it appears only as a whole, and when it is on disk; a file of that name is replaced.
 * COFFER_UNAVAILABLE if any of it fails; then *sink has no file, and none was made. */
COFFER_MUST_USE coffer_err sink_begin(struct sink *sink, int folder, uint64_t first,
				      struct slice line, uint64_t len);

/* Gives back the room behind the end, and closes. */
void sink_close(struct sink *sink);

/* What somebody has done to the file, in words that follow its name: "was removed"; NULL if nothing. The
 * first looks at the file alone, which costs next to nothing; the second also whether its name in the
 * open folder still leads to it. Only where no line waits to be written. */
const char *sink_damage(const struct sink *sink);
const char *sink_displaced(const struct sink *sink, int folder);

/* Closes a file that somebody has damaged, as it is. */
void sink_abandon(struct sink *sink);

/* Whether there is room for len bytes behind the end, as far as the file system tells. */
static inline bool sink_has_room(const struct sink *sink, uint64_t len)
{
	return !sink->allocates || sink->reserved >= sink->end + len;
}

/* Allocates until there is. COFFER_UNAVAILABLE if there cannot be. */
COFFER_MUST_USE coffer_err sink_make_room(struct sink *sink, uint64_t len);

/* Writes lines behind the end, from the *sent bytes on that earlier calls have written of them. On
 * COFFER_OK all of them are there, and nothing else; COFFER_UNAVAILABLE if not all could be. */
COFFER_MUST_USE coffer_err sink_write(struct sink *sink, struct slice lines, size_t *sent);

/* Moves the end behind len bytes that were written: they are no longer the caller's to repeat. */
void sink_advance(struct sink *sink, size_t len);

/* Waits for the disk, if anything was written since the last time. */
COFFER_MUST_USE coffer_err sink_sync(struct sink *sink);

#endif
