/* told.h - what the code under test prints on stderr. For tests. */
#ifndef TOLD_H
#define TOLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

/* From here to told_end, stderr goes to a file. */
static inline int told_begin(void)
{
	int fd = memfd_create("told", MFD_CLOEXEC), saved = dup(STDERR_FILENO);

	assert_true(fd >= 0 && saved >= 0);
	fflush(stderr);
	assert_true(dup2(fd, STDERR_FILENO) >= 0);
	close(fd);
	return saved;
}

/* What was printed, in a static buffer. */
static inline const char *told_end(int saved)
{
	static char told[8192];
	ssize_t n;

	fflush(stderr);
	n = pread(STDERR_FILENO, told, sizeof(told) - 1, 0);
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	close(saved);
	assert_true(n >= 0);
	told[n] = '\0';
	return told;
}

#endif
