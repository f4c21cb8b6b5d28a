/* The audit log's files when the daemon is killed, or the disk fails, at any system call.
 *
 * The functions below stand in the place of libc's: each can fail once, or end the process before or after
 * it has done its work. */
#undef _FORTIFY_SOURCE /* its inline functions are of the same names */
#include "audit/rotate.h"

#include "audit_log.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum fault { PASS, FAIL, KILL_BEFORE, KILL_AFTER };

static struct {
	enum fault kind;
	long countdown; /* to the call that is hit */
	bool hit;
	char order[4096]; /* of the calls that matter, a letter each */
	size_t len;
} fault;

static void note(char call)
{
	if (fault.len + 1 < sizeof(fault.order))
		fault.order[fault.len++] = call;
}

/* True if the call is to fail. */
static bool strike(void)
{
	fault.hit = fault.kind != PASS && --fault.countdown == 0;
	if (fault.hit && fault.kind == KILL_BEFORE)
		raise(SIGKILL);
	if (fault.hit && fault.kind == FAIL)
		errno = EIO;
	return fault.hit && fault.kind == FAIL;
}

static long done(long result)
{
	if (fault.hit && fault.kind == KILL_AFTER)
		raise(SIGKILL);
	return result;
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
	note('w');
	return strike() ? -1 : done(syscall(SYS_pwrite64, fd, bytes, len, at));
}

int ftruncate(int fd, off_t size)
{
	return strike() ? -1 : (int)done(syscall(SYS_ftruncate, fd, size));
}

int fallocate(int fd, int mode, off_t at, off_t len)
{
	return strike() ? -1 : (int)done(syscall(SYS_fallocate, fd, mode, at, len));
}

/* Nothing is synced: that takes long, and a killed process does not need it. */
int fdatasync(int fd)
{
	(void)fd;
	note('s');
	return strike() ? -1 : (int)done(0);
}

int fsync(int fd)
{
	(void)fd;
	note('d');
	return strike() ? -1 : (int)done(0);
}

int renameat(int from, const char *old, int to, const char *new)
{
	note('r');
	return strike() ? -1 : (int)done(syscall(SYS_renameat2, from, old, to, new, 0));
}

int unlinkat(int folder, const char *name, int flags)
{
	if (strcmp(name, "unfinished") != 0)
		note('u');
	return strike() ? -1 : (int)done(syscall(SYS_unlinkat, folder, name, flags));
}

#define RECORDS 14

static void strike_at(enum fault kind, long countdown)
{
	fault.kind = kind;
	fault.countdown = countdown;
}

/* Opens the log, and appends records that begin files and let files go; tells each that is acknowledged. */
static void write_and_tell(const struct audit_log *log, int told)
{
	struct trail *trail = log_open_files(log, 1000, 2);

	for (int i = 0; i < RECORDS; i++) {
		uint64_t seq;

		if (trail_ready(trail, false) != COFFER_OK)
			_exit(1);
		log_gather(trail);
		seq = trail_head(trail)->seq;
		if (trail_flush(trail) != COFFER_OK || write(told, &seq, sizeof(seq)) < 0)
			_exit(1);
	}
	trail_close(trail);
}

/* Runs the above until the countdown ends it; returns the last number told, and whether it was ended. */
static uint64_t run_to_its_end(const struct audit_log *log, enum fault kind, long countdown,
			       bool *killed)
{
	uint64_t seq, last = 0;
	int ends[2], status;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		strike_at(kind, countdown);
		write_and_tell(log, ends[1]);
		_exit(0);
	}
	close(ends[1]);
	while (read(ends[0], &seq, sizeof(seq)) == sizeof(seq))
		last = seq;
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	*killed = WIFSIGNALED(status);
	assert_true(*killed || WEXITSTATUS(status) == 0);
	return last;
}

