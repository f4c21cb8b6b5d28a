/* What a confined daemon can no longer ask of the kernel, and kernels that cannot confine it. In a build with the
 * address sanitizer there is no filter of system calls: see base/sandbox.h. */
#include "base/sandbox.h"

#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "sandbox_test.h"

#include <seccomp.h> /* behind ev.h, some of whose names are macros of its elf.h */

static int run_a_program(void)
{
	char program[] = "/bin/true";
	char *argv[] = { program, NULL };

	return execve(program, argv, NULL);
}

#ifdef COFFER_SANITIZE
static void no_program_can_be_run(void **state)
{
	(void)state;
	if (!told_that_there_is_no_landlock())
		assert_int_equal(outcome_of(run_a_program), EACCES);
}
#else
static void no_program_can_be_run(void **state)
{
	(void)state;
	assert_int_equal(outcome_of(run_a_program), KILLED);
}

static int trace(void)
{
	return (int)ptrace(PTRACE_ATTACH, parent, NULL, NULL);
}

static int read_others_memory(void)
{
	char byte;
	struct iovec local = { &byte, 1 }, remote = { &place, 1 };

	return (int)process_vm_readv(parent, &local, 1, &remote, 1, 0);
}

static int hostile_call; /* of call_it */

static int call_it(void)
{
	return (int)syscall(hostile_call, 0, 0, 0, 0, 0, 0);
}

/* Who makes these has taken the process over, and gets no second attempt. */
static void hostile_calls_end_the_process(void **state)
{
	static const struct attempt attempts[] = {
		{ "to trace its parent", trace, KILLED },
		{ "to read its parent's memory", read_others_memory, KILLED },
	};
	static const int calls[] = { SYS_execveat,        SYS_setuid,         SYS_setns,
				     SYS_unshare,         SYS_mount,          SYS_bpf,
				     SYS_userfaultfd,     SYS_io_uring_setup, SYS_keyctl,
				     SYS_add_key,         SYS_init_module,    SYS_finit_module,
				     SYS_perf_event_open, SYS_pidfd_getfd,    SYS_kexec_load };

	(void)state;
	assert_outcomes(attempts, CASES(attempts));
	for (size_t i = 0; i < CASES(calls); i++) {
		hostile_call = calls[i];
		if (outcome_of(call_it) != KILLED)
			fail_msg("call %d", calls[i]);
	}
}

#ifdef __x86_64__
/* The attack: the calls have other numbers there, so a filter of these would not know them. */
static int call_by_the_other_abi(void)
{
	return (int)syscall(0x40000000 | SYS_getpid);
}

static void another_abi_ends_the_process(void **state)
{
	(void)state;
	assert_int_equal(outcome_of(call_by_the_other_abi), KILLED);
}
#endif

static int connect_to_a_network(void)
{
	return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int make_a_unix_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int split(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid;
}

static int signal_parent(void)
{
	return kill(parent, 0);
}

static int signal_thread_of_parent(void)
{
	return (int)syscall(SYS_tgkill, parent, parent, 0);
}

static int map_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
		       MAP_FAILED
		   ? -1
		   : 0;
}

static int make_code(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return page == MAP_FAILED ? 0 : mprotect(page, 4096, PROT_READ | PROT_EXEC);
}

static int make_a_file_in_memory(void)
{
	return memfd_create("program", MFD_CLOEXEC);
}

static int type_on_the_terminal(void)
{
	return ioctl(STDERR_FILENO, TIOCSTI, "x");
}

static int send_signals_on_input(void)
{
	return fcntl(STDERR_FILENO, F_SETOWN, parent);
}

static int lift_a_limit(void)
{
	struct rlimit limit = { 1, 1 };

	return setrlimit(RLIMIT_CORE, &limit);
}

