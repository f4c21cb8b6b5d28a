/* The audit log on a disk that fills up, and writes that stop in the middle. */
#include "audit/sink.h"

#include "audit_log.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

static const struct chain_head no_head = { 0 };

/* --- a write that stops in the middle: the file may not grow beyond a limit ------------------------ */

static void limit_file_size(rlim_t bytes)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static int ignore_the_signal_of_the_limit(void **state)
{
	(void)state;
	return signal(SIGXFSZ, SIG_IGN) == SIG_ERR ? -1 : 0;
}

/* A log of one record, with two more gathered whose flush stops after cut bytes of them. */
static struct trail *open_and_stop_at(struct audit_log *log, size_t cut)
{
	struct trail *trail = log_open(log);
	size_t end;

	log_append(trail, 1);
	log_read(log, 1);
	end = log->len;
	assert_int_equal(trail_ready(trail, false), COFFER_OK);
	log_gather(trail);
	log_gather(trail);
	log_listen(log);
	limit_file_size(end + cut);
	assert_int_equal(trail_flush(trail), COFFER_UNAVAILABLE);
	assert_int_equal(trail_flush(trail), COFFER_UNAVAILABLE);
	limit_file_size(RLIM_INFINITY);
	assert_string_equal(log_told(log), "error: audit log cannot be written: File too large\n");
	log_read(log, 1);
	assert_int_equal(log->len, end + cut);
	return trail;
}

/* The bytes that the two gathered records have. */
static size_t gathered_len(struct audit_log *log)
{
	struct trail *trail = log_open(log);
	size_t end;

	log_append(trail, 1);
	log_read(log, 1);
	end = log->len;
	log_append(trail, 2);
	log_read(log, 1);
	trail_close(trail);
	log_empty(log);
	return log->len - end;
}

static void a_write_that_stops_at_any_byte_is_completed_from_there(void **state)
{
	struct audit_log *log = *state;
	size_t len = gathered_len(log);

	for (size_t cut = 0; cut < len; cut += 3) {
		struct trail *trail = open_and_stop_at(log, cut);

		assert_int_equal(trail_flush(trail), COFFER_OK);
		log_assert_verdict(log, trail_head(trail), "", 3);
		trail_close(trail);
		log_empty(log);
	}
}

static void after_a_failed_flush_nothing_is_ready_until_what_waits_is_written(void **state)
{
	struct audit_log *log = *state;
	struct trail *trail;

	(void)gathered_len(log);
	trail = open_and_stop_at(log, 10);
	limit_file_size(log->len);
	assert_int_equal(trail_ready(trail, false), COFFER_UNAVAILABLE);
	assert_int_equal(trail_ready(trail, true), COFFER_UNAVAILABLE);
	limit_file_size(RLIM_INFINITY);
	log_listen(log);
	assert_int_equal(trail_ready(trail, false), COFFER_OK);
	assert_string_equal(log_told(log), "info: audit log can be written again\n");
	log_assert_verdict(log, trail_head(trail), "", 3);
	trail_close(trail);
}

static void a_crash_after_a_write_that_stopped_keeps_whole_records_alone(void **state)
{
	struct audit_log *log = *state;
	size_t len = gathered_len(log);

	for (size_t cut = 0; cut < len; cut += 11) {
		struct trail *trail = open_and_stop_at(log, cut);

		/* A copy is what a crash would leave. */
		log_read(log, 1);
		trail_close(trail);
		log_empty(log);
		log_write(log, 1, log->bytes, log->len);
		log_listen(log);
		log_extend(log, 1);
		(void)log_told(log);
		log_assert_verdict(log, &no_head, "", cut >= len / 2 ? 3 : 2);
		log_empty(log);
	}
}

static void a_record_that_was_written_in_part_can_be_taken_back(void **state)
{
	struct audit_log *log = *state;
	size_t len = gathered_len(log);

	for (size_t cut = 0; cut < len; cut += 3) {
		struct trail *trail = open_and_stop_at(log, cut);

		const struct record_subject other = { .op = SLICE_LITERAL("Other") };

		trail_undo(trail);
		assert_int_equal(trail_head(trail)->seq, 2);
		if (cut % 2 == 0) {
			trail_begin(trail, &other);
			trail_end(trail, COFFER_OK, SLICE_EMPTY);
		}
		assert_int_equal(trail_flush(trail), COFFER_OK);
		log_assert_verdict(log, trail_head(trail), "", trail_head(trail)->seq);
		log_listen(log);
		log_append(trail, 1);
		assert_string_equal(log_told(log), "info: audit log can be written again\n");
		log_assert_verdict(log, trail_head(trail), "", trail_head(trail)->seq);
		trail_close(trail);
		log_assert_verdict(log, &no_head, "", cut % 2 == 0 ? 4 : 3);
		log_empty(log);
	}
}

/* --- a small file system that is full ---------------------------------------------------------------- */

#define DISK_BYTES (3u << 20)

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		if (write(fd, text, strlen(text)) < 0)
			print_message("%s: %s\n", path, strerror(errno));
		close(fd);
	}
}

