/* apply.h - objects on their way to the daemon, as many at a time as have come while the last ones were taken.
 * Layer: s3. */
#ifndef S3_APPLY_H
#define S3_APPLY_H

#include <coffer/error.h>
#include <stdbool.h>
#include <stddef.h>

#include "s3/link.h"
#include "s3/request.h"
#include "slice.h"

/* code: of the MirrorApply that the object was in; COFFER_OK also for one that the daemon refused to take, which it
 * tells its operator. text, where the code is another: why; borrowed. */
typedef void (*apply_done)(void *user, coffer_err code, struct slice text);

struct apply_item;

struct apply {
	struct link *link; /* borrowed */
	size_t body_max;
	struct apply_item *waiting; /* utlist */
	struct apply_item *asked;
	size_t len; /* of both */
};

void apply_open(struct apply *out, struct link *link, size_t frame_max);

/* Hands over an object, whose body moves: it is freed in any case. done is called once, never before this has
 * returned, unless apply_drop comes first. False: it is larger than the daemon takes, or there is no memory. */
bool apply_add(struct apply *apply, const char *key, struct buf body, apply_done done, void *user);

/* Forgets all: the daemon's connection was lost, or it is the end. */
void apply_drop(struct apply *apply);

#endif
