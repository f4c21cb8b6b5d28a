/* check.h - a promise that a fuzz target holds the code to. Not assert: it must stay in every build. */
#ifndef FUZZ_CHECK_H
#define FUZZ_CHECK_H

#include <stdint.h>
#include <stdlib.h>

#define CHECK(promise)           \
	do {                     \
		if (!(promise))  \
			abort(); \
	} while (0)

/* libFuzzer's entry points. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#endif
