#include "base/sandbox_calls.h"

#include "base/log.h"
#include "base/sandbox_own_pid.h"
#include "sandbox_filters.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Asks for a filter that there is not: EFAULT tells that one would have been taken. */
static bool kernel_has_seccomp(void)
{
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL, 0, 0) != 0 && errno == EFAULT;
}

/* What the filter refuses is logged by the kernel. */
static coffer_err enter(struct sock_filter *filter, size_t len)
{
	struct sock_fprog program = { .len = (unsigned short)len, .filter = filter };

	if (!kernel_has_seccomp())
		return COFFER_FAILED_PRECONDITION;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_LOG, &program) == 0)
		return COFFER_OK;
	log_error("sandbox: cannot filter system calls: %s", strerror(errno));
	return COFFER_INTERNAL;
}

coffer_err sandbox_calls_restrict(void)
{
	struct sock_filter filter[COUNT(filter_restricting)];

	memcpy(filter, filter_restricting, sizeof(filter));
	for (size_t i = 0; i < COUNT(filter); i++)
		if (filter[i].code == (BPF_JMP | BPF_JEQ | BPF_K) && filter[i].k == SANDBOX_OWN_PID)
			filter[i].k = (uint32_t)getpid();
	return enter(filter, COUNT(filter));
}

coffer_err sandbox_calls_forbid(void)
{
	struct sock_filter filter[COUNT(filter_forbidding)];

	memcpy(filter, filter_forbidding, sizeof(filter));
	return enter(filter, COUNT(filter));
}
