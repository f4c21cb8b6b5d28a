#include "harden.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"

/* Standard ones, a listening socket, what threads wake each other with, and what asks for health and counters. */
#define OWN_FILES 32

static coffer_err fail(const char *what)
{
	log_error("cannot %s: %s", what, strerror(errno));
	return COFFER_INTERNAL;
}

static coffer_err close_above(int keep)
{
	if (close_range((unsigned)keep + 1, UINT_MAX, 0) != 0)
		return fail("close inherited descriptors");
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) != -1)
			continue;
		/* The lowest free number is fd, as those below it are open. */
		if (open("/dev/null", O_RDWR | O_NOCTTY) != fd)
			return fail("open /dev/null");
	}
	return COFFER_OK;
}

coffer_err harden_process(int keep)
{
	static const struct rlimit none = { 0, 0 };
	/* What libcoffer would take where it is given nothing: a request has its own, or none. */
	static const char *const foreign[] = { "COFFER_TOKEN",     "COFFER_TOKEN_FILE",
					       "COFFER_RUN_ID",    "COFFER_TRANSPORT",
					       "COFFER_BOOTSTRAP", "SECRETS_API_TOKEN",
					       "SECRETS_API_URL" };

	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		if (unsetenv(foreign[i]) != 0)
			return fail("clean the environment");
	(void)umask(077); /* always succeeds */
	/* libmicrohttpd and GnuTLS free what held a request or a reply as it is: let malloc overwrite it. */
	(void)mallopt(M_PERTURB, 0xA5);
	if (setrlimit(RLIMIT_CORE, &none) != 0)
		return fail("turn core dumps off");
#ifndef COFFER_SANITIZE /* the leak sanitizer is a tracer */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return fail("make the process undumpable");
#endif
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return fail("give up new privileges");
	return close_above(keep);
}

coffer_err harden_files(size_t wanted)
{
	struct rlimit limit;

	wanted += OWN_FILES;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return fail("tell how many files may be open");
	if (limit.rlim_cur >= wanted)
		return COFFER_OK;
	limit.rlim_cur = limit.rlim_max;
	if (limit.rlim_max >= wanted && setrlimit(RLIMIT_NOFILE, &limit) == 0)
		return COFFER_OK;
	log_error("--max-connections and --max-calls need %zu open files, and the limit is %ju",
		  wanted, (uintmax_t)limit.rlim_max);
	return COFFER_INVALID_ARGUMENT;
}

void harden_memory(void)
{
#ifndef COFFER_SANITIZE /* whose shadow memory is larger than any limit */
	static const struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	struct rlimit limit;

	/* The superuser may. With a limit, what needs memory once it is reached would fail. */
	(void)setrlimit(RLIMIT_MEMLOCK, &unlimited);
	if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur == RLIM_INFINITY &&
	    mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0)
		return;
	log_warn("memory may be swapped out: RLIMIT_MEMLOCK is not unlimited");
#endif
}
