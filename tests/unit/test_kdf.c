/* From a passphrase to a key (G1). */
#include "vault/kdf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* The floor, so that the tests are quick. */
static const struct kdf_params floor_params = {
	.memory_kib = KDF_MEMORY_KIB_MIN,
	.passes = KDF_PASSES_MIN,
	.salt = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 },
};

static const uint8_t passphrase[] = "a passphrase\0of bytes";
#define PASSPHRASE_LEN (sizeof(passphrase) - 1)

static bool is_zero(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (p[i] != 0)
			return false;
	}
	return true;
}

/* Kilobytes of address space that the process ever had. */
static long peak_kib(void)
{
	FILE *status = fopen("/proc/self/status", "re");
	char line[256];
	long kib = -1;

	assert_non_null(status);
	while (fgets(line, sizeof(line), status)) {
		if (sscanf(line, "VmPeak: %ld", &kib) == 1)
			break;
	}
	(void)fclose(status);
	assert_true(kib > 0);
	return kib;
}

/* Computed by the reference implementation of Argon2. */
static void key_is_argon2id_s(void **state)
{
	static const uint8_t want[KDF_KEY_LEN] = {
		0xa4, 0x5f, 0x7e, 0x50, 0x23, 0x2a, 0x6f, 0x4a, 0xa2, 0x2e, 0x8c,
		0x18, 0x74, 0x60, 0x59, 0xe9, 0x81, 0xe8, 0x6c, 0xb8, 0x7d, 0x79,
		0x95, 0xb9, 0x4b, 0x73, 0x7e, 0x7d, 0x82, 0x12, 0xe1, 0x7f,
	};
	uint8_t key[KDF_KEY_LEN];

	(void)state;
	assert_int_equal(kdf_derive(&floor_params, passphrase, PASSPHRASE_LEN, key), COFFER_OK);
	assert_memory_equal(key, want, sizeof(want));
}

static void every_input_changes_the_key(void **state)
{
	struct kdf_params params = floor_params;
	uint8_t keys[5][KDF_KEY_LEN];

	(void)state;
	assert_int_equal(kdf_derive(&params, passphrase, PASSPHRASE_LEN, keys[0]), COFFER_OK);
	assert_int_equal(kdf_derive(&params, passphrase, PASSPHRASE_LEN - 1, keys[1]), COFFER_OK);
	params.salt[KDF_SALT_LEN - 1] ^= 1;
	assert_int_equal(kdf_derive(&params, passphrase, PASSPHRASE_LEN, keys[2]), COFFER_OK);
	params = floor_params;
	params.memory_kib += 1024;
	assert_int_equal(kdf_derive(&params, passphrase, PASSPHRASE_LEN, keys[3]), COFFER_OK);
	params = floor_params;
	params.passes++;
	assert_int_equal(kdf_derive(&params, passphrase, PASSPHRASE_LEN, keys[4]), COFFER_OK);
	for (size_t i = 0; i < 5; i++) {
		for (size_t j = i + 1; j < 5; j++)
			assert_memory_not_equal(keys[i], keys[j], KDF_KEY_LEN);
	}
}

/* An edited header must not make the daemon allocate, or compute, without end. */
static void parameters_outside_the_bounds_are_refused_before_any_work(void **state)
{
	static const struct {
		const char *name;
		uint32_t memory_kib, passes;
		coffer_err want;
	} cases[] = {
		{ "lowest memory and passes", KDF_MEMORY_KIB_MIN, KDF_PASSES_MIN, COFFER_OK },
		{ "highest memory and passes", KDF_MEMORY_KIB_MAX, KDF_PASSES_MAX, COFFER_OK },
		{ "too little memory", KDF_MEMORY_KIB_MIN - 1, 2, COFFER_DATA_LOSS },
		{ "too much memory", KDF_MEMORY_KIB_MAX + 1, 2, COFFER_DATA_LOSS },
		{ "4 TiB", UINT32_MAX, 2, COFFER_DATA_LOSS },
		{ "no memory", 0, 2, COFFER_DATA_LOSS },
		{ "too few passes", KDF_MEMORY_KIB_MIN, 1, COFFER_DATA_LOSS },
		{ "no passes", KDF_MEMORY_KIB_MIN, 0, COFFER_DATA_LOSS },
		{ "too many passes", KDF_MEMORY_KIB_MIN, 11, COFFER_DATA_LOSS },
		{ "passes without end", KDF_MEMORY_KIB_MIN, UINT32_MAX, COFFER_DATA_LOSS },
	};
	const long before = peak_kib();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct kdf_params params = { .memory_kib = cases[i].memory_kib,
						   .passes = cases[i].passes };
		uint8_t key[KDF_KEY_LEN];

		if (kdf_params_check(&params) != cases[i].want)
			fail_msg("%s", cases[i].name);
		if (cases[i].want == COFFER_OK)
			continue;
		memset(key, 0xa5, sizeof(key));
		assert_int_equal(kdf_derive(&params, passphrase, PASSPHRASE_LEN, key),
				 COFFER_DATA_LOSS);
		assert_true(is_zero(key, sizeof(key)));
	}
	/* Less than one derivation at the floor would have taken. */
	assert_true(peak_kib() - before < (long)KDF_MEMORY_KIB_MIN);
}

static void empty_passphrase_is_refused(void **state)
{
	uint8_t key[KDF_KEY_LEN] = { 1 };

	(void)state;
	assert_int_equal(kdf_derive(&floor_params, NULL, 0, key), COFFER_INVALID_ARGUMENT);
	assert_true(is_zero(key, sizeof(key)));
}

static void made_parameters_are_the_defaults_with_a_new_salt(void **state)
{
	struct kdf_params a, b;

	(void)state;
	kdf_params_make(&a);
	kdf_params_make(&b);
	assert_int_equal(a.memory_kib, 64 * 1024);
	assert_int_equal(a.passes, 3);
	assert_int_equal(kdf_params_check(&a), COFFER_OK);
	assert_memory_not_equal(a.salt, b.salt, KDF_SALT_LEN);
}

static void missing_memory_is_an_error_and_no_key(void **state)
{
	struct kdf_params params = floor_params;
	/* Room for everything but the 256 MiB that are asked for. */
	const rlim_t room = ((rlim_t)peak_kib() + 64 * 1024) * 1024;
	const struct rlimit limit = { room, room };
	uint8_t key[KDF_KEY_LEN] = { 1 };
	int status = 0;
	pid_t pid;

	(void)state;
	params.memory_kib = KDF_MEMORY_KIB_MAX;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (setrlimit(RLIMIT_AS, &limit) != 0)
			_exit(1);
		if (kdf_derive(&params, passphrase, PASSPHRASE_LEN, key) !=
		    COFFER_RESOURCE_EXHAUSTED)
			_exit(2);
		_exit(is_zero(key, sizeof(key)) ? 0 : 3);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* First: its bound on memory is only sharp before any derivation. */
		cmocka_unit_test(parameters_outside_the_bounds_are_refused_before_any_work),
		cmocka_unit_test(missing_memory_is_an_error_and_no_key),
		cmocka_unit_test(key_is_argon2id_s),
		cmocka_unit_test(every_input_changes_the_key),
		cmocka_unit_test(empty_passphrase_is_refused),
		cmocka_unit_test(made_parameters_are_the_defaults_with_a_new_salt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
