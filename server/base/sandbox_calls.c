#include "base/sandbox_calls.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Calls that stay. Where libc has a choice, or it differs between processors, all of them: a name that a processor
 * does not have adds nothing. */
static const int allowed[] = {
	/* the loop and its sockets; no new one is made or bound */
	SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_ctl), SCMP_SYS(accept4),
	SCMP_SYS(getsockopt), SCMP_SYS(sendto), SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(writev),
	SCMP_SYS(close), SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(getrandom),
	/* files: the store, the audit log, the settings; where they may be is Landlock's matter */
	SCMP_SYS(openat), SCMP_SYS(pread64), SCMP_SYS(pwrite64), SCMP_SYS(lseek), SCMP_SYS(fstat),
	SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(newfstatat), SCMP_SYS(statx), SCMP_SYS(fstatfs),
	SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(readlink),
	SCMP_SYS(readlinkat), SCMP_SYS(getcwd), SCMP_SYS(getdents64), SCMP_SYS(fsync),
	SCMP_SYS(fdatasync), SCMP_SYS(ftruncate), SCMP_SYS(fallocate), SCMP_SYS(fchmod),
	SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(unlink),
	SCMP_SYS(unlinkat), SCMP_SYS(rmdir),
	/* memory; mmap and mprotect have rules of their own */
	SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
	/* processes that runs are bound to: to see when they exit */
	SCMP_SYS(poll), SCMP_SYS(ppoll),
	/* itself, and its end, also by abort() */
	SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid),
	SCMP_SYS(getegid), SCMP_SYS(futex), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep),
	SCMP_SYS(restart_syscall), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(exit), SCMP_SYS(exit_group)
};

/* Calls that stay for one value of one argument. */
struct exception {
	int call;
	struct scmp_arg_cmp argument;
};

static const struct exception exceptions[] = {
	/* no memory that can be executed */
	{ SCMP_SYS(mmap), SCMP_A2_32(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0) },
	{ SCMP_SYS(mprotect), SCMP_A2_32(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0) },
	/* flags, and SQLite's locks; no signal on I/O, no lease on another's file */
	{ SCMP_SYS(fcntl), SCMP_A1_32(SCMP_CMP_EQ, F_GETFD, 0) },
	{ SCMP_SYS(fcntl), SCMP_A1_32(SCMP_CMP_EQ, F_SETFD, 0) },
	{ SCMP_SYS(fcntl), SCMP_A1_32(SCMP_CMP_EQ, F_GETFL, 0) },
	{ SCMP_SYS(fcntl), SCMP_A1_32(SCMP_CMP_EQ, F_SETFL, 0) },
	{ SCMP_SYS(fcntl), SCMP_A1_32(SCMP_CMP_EQ, F_GETLK, 0) },
	{ SCMP_SYS(fcntl), SCMP_A1_32(SCMP_CMP_EQ, F_SETLK, 0) },
	/* a process is held to see its end */
	{ SCMP_SYS(pidfd_open), SCMP_A1_32(SCMP_CMP_EQ, 0, 0) },
};

/* Calls that no part of the daemon makes, nor any library for it: who makes one has taken it over. */
static const int hostile[] = {
	/* another program, and what it would be given */
	SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(setuid), SCMP_SYS(setresuid),
	SCMP_SYS(setns), SCMP_SYS(unshare), SCMP_SYS(chroot), SCMP_SYS(pivot_root), SCMP_SYS(mount),
	SCMP_SYS(umount2), SCMP_SYS(open_by_handle_at),
	/* other processes */
	SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev),
	SCMP_SYS(pidfd_getfd), SCMP_SYS(kcmp),
	/* the kernel, and its parts that attacks on it begin with */
	SCMP_SYS(bpf), SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd), SCMP_SYS(io_uring_setup),
	SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register), SCMP_SYS(keyctl), SCMP_SYS(add_key),
	SCMP_SYS(request_key), SCMP_SYS(init_module), SCMP_SYS(finit_module),
	SCMP_SYS(delete_module), SCMP_SYS(kexec_load), SCMP_SYS(kexec_file_load), SCMP_SYS(reboot),
	SCMP_SYS(iopl), SCMP_SYS(ioperm), SCMP_SYS(modify_ldt)
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Seldom used settings of the filter; rc is 0 or a negative errno. */
static int set_up(scmp_filter_ctx filter)
{
	int rc = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);

	if (rc == 0)
		rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
	/* A tree instead of a list: a call with a rule about its argument is found in a few steps. For the
	 * others the kernel knows the answer without running the filter. */
	if (rc == 0)
		rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	return rc;
}

static int add_rules(scmp_filter_ctx filter)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < COUNT(hostile); i++)
		rc = seccomp_rule_add_array(filter, SCMP_ACT_KILL_PROCESS, hostile[i], 0, NULL);
	for (size_t i = 0; rc == 0 && i < COUNT(allowed); i++)
		rc = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, allowed[i], 0, NULL);
	for (size_t i = 0; rc == 0 && i < COUNT(exceptions); i++)
		rc = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, exceptions[i].call, 1,
					    &exceptions[i].argument);
	/* abort() signals itself; nobody else. */
	if (rc == 0)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
				      SCMP_A0_32(SCMP_CMP_EQ, (uint32_t)getpid(), 0));
	return rc;
}

/* Asks for a filter that there is not: EFAULT tells that one would have been taken. */
static bool kernel_has_seccomp(void)
{
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL, 0, 0) != 0 && errno == EFAULT;
}

coffer_err sandbox_calls_restrict(void)
{
	scmp_filter_ctx filter;
	int rc;

	if (!kernel_has_seccomp())
		return COFFER_FAILED_PRECONDITION;
	if ((filter = seccomp_init(SCMP_ACT_ERRNO(EPERM))) == NULL) {
		log_error("sandbox: cannot make a filter of system calls");
		return COFFER_INTERNAL;
	}
	if ((rc = set_up(filter)) == 0 && (rc = add_rules(filter)) == 0)
		rc = seccomp_load(filter);
	seccomp_release(filter);
	if (rc == 0)
		return COFFER_OK;
	log_error("sandbox: cannot filter system calls: %s", strerror(-rc));
	return COFFER_INTERNAL;
}
