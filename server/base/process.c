#include "base/process.h"

#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static coffer_err fail(const char *what)
{
	log_error("cannot %s: %s", what, strerror(errno));
	return COFFER_INTERNAL;
}

coffer_err process_harden(void)
{
	static const struct rlimit none = { 0, 0 };

	(void)umask(077); /* always succeeds */
	if (setrlimit(RLIMIT_CORE, &none) != 0)
		return fail("turn core dumps off");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return fail("make the process undumpable");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return fail("give up new privileges");
	return COFFER_OK;
}

coffer_err process_close_inherited(int keep_from)
{
	assert(keep_from > STDERR_FILENO);
	if (close_range((unsigned)keep_from, UINT_MAX, 0) != 0)
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
