/* Reading backups: a small one of the test's own making, whole, changed and cut. */
#include "core/unpack.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "test_store.h"

#define FILE_MAX (4096 + 2 * (BACKUP_CHUNK + STREAM_OVERHEAD))

struct made {
	struct arena *arena;
	struct keyring *keyring;
	char folder[64], database[96], audit[96];
	uint8_t bytes[FILE_MAX];
	size_t len;
	size_t head_len;
};

static const uint8_t uuid[STORE_UUID_LEN] = "0123456789abcdef";

static void add_entry(struct buf *plain, backup_kind kind, uint64_t number, const char *content,
		      uint64_t size)
{
	struct backup_entry entry = { kind, number, size };

	backup_form_entry(&entry, plain->data + plain->len);
	plain->len += BACKUP_ENTRY_LEN;
	memcpy(plain->data + plain->len, content, strlen(content));
	plain->len += strlen(content);
}

/* Seals plain as the chunks of a backup with two slots. */
static void seal(struct made *made, struct slice plain)
{
	struct backup_header header = { .epoch = 1, .created_ms = 1700000000000, .audit_seq = 9 };
	struct store_slot slot = { .id = 1,
				   .epoch = 1,
				   .kind = 1,
				   .params = slice_str("params"),
				   .nonce = slice_str("nonce"),
				   .wrapped = slice_str("wrapped") };
	struct buf out = { made->bytes, 0, sizeof(made->bytes) };
	struct stream *stream;
	uint8_t *stream_header;

	memcpy(header.uuid, uuid, sizeof(uuid));
	must(backup_form_begin(&header, &out));
	must(backup_form_slot(&slot, &out));
	slot.id = 2;
	must(backup_form_slot(&slot, &out));
	must(backup_form_end(&out, &stream_header));
	made->head_len = out.len;
	must(stream_write_begin(&stream, made->arena, keyring_key(made->keyring, KEY_BACKUP, 1),
				stream_header));
	made->len = out.len;
	for (size_t at = 0, len = 0; at == 0 || at < plain.len; at += len) {
		len = plain.len - at < BACKUP_CHUNK ? plain.len - at : BACKUP_CHUNK;
		stream_push(stream, (struct slice){ plain.data + at, len },
			    (struct slice){ made->bytes, made->head_len }, at + len == plain.len,
			    made->bytes + made->len);
		made->len += len + STREAM_OVERHEAD;
		if (len == 0)
			break;
	}
	stream_end(stream);
}

static void seal_usual(struct made *made)
{
	uint8_t room[512];
	struct buf plain = { room, 0, sizeof(room) };

	add_entry(&plain, BACKUP_DATABASE, 0, "the database", 12);
	add_entry(&plain, BACKUP_AUDIT, 1, "first\n", 6);
	add_entry(&plain, BACKUP_AUDIT, 7, "", 0);
	add_entry(&plain, BACKUP_AUDIT, 8, "second\n", 7);
	seal(made, (struct slice){ plain.data, plain.len });
}

static int set_up(void **state)
{
	struct made *made = calloc(1, sizeof(*made));

	log_set_level(LOG_ERROR);
	must(arena_create(&made->arena, 1 << 20, true));
	must(keyring_create(&made->keyring, made->arena, uuid));
	must(keyring_new_epoch(made->keyring, 1));
	strcpy(made->folder, "/tmp/coffer-unpack-XXXXXX");
	assert_non_null(mkdtemp(made->folder));
	(void)snprintf(made->database, sizeof(made->database), "%s/coffer.db", made->folder);
	(void)snprintf(made->audit, sizeof(made->audit), "%s/audit", made->folder);
	must(file_make_folder(made->audit));
	seal_usual(made);
	*state = made;
	return 0;
}

static int tear_down(void **state)
{
	struct made *made = *state;

	keyring_destroy(made->keyring);
	arena_destroy(made->arena);
	must(file_remove_tree(made->folder));
	free(made);
	return 0;
}