/* A mount namespace for this process alone; without privilege, in a user namespace of its own. */
static bool own_mounts(void)
{
	const gid_t gid = getegid();
	char map[64];

	if (geteuid() == 0 && unshare(CLONE_NEWNS) == 0)
		return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
	snprintf(map, sizeof(map), "0 %u 1", (unsigned)geteuid());
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
		return false;
	write_file("/proc/self/setgroups", "deny");
	write_file("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "0 %u 1", (unsigned)gid);
	write_file("/proc/self/gid_map", map);
	return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static bool may_mount;

static int group_setup(void **state)
{
	(void)state;
	may_mount = own_mounts();
	if (!may_mount)
		print_message("this process may not mount a file system\n");
	return 0;
}

static int disk_setup(void **state)
{
	struct audit_log *log;

	if (log_setup(state) != 0)
		return -1;
	log = *state;
	if (!may_mount)
		return 0;
	return mount("none", log->folder, "tmpfs", 0, "size=3m");
}

static int disk_teardown(void **state)
{
	const struct audit_log *log = *state;

	if (may_mount && umount2(log->folder, MNT_DETACH) != 0)
		return -1;
	return log_teardown(state);
}

static void filler_path(const struct audit_log *log, char out[128])
{
	snprintf(out, 128, "%s/filler", log->folder);
}

static void fill_disk(const struct audit_log *log)
{
	static const uint8_t zeros[4096];
	char path[128];
	int fd;

	filler_path(log, path);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	while (write(fd, zeros, sizeof(zeros)) > 0)
		;
	assert_int_equal(errno, ENOSPC);
	close(fd);
}

static void free_disk(const struct audit_log *log)
{
	char path[128];

	filler_path(log, path);
	assert_int_equal(unlink(path), 0);
}

/* Appends, a flush each, until the log is not ready; returns how many. */
static uint64_t append_until_refused(struct trail *trail, bool use_reserve)
{
	uint64_t count = 0;

	while (trail_ready(trail, use_reserve) == COFFER_OK) {
		log_gather(trail);
		assert_int_equal(trail_flush(trail), COFFER_OK);
		assert_true(++count < DISK_BYTES);
	}
	return count;
}

static void a_full_disk_refuses_records_before_they_are_made_and_recovers_by_itself(void **state)
{
	struct audit_log *log = *state;
	struct trail *trail;
	uint64_t count;

	if (!may_mount)
		skip();
	trail = log_open(log);
	log_append(trail, 1);
	fill_disk(log);
	log_listen(log);
	/* What was allocated before serves on, and then nothing is lost and nothing is torn. */
	count = append_until_refused(trail, false);
	assert_true(count > 1000);
	for (int i = 0; i < 3; i++)
		assert_int_equal(trail_ready(trail, false), COFFER_UNAVAILABLE);
	assert_int_equal(trail_flush(trail), COFFER_OK);
	log_assert_verdict(log, trail_head(trail), "", 1 + count);
	free_disk(log);
	log_append(trail, 10);
	assert_string_equal(log_told(log),
			    "error: audit log cannot be written: No space left on device\n"
			    "info: audit log can be written again\n");
	log_assert_verdict(log, trail_head(trail), "", 11 + count);
	trail_close(trail);
}

static void the_reserve_serves_what_frees_space_and_is_told_of_once(void **state)
{
	struct audit_log *log = *state;
	struct trail *trail;
	uint64_t count, more;

	if (!may_mount)
		skip();
	trail = log_open(log);
	log_append(trail, 1);
	fill_disk(log);
	log_listen(log);
	count = append_until_refused(trail, false);
	/* Requests that may use the reserve and such that may not take turns. */
	assert_int_equal(trail_ready(trail, true), COFFER_OK);
	assert_int_equal(trail_ready(trail, false), COFFER_UNAVAILABLE);
	more = append_until_refused(trail, true);
	assert_true(more > 500);
	assert_int_equal(trail_ready(trail, false), COFFER_UNAVAILABLE);
	free_disk(log);
	assert_int_equal(trail_ready(trail, true), COFFER_OK);
	assert_int_equal(trail_ready(trail, false), COFFER_OK);
	assert_string_equal(log_told(log),
			    "error: audit log cannot be written: No space left on device\n"
			    "info: audit log can be written again\n");
	log_assert_verdict(log, trail_head(trail), "", 1 + count + more);
	trail_close(trail);
}

/* The reserve is made again, so it is there the second time. */
static void a_disk_that_fills_up_twice_has_its_reserve_twice(void **state)
{
	struct audit_log *log = *state;
	struct trail *trail;

	if (!may_mount)
		skip();
	trail = log_open(log);
	log_append(trail, 1);
	log_listen(log);
	for (int i = 0; i < 2; i++) {
		fill_disk(log);
		append_until_refused(trail, false);
		assert_true(append_until_refused(trail, true) > 500);
		free_disk(log);
		log_append(trail, 1);
	}
	(void)log_told(log);
	log_assert_verdict(log, trail_head(trail), "", trail_head(trail)->seq);
	trail_close(trail);
}

static void when_little_is_free_room_is_taken_in_smaller_steps(void **state)
{
	struct audit_log *log = *state;
	struct trail *trail;
	struct stat st;
	char path[128];

	if (!may_mount)
		skip();
	trail = log_open(log);
	fill_disk(log);
	filler_path(log, path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size - 600 * 1024), 0);
	assert_int_equal(trail_ready(trail, false), COFFER_OK);
	log_append(trail, 1);
	trail_close(trail);
	log_assert_verdict(log, &no_head, "", 1);
}

/* The daemon must come up to serve what needs no record, and to free space. */
static void a_full_disk_does_not_keep_the_log_from_being_opened(void **state)
{
	struct audit_log *log = *state;
	struct chain_head anchor;
	uint8_t line[1024];
	struct trail *trail;
	struct slice last;

	if (!may_mount)
		skip();
	/* The file ends where a page does, so that the anchor's record needs another one. */
	trail = log_open(log);
	log_append(trail, 1);
	do {
		log_append(trail, 1);
		log_read(log, 1);
	} while (4096 - log->len % 4096 > 200);
	assert_int_equal(trail_ready(trail, false), COFFER_OK);
	log_gather(trail);
	anchor = *trail_head(trail);
	last = trail_last(trail);
	memcpy(line, last.data, last.len);
	last.data = line;
	trail_undo(trail);
	trail_close(trail);
	fill_disk(log);
	log_listen(log);
	trail = log_open_behind(log, &anchor, last);
	assert_int_equal(trail_ready(trail, false), COFFER_UNAVAILABLE);
	assert_int_equal(trail_flush(trail), COFFER_UNAVAILABLE);
	assert_true(chain_equal(trail_head(trail), &anchor));
	free_disk(log);
	log_append(trail, 1);
	assert_non_null(strstr(log_told(log), "info: audit log can be written again\n"));
	log_assert_verdict(log, trail_head(trail), "", anchor.seq + 1);
	trail_close(trail);
}

/* The reserve of the old file must not be given up for a file that has none. */
static void a_full_disk_puts_off_the_next_file_and_the_old_one_goes_on(void **state)
{
	struct audit_log *log = *state;
	struct trail *trail;
	uint64_t head, firsts = 0;
	char path[128];
	struct stat st;

	if (!may_mount)
		skip();
	trail = log_open_files(log, 5000, 2);
	log_append(trail, 1);
	fill_disk(log);
	/* Some records would fit, and no reserve behind them. */
	filler_path(log, path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size - 100 * 1024), 0);
	log_listen(log);
	assert_true(append_until_refused(trail, false) > 1000);
	assert_true(append_until_refused(trail, true) > 500);
	head = trail_head(trail)->seq;
	assert_non_null(strstr(log_told(log),
			       "warning: audit log: the next file cannot be begun: No "
			       "space left on device\n"));
	log_assert_verdict(log, trail_head(trail), "", head);
	log_path(log, 1, path);
	assert_int_equal(access(path, F_OK), 0);
	free_disk(log);
	log_listen(log);
	log_append(trail, 1);
	(void)log_told(log);
	/* It is tried again when the file has grown some more. */
	for (int i = 0; i < 40; i++)
		log_append(trail, 1);
	while (firsts == 0 && ++head < trail_head(trail)->seq) {
		log_path(log, head, path);
		firsts += access(path, F_OK) == 0;
	}
	assert_int_equal(firsts, 1);
	log_assert_verdict(log, trail_head(trail), "", trail_head(trail)->seq);
	trail_close(trail);
}

