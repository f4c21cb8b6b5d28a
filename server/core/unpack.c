#include "core/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "audit/copy.h"
#include "base/log.h"

static coffer_err damaged(const char *why)
{
	log_error("the backup %s; nothing was changed", why);
	return COFFER_DATA_LOSS;
}

static coffer_err unreadable(void)
{
	log_error("cannot read the backup: %s", strerror(errno));
	return COFFER_UNAVAILABLE;
}

/* Reads up to len bytes; *got is less at the end of the file only. */
static coffer_err read_up_to(int fd, uint8_t *out, size_t len, size_t *got)
{
	*got = 0;
	while (*got < len) {
		ssize_t n = read(fd, out + *got, len - *got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return unreadable();
		if (n == 0)
			break;
		*got += (size_t)n;
	}
	return COFFER_OK;
}

coffer_err unpack_begin(struct unpack *unpack, int fd)
{
	uint8_t *head = unpack->head;
	size_t got;
	coffer_err err;

	*unpack = (struct unpack){ .fd = fd };
	if ((err = read_up_to(fd, head, BACKUP_PREFIX_LEN, &got)) != COFFER_OK)
		return err;
	if (backup_form_length((struct slice){ head, got }, &unpack->head_len) != COFFER_OK)
		return damaged("is no backup of coffer's, or its beginning is damaged");
	err = read_up_to(fd, head + got, unpack->head_len - got, &got);
	if (err != COFFER_OK)
		return err;
	if (got + BACKUP_PREFIX_LEN != unpack->head_len ||
	    backup_form_parse((struct slice){ head, unpack->head_len }, &unpack->header) !=
		COFFER_OK)
		return damaged("is damaged at its beginning");
	return COFFER_OK;
}

coffer_err unpack_slots(const struct unpack *unpack, struct store *store)
{
	coffer_err err;

	if ((err = store_begin(store)) != COFFER_OK)
		return err;
	for (size_t i = 0; i < unpack->header.slots_len && err == COFFER_OK; i++)
		err = store_slot_put(store, &unpack->header.slots[i]);
	if (err == COFFER_OK)
		return store_commit(store);
	store_rollback(store);
	return err == COFFER_ALREADY_EXISTS ? damaged("is damaged at its beginning") : err;
}

/* Where what is in the chunks goes. */
struct writing {
	const char *database;
	int folder; /* of the log's files */
	int fd;     /* of the file that is being written; -1: none */
	uint64_t left;
	uint64_t number; /* of the last file */
	bool has_database;
	uint8_t entry[BACKUP_ENTRY_LEN];
	size_t entry_len;
};

static coffer_err unwritable(const char *what)
{
	log_error("cannot write %s: %s", what, strerror(errno));
	return COFFER_UNAVAILABLE;
}

static coffer_err finish_file(struct writing *writing)
{
	int fd = writing->fd;
	bool synced = fd < 0 || fsync(fd) == 0;

	writing->fd = -1;
	if (fd >= 0 && (close(fd) != 0 || !synced))
		return unwritable("the restored files");
	return COFFER_OK;
}

/* One database, and then the log's files in their order: a backup was not written otherwise. */
static coffer_err begin_file(struct writing *writing)
{
	struct backup_entry entry;

	if (backup_form_parse_entry(writing->entry, &entry) != COFFER_OK ||
	    (entry.kind == BACKUP_DATABASE) == writing->has_database ||
	    (entry.kind == BACKUP_AUDIT && entry.number <= writing->number))
		return damaged("holds what no backup holds");
	writing->entry_len = 0;
	writing->left = entry.size;
	writing->number = entry.number;
	writing->has_database = true;
	if (entry.kind == BACKUP_AUDIT)
		return copy_create(writing->folder, entry.number, &writing->fd) == COFFER_OK
			   ? COFFER_OK
			   : unwritable("the audit log");
	writing->fd =
	    open(writing->database, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return writing->fd >= 0 ? COFFER_OK : unwritable(writing->database);
}

static size_t take_entry(struct writing *writing, struct slice rest)
{
	size_t want = BACKUP_ENTRY_LEN - writing->entry_len;
	size_t len = rest.len < want ? rest.len : want;

	memcpy(writing->entry + writing->entry_len, rest.data, len);
	writing->entry_len += len;
	return len;
}

static coffer_err write_content(struct writing *writing, struct slice rest, size_t *taken)
{
	size_t len = rest.len < writing->left ? rest.len : (size_t)writing->left;
	ssize_t n = write(writing->fd, rest.data, len);

	*taken = n > 0 ? (size_t)n : 0;
	if (n < 0 && errno != EINTR)
		return unwritable("the restored files");
	writing->left -= *taken;
	return COFFER_OK;
}

static coffer_err write_plain(struct writing *writing, struct slice rest)
{
	coffer_err err = COFFER_OK;
	size_t taken;

	while (err == COFFER_OK && rest.len > 0) {
		taken = 0;
		if (writing->left > 0)
			err = write_content(writing, rest, &taken);
		else if ((err = finish_file(writing)) == COFFER_OK)
			taken = take_entry(writing, rest);
		rest = (struct slice){ rest.data + taken, rest.len - taken };
		if (err == COFFER_OK && writing->entry_len == BACKUP_ENTRY_LEN)
			err = begin_file(writing);
	}
	return err;
}

/* The chunks, and room for one sealed and one open. */
struct reading {
	struct unpack *unpack;
	struct stream *stream;
	bool last;
	uint8_t sealed[BACKUP_CHUNK + STREAM_OVERHEAD];
	uint8_t plain[BACKUP_CHUNK];
};

static coffer_err next_chunk(struct reading *reading, struct slice *plain)
{
	struct slice with = { reading->unpack->head, reading->unpack->head_len };
	size_t len;
	coffer_err err;

	if ((err = read_up_to(reading->unpack->fd, reading->sealed, sizeof(reading->sealed),
			      &len)) != COFFER_OK)
		return err;
	if (len < STREAM_OVERHEAD)
		return damaged("is cut off");
	if (stream_pull(reading->stream, (struct slice){ reading->sealed, len }, with,
			&reading->last, reading->plain) != COFFER_OK)
		return damaged("is damaged, or cut off");
	*plain = (struct slice){ reading->plain, len - STREAM_OVERHEAD };
	return COFFER_OK;
}

static coffer_err expect_end(struct unpack *unpack)
{
	uint8_t byte;
	size_t got;
	coffer_err err = read_up_to(unpack->fd, &byte, 1, &got);

	if (err == COFFER_OK && got > 0)
		return damaged("goes on behind its end");
	return err;
}

static coffer_err read_all(struct reading *reading, struct writing *writing)
{
	struct slice plain;
	coffer_err err;

	do {
		if ((err = next_chunk(reading, &plain)) != COFFER_OK ||
		    (err = write_plain(writing, plain)) != COFFER_OK)
			return err;
	} while (!reading->last);
	if ((err = expect_end(reading->unpack)) != COFFER_OK)
		return err;
	if (writing->left > 0 || writing->entry_len > 0 || !writing->has_database)
		return damaged("ends too early");
	if ((err = finish_file(writing)) != COFFER_OK)
		return err;
	return fsync(writing->folder) == 0 ? COFFER_OK : unwritable("the audit log");
}

coffer_err unpack_files(struct unpack *unpack, const struct keyring *keyring, struct arena *arena,
			const char *database, const char *audit)
{
	const uint8_t *key = keyring_key(keyring, KEY_BACKUP, unpack->header.epoch);
	struct writing writing = { .database = database, .fd = -1 };
	struct reading *reading;
	coffer_err err;

	if (key == NULL)
		return damaged("is sealed with a key that none of its slots holds");
	if ((reading = calloc(1, sizeof(*reading))) == NULL)
		return COFFER_RESOURCE_EXHAUSTED;
	reading->unpack = unpack;
	writing.folder = open(audit, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (writing.folder < 0)
		err = unwritable(audit);
	else if ((err = stream_read_begin(&reading->stream, arena, key, unpack->header.stream)) ==
		 COFFER_OK)
		err = read_all(reading, &writing);
	if (writing.fd >= 0)
		(void)close(writing.fd); /* what it holds is thrown away */
	if (writing.folder >= 0)
		(void)close(writing.folder);
	stream_end(reading->stream);
	free(reading);
	return err;
}
