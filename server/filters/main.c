/* Writes the sandbox's two filters of system calls as C, for base/sandbox_calls.c: made once when coffer is built,
 * they need neither libseccomp nor the time to make them at each start. */
#include "base/sandbox_own_pid.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

/* What libseccomp may use: an action that ends the process, above all. Else it asks the kernel of the build, which need
 * not be the one that the filter is for. */
#define API_LEVEL 3

/* The most that is read of a filter; the kernel takes as many. */
#define FILTER_MAX 4096

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

	/* A tree instead of a list: a call with a rule about its argument is found in a few steps. For the
	 * others the kernel knows the answer without running the filter. */
	if (rc == 0)
		rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	return rc;
}

static int forbid_hostile(scmp_filter_ctx filter)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < COUNT(hostile); i++)
		rc = seccomp_rule_add_array(filter, SCMP_ACT_KILL_PROCESS, hostile[i], 0, NULL);
	return rc;
}

static int add_rules(scmp_filter_ctx filter)
{
	int rc = forbid_hostile(filter);

	for (size_t i = 0; rc == 0 && i < COUNT(allowed); i++)
		rc = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, allowed[i], 0, NULL);
	for (size_t i = 0; rc == 0 && i < COUNT(exceptions); i++)
		rc = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, exceptions[i].call, 1,
					    &exceptions[i].argument);
	/* abort() signals itself; nobody else. */
	if (rc == 0)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
				      SCMP_A0_32(SCMP_CMP_EQ, SANDBOX_OWN_PID, 0));
	return rc;
}

/* What the kernel is to be given: through a pipe, as libseccomp writes to a descriptor only. */
static int export(scmp_filter_ctx filter, struct sock_filter *out, size_t *len)
{
	ssize_t got;
	int ends[2];
	int rc;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return -errno;
	rc = seccomp_export_bpf(filter, ends[1]);
	close(ends[1]);
	got = rc == 0 ? read(ends[0], out, FILTER_MAX * sizeof(*out)) : 0;
	rc = got < 0 ? -errno : rc;
	close(ends[0]);
	*len = got > 0 ? (size_t)got / sizeof(*out) : 0;
	return rc;
}

static bool print(FILE *file, const char *name, const struct sock_filter *filter, size_t len)
{
	bool ok = fprintf(file, "\nstatic const struct sock_filter %s[] = {\n", name) > 0;

	for (size_t i = 0; i < len && ok; i++)
		ok = fprintf(file, "\t{ 0x%02x, %d, %d, 0x%08" PRIx32 " },\n", filter[i].code,
			     filter[i].jt, filter[i].jf, filter[i].k) > 0;
	return ok && fputs("};\n", file) >= 0;
}

/* Makes a filter of those rules, which does by_default with all that has none, and prints it under that name. */
static bool make(FILE *file, const char *name, uint32_t by_default,
		 int (*rules)(scmp_filter_ctx filter))
{
	static struct sock_filter code[FILTER_MAX];
	scmp_filter_ctx filter = seccomp_init(by_default);
	size_t len = 0;
	int rc = filter != NULL ? 0 : -ENOMEM;

	if (rc == 0 && (rc = set_up(filter)) == 0 && (rc = rules(filter)) == 0)
		rc = export(filter, code, &len);
	seccomp_release(filter);
	if (rc == 0 && len > 0 && print(file, name, code, len))
		return true;
	fprintf(stderr, "coffer-filters: %s: %s\n", name, strerror(rc != 0 ? -rc : EIO));
	return false;
}

int main(int argc, char **argv)
{
	FILE *file;
	bool ok;

	if (argc != 2 || seccomp_api_set(API_LEVEL) != 0 || (file = fopen(argv[1], "w")) == NULL) {
		fprintf(stderr, "coffer-filters: cannot begin; usage: coffer-filters FILE\n");
		return EXIT_FAILURE;
	}
	ok = fputs("#include <linux/filter.h>\n", file) >= 0 &&
	     make(file, "filter_restricting", SCMP_ACT_ERRNO(EPERM), add_rules) &&
	     make(file, "filter_forbidding", SCMP_ACT_ALLOW, forbid_hostile);
	ok = fclose(file) == 0 && ok;
	if (!ok)
		(void)remove(argv[1]);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
