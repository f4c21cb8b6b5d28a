/* audit_log.h - makes, damages and reads audit logs in a folder of its own. For tests. */
#ifndef AUDIT_LOG_H
#define AUDIT_LOG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/reader.h"
#include "audit/trail.h"

#define LOG_BYTES_MAX (4u << 20)

/* The case's folder, and a buffer for a file's content. */
struct audit_log {
	char folder[64];
	uint8_t *bytes;
	size_t len;
	int saved_stderr;
};

static const uint8_t log_key[CHAIN_KEY_LEN] = "a key of 32 bytes for the tests";

static inline int log_setup(void **state)
{
	struct audit_log *log = calloc(1, sizeof(*log));

	if (log == NULL || (log->bytes = malloc(LOG_BYTES_MAX)) == NULL)
		return -1;
	log->saved_stderr = -1;
	strcpy(log->folder, "/tmp/coffer-test-audit-XXXXXX");
	*state = log;
	return mkdtemp(log->folder) != NULL ? 0 : -1;
}

static inline int log_remove_one(const char *path, const struct stat *st, int type,
				 struct FTW *where)
{
	(void)st, (void)type;
	return where->level > 0 ? remove(path) : 0;
}

static inline void log_empty(const struct audit_log *log)
{
	assert_int_equal(nftw(log->folder, log_remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static inline int log_teardown(void **state)
{
	struct audit_log *log = *state;
	int status = nftw(log->folder, log_remove_one, 8, FTW_DEPTH | FTW_PHYS);

	if (log->saved_stderr >= 0) {
		/* The case failed while it listened. */
		status |= dup2(log->saved_stderr, STDERR_FILENO) < 0;
		close(log->saved_stderr);
	}
	status |= rmdir(log->folder);
	free(log->bytes);
	free(log);
	return status;
}

/* A file of the log, by the number in its name. */
static inline void log_path(const struct audit_log *log, uint64_t first, char out[128])
{
	snprintf(out, 128, "%s/%020" PRIu64 ".jsonl", log->folder, first);
}

static inline void log_read(struct audit_log *log, uint64_t first)
{
	char path[128];
	int fd;
	ssize_t n;

	log_path(log, first, path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	n = read(fd, log->bytes, LOG_BYTES_MAX);
	assert_true(n >= 0 && (size_t)n < LOG_BYTES_MAX);
	log->len = (size_t)n;
	close(fd);
}

static inline void log_write(const struct audit_log *log, uint64_t first, const void *bytes,
			     size_t len)
{
	char path[128];
	int fd;

	log_path(log, first, path);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	/* Not O_TRUNC, for which some file systems wait for the disk. */
	assert_int_equal(ftruncate(fd, (off_t)len), 0);
	close(fd);
}

/* The i-th line (from 0) of what was read last; empty behind the last one. */
static inline struct slice log_line(const struct audit_log *log, size_t i)
{
	const uint8_t *at = log->bytes, *end = log->bytes + log->len, *newline;

	for (;; at = newline + 1) {
		newline = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
		if (newline == NULL)
			return SLICE_EMPTY;
		if (i-- == 0)
			return (struct slice){ at, (size_t)(newline - at) + 1 };
	}
}

static inline struct trail *log_open_behind(const struct audit_log *log,
					    const struct chain_head *anchor, struct slice line)
{
	struct trail_options options = {
		.folder = log->folder, .key = log_key, .anchor = *anchor, .anchor_line = line
	};
	struct trail *trail;

	assert_int_equal(trail_open(&trail, &options), COFFER_OK);
	return trail;
}

static inline struct trail *log_open(const struct audit_log *log)
{
	return log_open_behind(log, &(struct chain_head){ 0 }, SLICE_EMPTY);
}

/* A log whose files begin anew at max bytes, and of which keep are kept. */
static inline struct trail *log_open_files(const struct audit_log *log, uint64_t max, uint64_t keep)
{
	struct trail_options options = {
		.folder = log->folder, .key = log_key, .file_max = max, .keep = keep
	};
	struct trail *trail;

	assert_int_equal(trail_open(&trail, &options), COFFER_OK);
	return trail;
}

static inline void log_gather(struct trail *trail)
{
	const struct record_subject subject = {
		.op = SLICE_LITERAL("GetSecret"),
		.grant = SLICE_LITERAL("0190b6b5-9d3e-7c1a-8f00-0123456789ab"),
		.is_run = true,
		.uid = 1000,
		.gid = 1000,
		.pid = 4711,
		.time_ms = 1795311608123,
	};

	trail_begin(trail, &subject);
	trail_secret(trail, SLICE_LITERAL("global"), SLICE_LITERAL("API_KEY"), 3);
	trail_end(trail, COFFER_OK, SLICE_EMPTY);
}

static inline void log_append(struct trail *trail, size_t count)
{
	while (count-- > 0) {
		assert_int_equal(trail_ready(trail, false), COFFER_OK);
		log_gather(trail);
	}
	assert_int_equal(trail_flush(trail), COFFER_OK);
}

/* Adds count records to the log and returns its head. */
static inline struct chain_head log_extend(const struct audit_log *log, size_t count)
{
	struct trail *trail = log_open(log);
	struct chain_head head;

	log_append(trail, count);
	head = *trail_head(trail);
	trail_close(trail);
	return head;
}

/* Cuts the one file of a log, which was read, into several: the i-th takes lines[i] lines. */
static inline void log_split(const struct audit_log *log, const size_t *lines, size_t files)
{
	const uint8_t *at = log->bytes;
	size_t line = 0;

	for (size_t i = 0; i < files; i++) {
		size_t len = 0, first = line + 1;
		for (; line < first - 1 + lines[i]; line++)
			len += log_line(log, line).len;
		log_write(log, first, at, len);
		at += len;
	}
	assert_true(at == log->bytes + log->len);
}

/* A log of count records in one file, which is read; its head. */
static inline struct chain_head log_make(struct audit_log *log, size_t count)
{
	struct chain_head head = log_extend(log, count);

	log_read(log, 1);
	return head;
}

/* Writes the log anew out of the given lines of what was read, by index from 0. */
static inline void log_write_lines(const struct audit_log *log, uint64_t first, const size_t *lines,
				   size_t count)
{
	uint8_t *bytes = malloc(count * 1024);
	size_t len = 0;

	assert_non_null(bytes);
	for (size_t i = 0; i < count; i++) {
		struct slice line = log_line(log, lines[i]);

		memcpy(bytes + len, line.data, line.len);
		len += line.len;
	}
	log_write(log, first, bytes, len);
	free(bytes);
}

/* The whole verification, budget bytes a step. */
static inline struct reader_verdict log_verify_by(const struct audit_log *log,
						  const struct chain_head *head, size_t budget)
{
	struct reader_verdict verdict = { .cursor_len = 0 };

	while (!verdict.done)
		assert_int_equal(reader_verify(log->folder, log_key, head, budget, &verdict),
				 COFFER_OK);
	return verdict;
}

static inline void log_assert_verdict(const struct audit_log *log, const struct chain_head *head,
				      const char *problem, uint64_t last_seq)
{
	struct reader_verdict verdict = log_verify_by(log, head, 1u << 20);

	assert_string_equal(verdict.problem, problem);
	assert_int_equal(verdict.last_seq, last_seq);
}

/* From here to log_told, what the daemon logs goes to a file. */
static inline void log_listen(struct audit_log *log)
{
	int fd = memfd_create("told", MFD_CLOEXEC);

	assert_true(fd >= 0);
	log->saved_stderr = dup(STDERR_FILENO);
	assert_true(log->saved_stderr >= 0 && dup2(fd, STDERR_FILENO) >= 0);
	close(fd);
}

/* What was logged, in a static buffer. */
static inline const char *log_told(struct audit_log *log)
{
	static char told[4096];
	ssize_t n = pread(STDERR_FILENO, told, sizeof(told) - 1, 0);

	assert_true(n >= 0);
	told[n] = '\0';
	assert_true(dup2(log->saved_stderr, STDERR_FILENO) >= 0);
	close(log->saved_stderr);
	log->saved_stderr = -1;
	return told;
}

#endif