/* Reads the first len bytes as a backup, into an empty folder. */
static coffer_err read_back(struct made *made, size_t len)
{
	static struct unpack unpack;
	int fd = memfd_create("backup", MFD_CLOEXEC);
	coffer_err err;

	(void)unlink(made->database);
	must(file_remove_tree(made->audit));
	must(file_make_folder(made->audit));
	assert_int_equal(write(fd, made->bytes, len), len);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	if ((err = unpack_begin(&unpack, fd)) == COFFER_OK)
		err =
		    unpack_files(&unpack, made->keyring, made->arena, made->database, made->audit);
	close(fd);
	return err;
}

static void assert_file(const char *folder, const char *name, const char *want)
{
	char path[160], got[64] = "";
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, got, sizeof(got) - 1), strlen(want));
	assert_string_equal(got, want);
	close(fd);
}

static void a_whole_backup_gives_its_files_back(void **state)
{
	struct made *made = *state;

	must(read_back(made, made->len));
	assert_file(made->folder, "coffer.db", "the database");
	assert_file(made->audit, "00000000000000000001.jsonl", "first\n");
	assert_file(made->audit, "00000000000000000007.jsonl", "");
	assert_file(made->audit, "00000000000000000008.jsonl", "second\n");
}

static void a_backup_with_any_byte_changed_is_damaged(void **state)
{
	struct made *made = *state;

	for (size_t i = 0; i < made->len; i++) {
		made->bytes[i] ^= (uint8_t)(1u << i % 8);
		assert_int_equal(read_back(made, made->len), COFFER_DATA_LOSS);
		made->bytes[i] ^= (uint8_t)(1u << i % 8);
	}
	must(read_back(made, made->len));
}

static void a_backup_that_is_cut_off_or_goes_on_is_damaged(void **state)
{
	struct made *made = *state;

	for (size_t len = 0; len < made->len; len++)
		assert_int_equal(read_back(made, len), COFFER_DATA_LOSS);
	assert_int_equal(read_back(made, made->len + 1), COFFER_DATA_LOSS);
}

/* Where the cut leaves whole chunks with whole files in them, and what follows is behind a whole chunk. */
static void whole_chunks_do_not_make_a_whole_backup(void **state)
{
	static uint8_t room[2 * BACKUP_CHUNK];
	struct made *made = *state;
	struct buf plain = { room, BACKUP_ENTRY_LEN, sizeof(room) };
	struct backup_entry entry = { BACKUP_DATABASE, 0, BACKUP_CHUNK - BACKUP_ENTRY_LEN };

	backup_form_entry(&entry, room);
	plain.len = BACKUP_CHUNK;
	seal(made, (struct slice){ plain.data, plain.len });
	must(read_back(made, made->len));
	assert_int_equal(read_back(made, made->len + 1), COFFER_DATA_LOSS);
	add_entry(&plain, BACKUP_AUDIT, 1, "line\n", 5);
	seal(made, (struct slice){ plain.data, plain.len });
	must(read_back(made, made->len));
	assert_int_equal(read_back(made, made->head_len + BACKUP_CHUNK + STREAM_OVERHEAD),
			 COFFER_DATA_LOSS);
}

/* Whoever has the key could seal it; what is written is still only what a backup holds. */
static void what_no_backup_holds_is_refused_though_it_is_sealed(void **state)
{
	static const struct {
		const char *why;
		struct {
			backup_kind kind;
			uint64_t number;
			const char *content;
			uint64_t size;
		} entries[3];
	} cases[] = {
		{ "nothing at all", { { .kind = 0 } } },
		{ "the log without a database", { { BACKUP_AUDIT, 1, "", 0 } } },
		{ "two databases",
		  { { BACKUP_DATABASE, 0, "", 0 }, { BACKUP_DATABASE, 0, "", 0 } } },
		{ "a database with a number", { { BACKUP_DATABASE, 1, "", 0 } } },
		{ "a file of the log without one",
		  { { BACKUP_DATABASE, 0, "", 0 }, { BACKUP_AUDIT, 0, "", 0 } } },
		{ "another kind", { { BACKUP_DATABASE, 0, "", 0 }, { 3, 1, "", 0 } } },
		{ "a file of the log twice",
		  { { BACKUP_DATABASE, 0, "", 0 },
		    { BACKUP_AUDIT, 5, "", 0 },
		    { BACKUP_AUDIT, 5, "", 0 } } },
		{ "less than it says", { { BACKUP_DATABASE, 0, "abc", 4 } } },
		{ "the greatest size", { { BACKUP_DATABASE, 0, "abc", UINT64_MAX } } },
	};
	struct made *made = *state;

	for (size_t i = 0; i < CASES(cases); i++) {
		uint8_t room[512];
		struct buf plain = { room, 0, sizeof(room) };
		for (size_t k = 0; k < 3 && cases[i].entries[k].kind != 0; k++)
			add_entry(&plain, cases[i].entries[k].kind, cases[i].entries[k].number,
				  cases[i].entries[k].content, cases[i].entries[k].size);
		seal(made, (struct slice){ plain.data, plain.len });
		if (read_back(made, made->len) != COFFER_DATA_LOSS)
			fail_msg("%s", cases[i].why);
	}
}

