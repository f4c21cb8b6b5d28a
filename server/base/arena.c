#include "base/arena.h"

#include "base/log.h"
#include "wipe.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN
#endif
#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, len)   ((void)(p), (void)(len))
#define ASAN_UNPOISON_MEMORY_REGION(p, len) ((void)(p), (void)(len))
#endif

/* The bookkeeping is on the normal heap: it holds no secret, and an overrun in the arena cannot
 * reach it. A walk over the runs hops from one to the next, so only a run's first entry is ever
 * read. */
struct arena {
	uint8_t *base;
	size_t guard; /* bytes of each guard page */
	size_t pages;
	size_t lent;     /* pages */
	size_t peak;     /* the most of lent so far */
	size_t lowest;   /* every page below is lent */
	uint32_t runs[]; /* at the first page of a lent run its length in pages, elsewhere 0 */
};

static size_t pages_of(size_t len)
{
	return len / ARENA_PAGE + (len % ARENA_PAGE != 0);
}

static coffer_err pages_lock(uint8_t *base, size_t size, bool allow_swap)
{
	if (mlock2(base, size, MLOCK_ONFAULT) == 0)
		return COFFER_OK;
	if (!allow_swap)
		return COFFER_FAILED_PRECONDITION;
	log_warn("secrets may reach swap: cannot lock %zu KiB of memory: %s", size / 1024,
		 strerror(errno));
	return COFFER_OK;
}

/* Lesser protections than the lock: a kernel without them is warned about and used. */
static void pages_hide(uint8_t *base, size_t size)
{
	if (madvise(base, size, MADV_DONTDUMP) != 0)
		log_warn("secrets may reach core dumps: madvise: %s", strerror(errno));
	if (madvise(base, size, MADV_WIPEONFORK) != 0)
		log_warn("secrets may reach forked children: madvise: %s", strerror(errno));
}

/* Maps size bytes between two guard pages. */
static coffer_err pages_map(uint8_t **base, size_t size, size_t guard, bool allow_swap)
{
	const size_t whole = size + 2 * guard;
	coffer_err err = COFFER_RESOURCE_EXHAUSTED;
	uint8_t *p;
	int saved_errno;

	p = mmap(NULL, whole, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return COFFER_RESOURCE_EXHAUSTED;
	if (mprotect(p + guard, size, PROT_READ | PROT_WRITE) != 0 ||
	    (err = pages_lock(p + guard, size, allow_swap)) != COFFER_OK) {
		saved_errno = errno;
		(void)munmap(p, whole);
		errno = saved_errno;
		return err;
	}
	pages_hide(p + guard, size);
	*base = p + guard;
	return COFFER_OK;
}

coffer_err arena_create(struct arena **out, size_t size, bool allow_swap)
{
	/* Hardware pages may be larger than ours; both are powers of two. */
	const long system = sysconf(_SC_PAGESIZE);
	const size_t page = system > ARENA_PAGE ? (size_t)system : ARENA_PAGE;
	struct arena *arena;
	coffer_err err;

	assert(size > 0);
	*out = NULL;
	if (size > ARENA_MAX) {
		errno = ENOMEM;
		return COFFER_RESOURCE_EXHAUSTED;
	}
	size = (size + page - 1) & ~(page - 1);
	arena = calloc(1, sizeof(*arena) + size / ARENA_PAGE * sizeof(arena->runs[0]));
	if (!arena)
		return COFFER_RESOURCE_EXHAUSTED;
	arena->guard = page;
	arena->pages = size / ARENA_PAGE;
	err = pages_map(&arena->base, size, page, allow_swap);
	if (err != COFFER_OK) {
		free(arena); /* keeps errno */
		return err;
	}
	ASAN_POISON_MEMORY_REGION(arena->base, size);
	*out = arena;
	return COFFER_OK;
}

void arena_destroy(struct arena *arena)
{
	size_t size;

	if (!arena)
		return;
	size = arena_size(arena);
	ASAN_UNPOISON_MEMORY_REGION(arena->base, size);
	/* What is not lent is zero already; wiping it would only fault in untouched pages. */
	for (size_t i = 0; i < arena->pages; i += arena->runs[i] ? arena->runs[i] : 1)
		wipe(arena->base + i * ARENA_PAGE, (size_t)arena->runs[i] * ARENA_PAGE);
	(void)munmap(arena->base - arena->guard, size + 2 * arena->guard);
	free(arena);
}

/* First fit, lowest address first: so few pages are ever touched, and they stay in the cache. */
static bool run_find(const struct arena *arena, size_t want, size_t *first)
{
	size_t i = arena->lowest;

	*first = i;
	while (i < arena->pages) {
		if (arena->runs[i] != 0) {
			i += arena->runs[i];
			*first = i;
		} else if (++i - *first == want) {
			return true;
		}
	}
	return false;
}

void *arena_take(struct arena *arena, size_t len)
{
	const size_t want = pages_of(len);
	uint8_t *p;
	size_t first;

	assert(len > 0);
	if (!run_find(arena, want, &first))
		return NULL;
	arena->runs[first] = (uint32_t)want;
	arena->lent += want;
	if (arena->lent > arena->peak)
		arena->peak = arena->lent;
	if (first == arena->lowest)
		arena->lowest = first + want;
	p = arena->base + first * ARENA_PAGE;
	ASAN_UNPOISON_MEMORY_REGION(p, want * ARENA_PAGE);
	return p;
}

void arena_give(struct arena *arena, void *p, size_t len, size_t used)
{
	const size_t at = (uintptr_t)p - (uintptr_t)arena->base;
	const size_t first = at / ARENA_PAGE;
	const size_t count = pages_of(len);

	if (!p)
		return;
	/* A pointer that is not ours, is given twice or with another length. */
	assert(at % ARENA_PAGE == 0 && first < arena->pages && count > 0);
	assert(arena->runs[first] == count);
	assert(used <= len);
	wipe(p, used);
	ASAN_POISON_MEMORY_REGION(p, count * ARENA_PAGE);
	arena->runs[first] = 0;
	arena->lent -= count;
	if (first < arena->lowest)
		arena->lowest = first;
}

size_t arena_used(const struct arena *arena)
{
	return arena->lent * ARENA_PAGE;
}

size_t arena_peak(const struct arena *arena)
{
	return arena->peak * ARENA_PAGE;
}

size_t arena_size(const struct arena *arena)
{
	return arena->pages * ARENA_PAGE;
}
