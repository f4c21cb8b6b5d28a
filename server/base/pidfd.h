/* pidfd.h - another process, held so that no later one of its number can take its place. Layer: base.
 *
 * Numbers are those of the pid namespace that this process is in, and whose /proc it sees. */
#ifndef BASE_PIDFD_H
#define BASE_PIDFD_H

#include <coffer/error.h>
#include <stdbool.h>
#include <stdint.h>

#include "slice.h"

/* What tells a process apart from all others of this host, also of its number: when it was started, in
 * clock ticks since the boot of that id. */
struct pidfd_mark {
	int32_t pid;
	uint64_t start_ticks;
	uint8_t boot_id[16];
};

/* A mark as bytes, to be stored. read: false if they are none. */
#define PIDFD_MARK_LEN (4 + 8 + 16)
void pidfd_mark_write(const struct pidfd_mark *mark, uint8_t out[PIDFD_MARK_LEN]);
bool pidfd_mark_read(struct slice bytes, struct pidfd_mark *mark);
bool pidfd_mark_equal(const struct pidfd_mark *a, const struct pidfd_mark *b);

/* Holds the process of that number: *fd, the caller's to close, is readable once it has exited.
 * COFFER_NOT_FOUND: there is none, it has exited (also if nobody has waited for it yet), or it is a
 * thread. COFFER_UNIMPLEMENTED: the kernel has no pidfds (before Linux 5.3), or they are forbidden.
 * COFFER_RESOURCE_EXHAUSTED: no descriptor or memory. COFFER_UNAVAILABLE: /proc cannot be read. On error
 * *fd is -1. */
COFFER_MUST_USE coffer_err pidfd_hold(int32_t pid, struct pidfd_mark *mark, int *fd);

/* The same for the process of that mark: COFFER_NOT_FOUND also if its number is another's by now. */
COFFER_MUST_USE coffer_err pidfd_hold_marked(const struct pidfd_mark *mark, int *fd);

#endif
