/* The arena: lending, wiping, and the four protections of its memory. */
#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGES 8

static int setup(void **state)
{
	struct arena *arena;

	if (arena_create(&arena, PAGES * ARENA_PAGE, false) != COFFER_OK)
		return -1;
	*state = arena;
	return 0;
}

static int teardown(void **state)
{
	arena_destroy(*state);
	return 0;
}

static bool is_zero(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (p[i] != 0)
			return false;
	}
	return true;
}

/* The wait status of a child that runs fn. Its complaints go nowhere: it is meant to die. */
static int child_status(void (*fn)(struct arena *arena), struct arena *arena)
{
	int status = 0;
	const pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)signal(SIGABRT, SIG_DFL);
		(void)signal(SIGSEGV, SIG_DFL);
		(void)close(STDERR_FILENO);
		fn(arena);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void size_is_rounded_up_to_whole_pages(void **state)
{
	struct arena *arena;

	(void)state;
	assert_int_equal(arena_create(&arena, 3 * ARENA_PAGE + 1, false), COFFER_OK);
	assert_true(arena_size(arena) >= 4 * ARENA_PAGE);
	assert_int_equal(arena_size(arena) % ARENA_PAGE, 0);
	assert_int_equal(arena_used(arena), 0);
	arena_destroy(arena);
}

static void size_above_the_maximum_is_refused(void **state)
{
	static const size_t sizes[] = { SIZE_MAX, SIZE_MAX / 2, ARENA_MAX + 1 };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct arena *arena = (struct arena *)&sizes;

		assert_int_equal(arena_create(&arena, sizes[i], true), COFFER_RESOURCE_EXHAUSTED);
		assert_null(arena);
	}
}

static void what_is_lent_is_zeroed_whole_and_counted(void **state)
{
	static const struct {
		size_t len, pages;
	} cases[] = { { 1, 1 },
		      { ARENA_PAGE - 1, 1 },
		      { ARENA_PAGE, 1 },
		      { ARENA_PAGE + 1, 2 },
		      { PAGES * ARENA_PAGE, PAGES } };
	struct arena *arena = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t *p = arena_take(arena, cases[i].len);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % ARENA_PAGE, 0);
		assert_true(is_zero(p, cases[i].len));
		assert_int_equal(arena_used(arena), cases[i].pages * ARENA_PAGE);
		memset(p, 0xa5, cases[i].len);
		arena_give(arena, p, cases[i].len, cases[i].len);
		assert_int_equal(arena_used(arena), 0);
	}
}

static void full_arena_lends_nothing_until_something_returns(void **state)
{
	struct arena *arena = *state;
	uint8_t *pages[PAGES];

	for (size_t i = 0; i < PAGES; i++) {
		pages[i] = arena_take(arena, 1);
		assert_non_null(pages[i]);
	}
	assert_null(arena_take(arena, 1));
	arena_give(arena, pages[5], 1, 1);
	assert_null(arena_take(arena, ARENA_PAGE + 1));
	assert_ptr_equal(arena_take(arena, 1), pages[5]);
	assert_null(arena_take(arena, 1));
}

static void run_longer_than_the_arena_is_refused(void **state)
{
	assert_null(arena_take(*state, PAGES * ARENA_PAGE + 1));
	assert_null(arena_take(*state, SIZE_MAX));
}

static void lowest_address_is_lent_first(void **state)
{
	struct arena *arena = *state;
	uint8_t *a = arena_take(arena, ARENA_PAGE);
	uint8_t *b = arena_take(arena, 2 * ARENA_PAGE);
	uint8_t *c = arena_take(arena, ARENA_PAGE);

	assert_ptr_equal(b, a + ARENA_PAGE);
	assert_ptr_equal(c, b + 2 * ARENA_PAGE);
	arena_give(arena, a, ARENA_PAGE, 0);
	arena_give(arena, b, 2 * ARENA_PAGE, 0);
	assert_ptr_equal(arena_take(arena, 3 * ARENA_PAGE), a);
}

