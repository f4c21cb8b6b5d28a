/* An audit log that somebody else wrote. The first byte of the input chooses: the rest is a file of the log
 * as it stands, or the texts of records that are chained as the daemon would, and of which one byte is then
 * changed. */
#include "audit/reader.h"
#include "audit/record.h"
#include "audit/trail.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "check.h"

#define LOG_MAX   (1u << 20)
#define TEXT_MAX  (RECORD_LINE_MAX - 256)
#define STEPS_MAX 100000

#define CHAINED 1u
#define CHANGED 2u
#define SPLIT   4u

/* The one state that outlives an input: where the log is written, in memory if the system has that. */
static char folder[64];

static const uint8_t key[CHAIN_KEY_LEN] = "a key of 32 bytes for the fuzzer";

static void path_of(uint64_t first, char out[128])
{
	snprintf(out, 128, "%s/%020llu.jsonl", folder, (unsigned long long)first);
}

static void empty_folder(void)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;

	CHECK(dir != NULL);
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			CHECK(unlinkat(dirfd(dir), entry->d_name, 0) == 0);
	closedir(dir);
}

static void remove_folder(void)
{
	empty_folder();
	rmdir(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	strcpy(folder, "/dev/shm/coffer-fuzz-audit-XXXXXX");
	if (mkdtemp(folder) == NULL) {
		strcpy(folder, "/tmp/coffer-fuzz-audit-XXXXXX");
		CHECK(mkdtemp(folder) != NULL);
	}
	CHECK(atexit(remove_folder) == 0);
	return 0;
}

static void write_file(uint64_t first, struct slice bytes)
{
	char path[128];
	int fd;

	path_of(first, path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	CHECK(fd >= 0);
	CHECK(write(fd, bytes.data, bytes.len) == (ssize_t)bytes.len);
	close(fd);
}

/* Removes what an input before this one has left. */
static void write_log(struct slice bytes, bool split)
{
	size_t half = split ? bytes.len / 2 : bytes.len;

	empty_folder();
	write_file(1, (struct slice){ bytes.data, half });
	if (split)
		write_file(2, (struct slice){ bytes.data + half, bytes.len - half });
}

static struct reader_verdict verify(const struct chain_head *head, size_t budget)
{
	struct reader_verdict verdict = { .cursor_len = 0 };

	for (size_t steps = 0; !verdict.done; steps++) {
		CHECK(steps < STEPS_MAX);
		CHECK(reader_verify(folder, key, head, budget, &verdict) == COFFER_OK);
	}
	CHECK(memchr(verdict.problem, 0, sizeof(verdict.problem)) != NULL);
	return verdict;
}

/* All pages, which must lead to an end; those of a query may be empty. */
static void copy_all(size_t cap, const struct reader_query *wanted)
{
	struct reader_query query = *wanted;
	uint8_t *page = malloc(cap);
	uint64_t last = 0, before;
	bool more = true;

	CHECK(page != NULL);
	while (more) {
		struct buf out = { page, 0, cap };
		coffer_err err;

		before = last;
		query.after_seq = last;
		err = reader_copy(folder, &query, &out, &last, &more);
		CHECK(err == COFFER_OK || err == COFFER_RESOURCE_EXHAUSTED);
		CHECK(out.len <= cap && (out.len == 0 || last > before));
		CHECK(out.len > 0 || last == before || wanted->budget > 0);
		CHECK(err == COFFER_OK || !more);
		CHECK(!more || last > before);
	}
	free(page);
}

static void check_lines(struct slice in)
{
	uint8_t mac[CHAIN_MAC_LEN];
	struct slice line, text, time;
	struct record_border border;
	const uint8_t *newline;
	uint64_t seq;

	while (in.len > 0) {
		newline = memchr(in.data, '\n', in.len);
		line =
		    (struct slice){ in.data, newline ? (size_t)(newline - in.data) + 1 : in.len };
		if (record_parse(line, &seq, &text, mac) == COFFER_OK) {
			CHECK(newline != NULL && seq > 0);
			CHECK(text.data == line.data && text.len < line.len);
			CHECK(record_parse_border(text, &border) == (border.oldest > 0));
			time = record_time(text);
			CHECK(time.len == 0 || (time.data > text.data &&
						time.data + time.len <= text.data + text.len));
		}
		in = (struct slice){ in.data + line.len, in.len - line.len };
	}
}

/* The daemon takes up whatever it finds, and goes on with records that stand. */
static void take_up(struct slice anchor_line)
{
	struct trail_options options = {
		.folder = folder, .key = key, .file_max = 1000, .keep = 2
	};
	struct record_subject subject = { .op = SLICE_LITERAL("Fuzz"), .via = anchor_line };
	struct chain_head head;
	struct trail *trail;

	options.anchor.seq = anchor_line.len % 7;
	options.anchor_line = anchor_line;
	CHECK(trail_open(&trail, &options) == COFFER_OK);
	if (trail_head(trail)->seq < UINT64_MAX - 1) {
		CHECK(trail_ready(trail, false) == COFFER_OK);
		trail_begin(trail, &subject);
		trail_secret(trail, anchor_line, anchor_line, 1);
		trail_end(trail, COFFER_OK, anchor_line);
	}
	head = *trail_head(trail);
	trail_close(trail);
	options.anchor.seq = 0;
	CHECK(trail_open(&trail, &options) == COFFER_OK);
	CHECK(head.seq == UINT64_MAX || chain_equal(trail_head(trail), &head));
	trail_close(trail);
}

static void check_as_it_stands(struct slice in, bool split)
{
	const struct chain_head head = { .seq = in.len % 5 };

	check_lines(in);
	write_log(in, split);
	(void)verify(&head, 1u << 20);
	(void)verify(&head, 100);
	copy_all(512, &(struct reader_query){ 0 });
	copy_all(RECORD_LINE_MAX, &(struct reader_query){ 0 });
	copy_all(RECORD_LINE_MAX, &(struct reader_query){ .since_ms = 1795311608123,
							  .run = { in.data, in.len % 40 },
							  .name = { in.data, in.len % 7 },
							  .op = SLICE_LITERAL("GetSecret"),
							  .budget = 300 });
	take_up((struct slice){ in.data, in.len < 2000 ? in.len : 2000 });
}

/* Makes a record of every line of texts. */
static struct chain_head chain(struct slice texts, struct buf *log)
{
	struct chain_head head = { 0 };

	while (texts.len > 0 && log->cap - log->len > RECORD_LINE_MAX) {
		const uint8_t *newline = memchr(texts.data, '\n', texts.len);
		size_t len = newline ? (size_t)(newline - texts.data) : texts.len, start = log->len;
		size_t kept = len < TEXT_MAX ? len : TEXT_MAX;

		log->len += (size_t)snprintf((char *)log->data + start, 64, "{\"seq\":%llu,",
					     (unsigned long long)head.seq + 1);
		memcpy(log->data + log->len, texts.data, kept);
		log->len += kept;
		chain_extend(key, &head, (struct slice){ log->data + start, log->len - start },
			     &head);
		record_mac(log, head.mac);
		len += newline != NULL;
		texts = (struct slice){ texts.data + len, texts.len - len };
	}
	return head;
}

static void check_chained(struct slice in, bool change)
{
	struct buf log = { malloc(LOG_MAX), 0, LOG_MAX };
	struct chain_head head;
	struct reader_verdict verdict;
	size_t at;

	CHECK(log.data != NULL);
	head = chain((struct slice){ in.data + 3, in.len - 3 }, &log);
	if (change && log.len > 0) {
		at = ((size_t)in.data[0] << 8 | in.data[1]) % log.len;
		log.data[at] ^= in.data[2] == 0 ? 1 : in.data[2];
	}
	write_log((struct slice){ log.data, log.len }, false);
	verdict = verify(&head, 700);
	CHECK((verdict.problem[0] == '\0') == (!change || log.len == 0));
	CHECK(verdict.last_seq <= head.seq);
	if (!change)
		CHECK(verdict.last_seq == head.seq);
	copy_all(RECORD_LINE_MAX, &(struct reader_query){ 0 });
	free(log.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct slice in;

	if (len < 4)
		return 0;
	in = (struct slice){ data + 1, len - 1 };
	if (data[0] & CHAINED)
		check_chained(in, data[0] & CHANGED);
	else
		check_as_it_stands(in, data[0] & SPLIT);
	return 0;
}
