/* bonds.h - runs that are bound to a process: their tokens work as long as it lives. Layer: core.
 *
 * A bond holds its process by a pidfd. All pidfds are in one epoll set, whose own descriptor is readable
 * when a process has exited. A grant that is bound and has no bond here is refused: what cannot be watched
 * counts as dead. Bounded: BONDS_MAX, and a quarter of the descriptors that the process may have. */
#ifndef CORE_BONDS_H
#define CORE_BONDS_H

#include <coffer/error.h>
#include <coffer/limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/pidfd.h"
#include "slice.h"

#define BONDS_MAX 1024

struct core;

struct bond {
	char id[COFFER_ID_LEN + 1]; /* of the run */
	int32_t pid;
	int pidfd; /* -1: the process has exited, or cannot be held */
	struct bond *prev, *next;
};

struct bonds {
	bool open;
	int set; /* the epoll set, while open */
	unsigned len, max;
	struct bond *all; /* doubly linked */
};

/* COFFER_RESOURCE_EXHAUSTED without a descriptor. */
COFFER_MUST_USE coffer_err bonds_open(struct bonds *bonds);
void bonds_close(struct bonds *bonds); /* one that is all zero is fine */

/* In the open transaction, which takes it back if it fails: binds the run to the process, whose mark goes
 * to mark. Errors as pidfd_hold; COFFER_RESOURCE_EXHAUSTED also at the bound. */
COFFER_MUST_USE coffer_err bonds_tie(struct core *core, const char id[COFFER_ID_LEN + 1],
				     int32_t pid, uint8_t mark[PIDFD_MARK_LEN]);

/* At the start: binds the run again to the process that was marked. If that one is gone, or cannot be held,
 * the bond is one of a process that has exited. COFFER_RESOURCE_EXHAUSTED without memory. */
COFFER_MUST_USE coffer_err bonds_tie_again(struct core *core, const char id[COFFER_ID_LEN + 1],
					   struct slice mark);

/* Whether the run is bound and its process lives. */
bool bonds_hold(const struct core *core, struct slice id);

/* Lets go of the run's process. Having no bond is fine. */
void bonds_untie(struct core *core, struct slice id);

/* Finds out which processes have exited: from here on the tokens of their runs are refused, whether or not
 * that can be stored. */
void bonds_follow(struct core *core);

/* A bond whose process has exited, or NULL. */
const struct bond *bonds_broken(const struct core *core);

#endif
