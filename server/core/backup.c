#include "core/backup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/copy.h"
#include "base/log.h"

/* Of the copy, for the moment until its name is taken away. */
#define COPY_NAME "backup-unfinished"

/* Opened in one step: some tenths of a millisecond. */
#define CHECK_RECORDS 64
#define CHECK_BYTES   (256u * 1024)

struct backup {
	struct core *core; /* borrowed */
	const struct backup_places *places;
	struct backup_header header;
	struct stream *stream;
	struct store_copy *database;
	struct copy audit;
	struct recheck walk;
	bool checked;                    /* everything was looked at */
	bool begun;                      /* the header has been given out */
	bool copied;                     /* the database is ready to be read */
	int fd;                          /* that is being read; borrowed; -1: none */
	uint64_t left;                   /* bytes of it */
	bool ended;                      /* no file is left */
	uint8_t entry[BACKUP_ENTRY_LEN]; /* which goes before its content */
	size_t entry_left;
	size_t header_len;
	size_t plain_len;
	uint8_t head[BACKUP_HEADER_MAX];
	uint8_t plain[BACKUP_CHUNK];
};

static coffer_err write_slots(struct core *core, struct buf *out)
{
	struct store_slot slot = { .id = 0 };
	coffer_err err;

	while ((err = store_slot_next(core->store, slot.id, &slot)) == COFFER_OK) {
		if ((err = backup_form_slot(&slot, out)) != COFFER_OK)
			return err;
	}
	return err == COFFER_NOT_FOUND ? COFFER_OK : err;
}

/* In the moment that the copy is of: what opens the store then opens it. */
static coffer_err write_header(struct backup *backup, struct core *core)
{
	struct backup_header *header = &backup->header;
	struct buf out = { backup->head, 0, sizeof(backup->head) };
	uint8_t *stream;
	coffer_err err;

	memcpy(header->uuid, keyring_store_uuid(core->keyring), sizeof(header->uuid));
	header->epoch = keyring_epoch(core->keyring);
	if ((err = backup_form_begin(header, &out)) != COFFER_OK ||
	    (err = write_slots(core, &out)) != COFFER_OK ||
	    (err = backup_form_end(&out, &stream)) != COFFER_OK)
		return err;
	backup->header_len = out.len;
	return stream_write_begin(&backup->stream, core->arena,
				  keyring_key(core->keyring, KEY_BACKUP, header->epoch), stream);
}

static coffer_err begin_copy(struct backup *backup, struct core *core)
{
	struct store_slot slot;
	char *path;
	coffer_err err;

	if ((err = store_slot_next(core->store, 0, &slot)) != COFFER_OK)
		return err == COFFER_NOT_FOUND ? COFFER_FAILED_PRECONDITION : err;
	if (asprintf(&path, "%s/%s", backup->places->home, COPY_NAME) < 0)
		return COFFER_RESOURCE_EXHAUSTED;
	err = store_copy_begin(&backup->database, core->store, path);
	free(path);
	return err;
}

coffer_err backup_begin(struct backup **out, struct core *core, const struct backup_places *places,
			uint64_t audit_seq, int64_t now_ms)
{
	struct backup *backup = calloc(1, sizeof(*backup));
	coffer_err err;

	*out = NULL;
	if (backup == NULL)
		return COFFER_RESOURCE_EXHAUSTED;
	backup->core = core;
	backup->places = places;
	backup->header.created_ms = now_ms;
	backup->header.audit_seq = audit_seq;
	backup->fd = -1;
	backup->audit = (struct copy){ .folder = -1, .fd = -1 };
	if ((err = begin_copy(backup, core)) == COFFER_OK)
		*out = backup;
	else
		backup_close(backup);
	return err;
}

void backup_close(struct backup *backup)
{
	if (backup == NULL)
		return;
	copy_close(&backup->audit);
	store_copy_close(backup->database);
	stream_end(backup->stream);
	free(backup);
}

uint64_t backup_audit_seq(const struct backup *backup)
{
	return backup->header.audit_seq;
}

int64_t backup_created_ms(const struct backup *backup)
{
	return backup->header.created_ms;
}

const struct recheck_count *backup_count(const struct backup *backup)
{
	return &backup->walk.count;
}

/* A record that does not open is no reason to have no backup of the others. */
static coffer_err check_some(struct backup *backup)
{
	const uint64_t enough = backup->walk.bytes + CHECK_BYTES;
	coffer_err err = COFFER_OK;
	bool opens;

	for (int i = 0; err == COFFER_OK && i < CHECK_RECORDS && backup->walk.bytes < enough; i++) {
		err = recheck_next(backup->core, &backup->walk, &opens);
		if (err == COFFER_OK && !opens)
			recheck_tell(&backup->walk);
	}
	backup->checked = err == COFFER_NOT_FOUND;
	return backup->checked ? COFFER_OK : err;
}

