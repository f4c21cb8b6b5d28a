/* arena.h - the one locked region that plaintext, tokens and keys may live in. Layer: base.
 *
 * Made once at start: anonymous pages between two guard pages, locked in memory as they are touched
 * (mlock2 MLOCK_ONFAULT), left out of core dumps and empty in forked children. It lends runs of
 * whole pages and gets them back wiped; a request in the common path borrows nothing. Not
 * thread-safe. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <coffer/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARENA_PAGE 4096
#define ARENA_MAX  ((size_t)1 << 30)

struct arena;

/* Makes an arena of size bytes (rounded up to whole pages). If the memory cannot be locked:
 * COFFER_FAILED_PRECONDITION, unless allow_swap, with which it is used unlocked.
 * COFFER_RESOURCE_EXHAUSTED if it cannot be mapped or is larger than ARENA_MAX. On error *out is
 * NULL. errno is kept for the message. */
COFFER_MUST_USE coffer_err arena_create(struct arena **out, size_t size, bool allow_swap);

/* Wipes and unmaps it. arena may be NULL. Nothing lent may be used afterwards. */
void arena_destroy(struct arena *arena);

/* Lends at least len bytes (len > 0), zeroed, or NULL if there is no such run of free pages. */
void *arena_take(struct arena *arena, size_t len);

/* Takes back what arena_take lent for the same len, and wipes its first used bytes; the caller
 * knows that it wrote no further. p may be NULL. */
void arena_give(struct arena *arena, void *p, size_t len, size_t used);

/* Bytes of pages lent now, the most of them so far, and of the whole arena. */
size_t arena_used(const struct arena *arena);
size_t arena_peak(const struct arena *arena);
size_t arena_size(const struct arena *arena);

#endif