static int open_a_core(void)
{
	return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static int make_a_link(void)
{
	return symlink("/etc/shadow", at("home/link"));
}

static int change_a_mode(void)
{
	return chmod(at("home/file"), 0666);
}

static void other_calls_fail(void **state)
{
	static const struct attempt attempts[] = {
		{ "a socket of the internet", connect_to_a_network, EPERM },
		{ "another Unix socket", make_a_unix_socket, EPERM },
		{ "a child", split, EPERM },
		{ "a signal to its parent", signal_parent, EPERM },
		{ "a signal to a thread of its parent", signal_thread_of_parent, EPERM },
		{ "memory that can be executed", map_code, EPERM },
		{ "memory made executable", make_code, EPERM },
		{ "a file in memory", make_a_file_in_memory, EPERM },
		{ "to type on the terminal", type_on_the_terminal, EPERM },
		{ "signals on input", send_signals_on_input, EPERM },
		{ "another limit", lift_a_limit, EPERM },
		{ "to be dumpable", open_a_core, EPERM },
		{ "a symbolic link", make_a_link, EPERM },
		{ "another mode by path", change_a_mode, EPERM },
	};

	(void)state;
	assert_outcomes(attempts, CASES(attempts));
}

static int end_by_abort(void)
{
	abort();
}

static int use_memory(void)
{
	size_t len = 1u << 24;
	char *bytes = malloc(len), *more;

	if (bytes == NULL || (more = realloc(bytes, 2 * len)) == NULL)
		return -1;
	memset(more, 1, 2 * len);
	free(more);
	return 0;
}

static void memory_and_an_orderly_crash_stay_possible(void **state)
{
	(void)state;
	assert_int_equal(outcome_of(use_memory), 0);
	assert_int_equal(outcome_of(end_by_abort), -SIGABRT);
}

/* --- kernels that cannot -------------------------------------------------------------------------------- */

/* From here on this process is on a kernel without Landlock, or without seccomp. */
static void lose(bool landlock)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int rc = landlock ? seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS),
					     SCMP_SYS(landlock_create_ruleset), 0)
			  : seccomp_rule_add(filter, SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(prctl), 1,
					     SCMP_A0(SCMP_CMP_EQ, PR_SET_SECCOMP));

	if (rc != 0 || seccomp_load(filter) != 0)
		_exit(NOT_BEGUN);
	seccomp_release(filter);
}

/* What the sandbox comes to there, and says. */
static coffer_err enter_without(bool landlock, const char **told)
{
	int saved = told_begin(), status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (process_harden() != COFFER_OK)
			_exit(NOT_BEGUN);
		lose(landlock);
		_exit((int)enter());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	*told = told_end(saved);
	assert_true(WIFEXITED(status));
	return (coffer_err)WEXITSTATUS(status);
}

static void a_kernel_that_cannot_is_warned_about_or_refused(void **state)
{
	static const struct {
		const char *setting, *told;
		bool landlock;
		coffer_err want;
	} cases[] = {
		{ NULL, "warning: sandbox: this kernel has no Landlock", true, COFFER_OK },
		{ "on", "warning: sandbox: this kernel has no seccomp", false, COFFER_OK },
		{ "require", "no Landlock", true, COFFER_FAILED_PRECONDITION },
		{ "require", "no seccomp", false, COFFER_FAILED_PRECONDITION },
		{ "off", "", true, COFFER_OK },
		{ "off", "", false, COFFER_OK },
	};

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		const char *told;
		char setting[16] = "";
		if (cases[i].setting != NULL)
			strcpy(setting, cases[i].setting);
		place.config.sandbox = cases[i].setting != NULL ? setting : NULL;
		assert_int_equal(enter_without(cases[i].landlock, &told), cases[i].want);
		if (have_landlock() && strstr(told, cases[i].told) == NULL)
			fail_msg("case %zu: %s is not in: %s", i, cases[i].told, told);
		assert_true(cases[i].told[0] != '\0' || told[0] == '\0');
	}
}

static void source_folders_need_landlock(void **state)
{
	char sources[96];
	const char *told;

	(void)state;
	strcpy(sources, at("sources"));
	place.config.source_dirs = sources;
	assert_int_equal(enter_without(true, &told), COFFER_FAILED_PRECONDITION);
	assert_non_null(strstr(told, "no Landlock"));
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACED(no_program_can_be_run),
#ifndef COFFER_SANITIZE
		PLACED(hostile_calls_end_the_process),
#ifdef __x86_64__
		PLACED(another_abi_ends_the_process),
#endif
		PLACED(other_calls_fail),
		PLACED(memory_and_an_orderly_crash_stay_possible),
		PLACED(a_kernel_that_cannot_is_warned_about_or_refused),
		PLACED(source_folders_need_landlock),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