static void holes_are_used_only_by_what_fits(void **state)
{
	struct arena *arena = *state;
	uint8_t *a = arena_take(arena, 1);
	uint8_t *hole = arena_take(arena, 2 * ARENA_PAGE);
	uint8_t *b = arena_take(arena, 1);
	uint8_t *behind;

	arena_give(arena, hole, 2 * ARENA_PAGE, 0);
	behind = arena_take(arena, 3 * ARENA_PAGE);
	assert_ptr_equal(behind, b + ARENA_PAGE);
	assert_null(arena_take(arena, 3 * ARENA_PAGE));
	assert_ptr_equal(arena_take(arena, 2 * ARENA_PAGE), hole);
	arena_give(arena, a, 1, 0);
	assert_ptr_equal(arena_take(arena, 1), a);
}

/* Every page is written over by whoever had it, and must come back empty; a model tells which are
 * lent. */
static void random_takes_and_gives_never_overlap_nor_leak(void **state)
{
	struct {
		uint8_t *p;
		size_t len;
		uint8_t mark;
	} held[PAGES] = { { NULL, 0, 0 } };
	struct arena *arena = *state;
	uint32_t random = 1;

	for (uint32_t step = 0; step < 20000; step++) {
		random = random * 1664525 + 1013904223;
		const size_t slot = (random >> 16) % PAGES;
		const size_t len = 1 + (random >> 4) % (3 * ARENA_PAGE);

		if (held[slot].p) {
			for (size_t i = 0; i < held[slot].len; i++) {
				if (held[slot].p[i] != held[slot].mark)
					fail_msg("byte %zu changed under its owner", i);
			}
			arena_give(arena, held[slot].p, held[slot].len, held[slot].len);
			held[slot].p = NULL;
			continue;
		}
		held[slot].p = arena_take(arena, len);
		if (!held[slot].p)
			continue;
		assert_true(is_zero(held[slot].p, len));
		held[slot].len = len;
		held[slot].mark = (uint8_t)(1 + step % 255);
		memset(held[slot].p, held[slot].mark, len);
	}
	for (size_t i = 0; i < PAGES; i++)
		arena_give(arena, held[i].p, held[i].len, held[i].len);
	assert_int_equal(arena_used(arena), 0);
}

static void the_most_that_was_lent_is_remembered(void **state)
{
	struct arena *arena = *state;
	void *two = arena_take(arena, 2 * ARENA_PAGE), *one = arena_take(arena, ARENA_PAGE);

	arena_give(arena, two, 2 * ARENA_PAGE, 0);
	assert_int_equal(arena_used(arena), ARENA_PAGE);
	assert_int_equal(arena_peak(arena), 3 * ARENA_PAGE);
	arena_give(arena, one, ARENA_PAGE, 0);
	assert_int_equal(arena_peak(arena), 3 * ARENA_PAGE);
}

static void giving_wipes_only_what_was_used(void **state)
{
	struct arena *arena = *state;
	uint8_t *p = arena_take(arena, 2 * ARENA_PAGE);

	memset(p, 0xa5, 100);
	p[200] = 1; /* what the caller must not do shows that nothing more is touched */
	arena_give(arena, p, 2 * ARENA_PAGE, 100);
	assert_ptr_equal(arena_take(arena, 2 * ARENA_PAGE), p);
	assert_true(is_zero(p, 200));
	assert_int_equal(p[200], 1);
}

static void giving_null_is_fine(void **state)
{
	arena_give(*state, NULL, 0, 0);
	arena_destroy(NULL);
}

static void give_twice(struct arena *arena)
{
	void *p = arena_take(arena, 1);

	arena_give(arena, p, 1, 0);
	arena_give(arena, p, 1, 0);
}

static void give_the_middle(struct arena *arena)
{
	uint8_t *p = arena_take(arena, 2 * ARENA_PAGE);

	arena_give(arena, p + ARENA_PAGE, ARENA_PAGE, 0);
}

static void give_unaligned(struct arena *arena)
{
	uint8_t *p = arena_take(arena, 1);

	arena_give(arena, p + 1, 1, 0);
}

static void give_foreign(struct arena *arena)
{
	uint8_t other = 0;

	arena_give(arena, &other, 1, 0);
}

static void give_other_length(struct arena *arena)
{
	arena_give(arena, arena_take(arena, 2 * ARENA_PAGE), ARENA_PAGE, 0);
}

static void give_more_used_than_taken(struct arena *arena)
{
	arena_give(arena, arena_take(arena, 10), 10, 11);
}