static void a_kill_at_any_system_call_loses_nothing_and_breaks_nothing(void **state)
{
	struct audit_log *log = *state;

	for (enum fault kind = KILL_BEFORE; kind <= KILL_AFTER; kind++) {
		bool killed = true;
		long at;

		for (at = 1; killed; at++) {
			uint64_t last = run_to_its_end(log, kind, at, &killed);
			struct trail *trail;

			log_listen(log);
			trail = log_open_files(log, 1000, 2);
			assert_null(strstr(log_told(log), "error"));
			if (trail_head(trail)->seq < last)
				fail_msg("call %ld: record %" PRIu64 " is lost", at, last);
			log_assert_verdict(log, trail_head(trail), "", trail_head(trail)->seq);
			log_append(trail, 5);
			log_assert_verdict(log, trail_head(trail), "", trail_head(trail)->seq);
			trail_close(trail);
			log_empty(log);
		}
		assert_true(at > 40);
	}
}

static void a_failure_at_any_system_call_loses_nothing_and_is_got_over(void **state)
{
	struct audit_log *log = *state;
	bool hit = true;
	long at;

	for (at = 1; hit; at++) {
		struct trail *trail = log_open_files(log, 1000, 2);
		uint64_t last = 0;

		log_listen(log);
		strike_at(FAIL, at);
		for (int i = 0; i < RECORDS; i++) {
			if (trail_ready(trail, false) != COFFER_OK)
				continue;
			log_gather(trail);
			if (trail_flush(trail) == COFFER_OK)
				last = trail_head(trail)->seq;
		}
		hit = fault.countdown <= 0;
		strike_at(PASS, 0);
		log_append(trail, 8);
		(void)log_told(log);
		assert_true(trail_head(trail)->seq >= last + 8);
		log_assert_verdict(log, trail_head(trail), "", trail_head(trail)->seq);
		trail_close(trail);
		log_listen(log);
		trail_close(log_open_files(log, 1000, 2));
		assert_null(strstr(log_told(log), "error"));
		log_empty(log);
	}
	assert_true(at > 40);
}

/* A power cut may take whatever was not synced: so the order counts, and not only that it is all done. */
static void files_are_brought_to_disk_before_they_count_and_removed_last(void **state)
{
	struct audit_log *log = *state;
	struct trail *trail = log_open_files(log, 1000, 1);

	log_append(trail, 1);
	while (trail_head(trail)->seq < 8) {
		fault.len = 0;
		log_append(trail, 1);
		fault.order[fault.len] = '\0';
		/* The old file; the first record of the new one, its name, and the folder; then the removal
		 * of the old one, and the record that was asked for. */
		if (fault.len > 1)
			assert_string_equal(fault.order, "swsrduw");
	}
	trail_close(trail);
}

/* Somebody keeps a checkpoint of it: a power cut must not take the record. */
static void what_was_verified_to_the_end_is_on_disk(void **state)
{
	struct audit_log *log = *state;
	struct trail *trail = log_open_files(log, 0, 0);
	struct reader_verdict verdict = { .cursor_len = 0 };

	log_append(trail, 2);
	fault.len = 0;
	assert_int_equal(trail_verify(trail, 1, &verdict), COFFER_OK);
	assert_false(verdict.done);
	assert_int_equal(fault.len, 0);
	while (!verdict.done)
		assert_int_equal(trail_verify(trail, 1, &verdict), COFFER_OK);
	assert_int_equal(fault.len, 1);
	assert_int_equal(fault.order[0], 's');
	log_append(trail, 1);
	verdict = (struct reader_verdict){ .cursor_len = 0 };
	log_listen(log);
	strike_at(FAIL, 1);
	assert_int_equal(trail_verify(trail, 1u << 20, &verdict), COFFER_UNAVAILABLE);
	strike_at(PASS, 0);
	(void)log_told(log);
	trail_close(trail);
}

#define case_of(name) cmocka_unit_test_setup_teardown(name, log_setup, log_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		case_of(a_kill_at_any_system_call_loses_nothing_and_breaks_nothing),
		case_of(a_failure_at_any_system_call_loses_nothing_and_is_got_over),
		case_of(files_are_brought_to_disk_before_they_count_and_removed_last),
		case_of(what_was_verified_to_the_end_is_on_disk),
	};

	return cmocka_run_group_tests_name("rotate_faults", tests, NULL, NULL);
}
