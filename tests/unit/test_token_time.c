/* Attack: timing of token look-up. How long it takes to hash and to compare must not tell what was compared. Clocks
 * are no judges on a busy machine, so it is the instructions that are counted: a child is led from one to the next. */
#include "vault/token.h"

#include "known_slot.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Of one measurement; a call that is led through more has no end. */
#define STEPS_MAX 10000000

/* What is measured, on two inputs of 32 bytes. */
typedef void (*measured)(const struct keyring *keyring, const uint8_t *a, const uint8_t *b);

static volatile bool result;

/* The keys are its own: those of a parent are wiped in a child. It works twice, as the first time the linker may have
 * to find something. Between the stops is what counts. */
static void be_led(measured work, const uint8_t *a, const uint8_t *b)
{
	struct arena *arena;
	struct keyring *keyring;

	if (arena_create(&arena, 8 * ARENA_PAGE, false) != COFFER_OK ||
	    keyring_create(&keyring, arena, known_uuid) != COFFER_OK ||
	    keyring_unwrap(keyring, &known_slot, known_kek) != COFFER_OK)
		_exit(1);
	work(keyring, a, b);
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
		_exit(1);
	(void)raise(SIGSTOP);
	work(keyring, a, b);
	(void)raise(SIGSTOP);
	_exit(0);
}

static int wait_for(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSTOPPED(status));
	return WSTOPSIG(status);
}

static long count(measured work, const uint8_t *a, const uint8_t *b)
{
	const pid_t pid = fork();
	long steps = 0;
	int status;

	assert_true(pid >= 0);
	if (pid == 0)
		be_led(work, a, b);
	assert_int_equal(wait_for(pid), SIGSTOP);
	do {
		assert_int_equal(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
		steps++;
	} while (wait_for(pid) == SIGTRAP && steps < STEPS_MAX);
	assert_true(steps < STEPS_MAX);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return steps;
}

static void compare(const struct keyring *keyring, const uint8_t *a, const uint8_t *b)
{
	(void)keyring;
	result = token_hash_equal(a, b);
}

static void hash(const struct keyring *keyring, const uint8_t *a, const uint8_t *b)
{
	uint8_t out[TOKEN_HASH_LEN];

	(void)b;
	token_hash(keyring, (struct slice){ a, TOKEN_HASH_LEN }, out);
	result = out[0] != 0;
}

static void compare_in_haste(const struct keyring *keyring, const uint8_t *a, const uint8_t *b)
{
	size_t i = 0;

	(void)keyring;
	while (i < TOKEN_HASH_LEN && a[i] == b[i])
		i++;
	result = i == TOKEN_HASH_LEN;
}

/* Counts for a guess that is right up to each byte, and for one that is right; whether all are the same. */
static bool takes_the_same_for_all(measured work)
{
	static const size_t places[] = { 0, 1, 15, 16, 30, 31 };
	const uint8_t right[TOKEN_HASH_LEN] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ01234";
	uint8_t wrong[TOKEN_HASH_LEN];
	const long steps = count(work, right, right);
	bool same = true;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		memcpy(wrong, right, sizeof(wrong));
		wrong[places[i]] ^= 0x55;
		same = count(work, wrong, right) == steps && same;
	}
	memset(wrong, 0xff, sizeof(wrong));
	return count(work, wrong, right) == steps && same;
}

static void comparing_hashes_takes_the_same_however_much_of_them_is_equal(void **state)
{
	(void)state;
	assert_true(takes_the_same_for_all(compare));
}

static void hashing_a_token_takes_the_same_for_all_tokens(void **state)
{
	(void)state;
	assert_true(takes_the_same_for_all(hash));
}

static void a_comparison_that_ends_early_is_seen(void **state)
{
	(void)state;
	assert_false(takes_the_same_for_all(compare_in_haste));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comparing_hashes_takes_the_same_however_much_of_them_is_equal),
		cmocka_unit_test(hashing_a_token_takes_the_same_for_all_tokens),
		cmocka_unit_test(a_comparison_that_ends_early_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