static void wrong_gives_abort(void **state)
{
	static void (*const wrongs[])(
	    struct arena *) = { give_twice,   give_the_middle,   give_unaligned,
				give_foreign, give_other_length, give_more_used_than_taken };

	for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
		const int status = child_status(wrongs[i], *state);

		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT)
			fail_msg("case %zu ended with status %d", i, status);
	}
}

static void read_below(struct arena *arena)
{
	volatile uint8_t *p = arena_take(arena, 1);

	(void)p[-1];
}

static void write_behind(struct arena *arena)
{
	volatile uint8_t *p = arena_take(arena, arena_size(arena));

	p[arena_size(arena)] = 1;
}

static void guard_pages_fault_on_both_sides(void **state)
{
	assert_int_not_equal(child_status(read_below, *state), 0);
	assert_int_not_equal(child_status(write_behind, *state), 0);
}

static const uint8_t *shared;

static void expect_zero(struct arena *arena)
{
	(void)arena;
	if (!is_zero(shared, ARENA_PAGE))
		_exit(1);
}

static void forked_child_sees_an_empty_arena(void **state)
{
	uint8_t *p = arena_take(*state, ARENA_PAGE);

	memset(p, 0xa5, ARENA_PAGE);
	shared = p;
	assert_int_equal(child_status(expect_zero, *state), 0);
	assert_int_equal(p[0], 0xa5);
}

/* The kernel's flags of the mapping that begins at p, as smaps shows them. */
static void mapping_flags(const void *p, char flags[256])
{
	FILE *smaps = fopen("/proc/self/smaps", "re");
	unsigned long from = 0;
	bool found = false;
	char line[512];

	assert_non_null(smaps);
	flags[0] = '\0';
	while (fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%lx-%*x ", &from) == 1 && strchr(line, '-'))
			found = from == (uintptr_t)p;
		else if (found && sscanf(line, "VmFlags: %255[^\n]", flags) == 1)
			break;
	}
	(void)fclose(smaps);
}

static void memory_is_locked_undumped_and_wiped_on_fork(void **state)
{
	static const char *const wanted[] = { "lo", "dd", "wf" };
	char flags[256];

	mapping_flags(arena_take(*state, 1), flags);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		if (!strstr(flags, wanted[i]))
			fail_msg("no %s among the flags %s", wanted[i], flags);
	}
}

/* A child without the privilege, and the allowance, to lock memory. */
static void create_unlocked(struct arena *unused)
{
	static const struct rlimit none = { 0, 0 };
	struct arena *arena;

	(void)unused;
	if (setrlimit(RLIMIT_MEMLOCK, &none) != 0 || (geteuid() == 0 && setuid(65534) != 0))
		_exit(1);
	if (arena_create(&arena, ARENA_PAGE, false) != COFFER_FAILED_PRECONDITION || arena)
		_exit(2);
	if (errno != EPERM && errno != ENOMEM)
		_exit(3);
	if (arena_create(&arena, ARENA_PAGE, true) != COFFER_OK || !arena_take(arena, 1))
		_exit(4);
}

static void memory_that_cannot_be_locked_is_refused_unless_swap_is_allowed(void **state)
{
	assert_int_equal(child_status(create_unlocked, *state), 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(size_is_rounded_up_to_whole_pages),
		cmocka_unit_test(size_above_the_maximum_is_refused),
		CASE(what_is_lent_is_zeroed_whole_and_counted),
		CASE(full_arena_lends_nothing_until_something_returns),
		CASE(run_longer_than_the_arena_is_refused),
		CASE(lowest_address_is_lent_first),
		CASE(holes_are_used_only_by_what_fits),
		CASE(random_takes_and_gives_never_overlap_nor_leak),
		CASE(the_most_that_was_lent_is_remembered),
		CASE(giving_wipes_only_what_was_used),
		CASE(giving_null_is_fine),
		CASE(wrong_gives_abort),
		CASE(guard_pages_fault_on_both_sides),
		CASE(forked_child_sees_an_empty_arena),
		CASE(memory_is_locked_undumped_and_wiped_on_fork),
		CASE(memory_that_cannot_be_locked_is_refused_unless_swap_is_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