#define case_of(name)      cmocka_unit_test_setup_teardown(name, log_setup, log_teardown)
#define disk_case_of(name) cmocka_unit_test_setup_teardown(name, disk_setup, disk_teardown)

int main(void)
{
	const struct CMUnitTest limited[] = {
		case_of(a_write_that_stops_at_any_byte_is_completed_from_there),
		case_of(after_a_failed_flush_nothing_is_ready_until_what_waits_is_written),
		case_of(a_crash_after_a_write_that_stopped_keeps_whole_records_alone),
		case_of(a_record_that_was_written_in_part_can_be_taken_back),
	};
	const struct CMUnitTest full[] = {
		disk_case_of(
		    a_full_disk_refuses_records_before_they_are_made_and_recovers_by_itself),
		disk_case_of(the_reserve_serves_what_frees_space_and_is_told_of_once),
		disk_case_of(a_disk_that_fills_up_twice_has_its_reserve_twice),
		disk_case_of(when_little_is_free_room_is_taken_in_smaller_steps),
		disk_case_of(a_full_disk_does_not_keep_the_log_from_being_opened),
		disk_case_of(a_full_disk_puts_off_the_next_file_and_the_old_one_goes_on),
	};

	return cmocka_run_group_tests_name("sink, limited", limited, ignore_the_signal_of_the_limit,
					   NULL) +
	       cmocka_run_group_tests_name("sink, on a full disk", full, group_setup, NULL);
}