static coffer_err unreadable(const char *what)
{
	log_error("backup: cannot read %s: %s", what, strerror(errno));
	return COFFER_UNAVAILABLE;
}

/* The database first, then the log: what the database says of the log is in it. */
static coffer_err open_next(struct backup *backup, struct backup_entry *entry)
{
	struct stat st;
	coffer_err err = COFFER_OK;

	if (backup->audit.folder < 0) {
		backup->fd = store_copy_file(backup->database);
		if (fstat(backup->fd, &st) != 0)
			return unreadable("the copy of the database");
		*entry =
		    (struct backup_entry){ .kind = BACKUP_DATABASE, .size = (uint64_t)st.st_size };
		err = copy_open(&backup->audit, backup->places->audit);
	} else if ((err = copy_next(&backup->audit)) == COFFER_OK) {
		backup->fd = backup->audit.fd;
		*entry = (struct backup_entry){ .kind = BACKUP_AUDIT,
						.number = backup->audit.first,
						.size = backup->audit.size };
	}
	backup->left = err == COFFER_OK ? entry->size : 0;
	return err == COFFER_UNAVAILABLE ? unreadable(backup->places->audit) : err;
}

static coffer_err next_file(struct backup *backup)
{
	struct backup_entry entry;
	coffer_err err = open_next(backup, &entry);

	if (err == COFFER_NOT_FOUND) {
		backup->ended = true;
		return COFFER_OK;
	}
	if (err == COFFER_OK) {
		backup_form_entry(&entry, backup->entry);
		backup->entry_left = BACKUP_ENTRY_LEN;
	}
	return err;
}

static void add_entry(struct backup *backup, size_t room)
{
	size_t len = backup->entry_left < room ? backup->entry_left : room;

	memcpy(backup->plain + backup->plain_len,
	       backup->entry + BACKUP_ENTRY_LEN - backup->entry_left, len);
	backup->plain_len += len;
	backup->entry_left -= len;
}

static coffer_err add_content(struct backup *backup, size_t room)
{
	size_t want = backup->left < room ? (size_t)backup->left : room;
	ssize_t n = read(backup->fd, backup->plain + backup->plain_len, want);

	if (n < 0 && errno == EINTR)
		return COFFER_OK;
	if (n == 0)
		errno = EIO; /* somebody has cut it */
	if (n <= 0)
		return unreadable("a file");
	backup->plain_len += (size_t)n;
	backup->left -= (uint64_t)n;
	return COFFER_OK;
}

/* Fills the chunk: only the last one of all may be shorter. */
static coffer_err fill(struct backup *backup)
{
	coffer_err err = COFFER_OK;
	size_t room;

	while (err == COFFER_OK && !backup->ended &&
	       (room = sizeof(backup->plain) - backup->plain_len) > 0) {
		if (backup->entry_left > 0)
			add_entry(backup, room);
		else if (backup->left > 0)
			err = add_content(backup, room);
		else
			err = next_file(backup);
	}
	return err;
}

static coffer_err write_chunk(struct backup *backup, struct buf *out, bool *done)
{
	struct slice with = { backup->head, backup->header_len };
	coffer_err err;

	if ((err = fill(backup)) != COFFER_OK)
		return err;
	stream_push(backup->stream, (struct slice){ backup->plain, backup->plain_len }, with,
		    backup->ended, out->data + out->len);
	out->len += backup->plain_len + STREAM_OVERHEAD;
	backup->plain_len = 0;
	*done = backup->ended;
	return COFFER_OK;
}

coffer_err backup_step(struct backup *backup, struct buf *out, bool *done)
{
	coffer_err err;

	*done = false;
	if (out->cap - out->len < BACKUP_STEP_MAX)
		return COFFER_RESOURCE_EXHAUSTED;
	if (!backup->checked)
		return check_some(backup);
	if (!backup->copied) {
		err = store_copy_step(backup->database, &backup->copied);
		return err == COFFER_OK && backup->copied ? write_header(backup, backup->core)
							  : err;
	}
	if (backup->begun)
		return write_chunk(backup, out, done);
	memcpy(out->data + out->len, backup->head, backup->header_len);
	out->len += backup->header_len;
	backup->begun = true;
	return COFFER_OK;
}