static void half_an_entry_at_the_end_is_refused(void **state)
{
	struct made *made = *state;
	uint8_t room[512];
	struct buf plain = { room, 0, sizeof(room) };

	add_entry(&plain, BACKUP_DATABASE, 0, "abc", 3);
	add_entry(&plain, BACKUP_AUDIT, 1, "", 0);
	seal(made, (struct slice){ plain.data, plain.len - 1 });
	assert_int_equal(read_back(made, made->len), COFFER_DATA_LOSS);
}

static void a_header_tells_what_was_put_into_it(void **state)
{
	struct made *made = *state;
	struct backup_header got;
	size_t len;

	must(backup_form_length((struct slice){ made->bytes, BACKUP_PREFIX_LEN }, &len));
	assert_int_equal(len, made->head_len);
	must(backup_form_parse((struct slice){ made->bytes, len }, &got));
	assert_memory_equal(got.uuid, uuid, sizeof(uuid));
	assert_int_equal(got.epoch, 1);
	assert_int_equal(got.created_ms, 1700000000000);
	assert_int_equal(got.audit_seq, 9);
	assert_int_equal(got.slots_len, 2);
	assert_int_equal(got.slots[1].id, 2);
	assert_slice(got.slots[1].params, "params");
	assert_slice(got.slots[1].commitment, "");
	assert_slice(got.slots[1].wrapped, "wrapped");
}

static void more_slots_or_larger_ones_than_there_can_be_are_no_header(void **state)
{
	static uint8_t room[BACKUP_HEADER_MAX * 2], large[BACKUP_FIELD_MAX + 1];
	struct backup_header header = { .epoch = 1 };
	struct store_slot slot = { .id = 1, .epoch = 1, .kind = 1 };
	struct buf out = { room, 0, sizeof(room) };

	(void)state;
	must(backup_form_begin(&header, &out));
	for (size_t i = 0; i < BACKUP_SLOTS_MAX; i++)
		must(backup_form_slot(&slot, &out));
	assert_int_equal(backup_form_slot(&slot, &out), COFFER_RESOURCE_EXHAUSTED);
	out.len = 0;
	must(backup_form_begin(&header, &out));
	slot.wrapped = (struct slice){ large, sizeof(large) };
	assert_int_equal(backup_form_slot(&slot, &out), COFFER_RESOURCE_EXHAUSTED);
}

static void another_epochs_key_does_not_open_it(void **state)
{
	struct made *made = *state;
	struct keyring *other;

	must(keyring_create(&other, made->arena, uuid));
	must(keyring_new_epoch(other, 2));
	keyring_destroy(made->keyring);
	made->keyring = other;
	assert_int_equal(read_back(made, made->len), COFFER_DATA_LOSS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_whole_backup_gives_its_files_back),
		TEST(a_backup_with_any_byte_changed_is_damaged),
		TEST(a_backup_that_is_cut_off_or_goes_on_is_damaged),
		TEST(whole_chunks_do_not_make_a_whole_backup),
		TEST(what_no_backup_holds_is_refused_though_it_is_sealed),
		TEST(half_an_entry_at_the_end_is_refused),
		TEST(a_header_tells_what_was_put_into_it),
		TEST(more_slots_or_larger_ones_than_there_can_be_are_no_header),
		TEST(another_epochs_key_does_not_open_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
