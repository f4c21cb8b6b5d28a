/* backup_form.h - the form of a backup file. Layer: core. Pure functions.
 *
 *   "CofferB1" | length of this header (4) | store uuid (16) | epoch (4) | time (8) | audit record (8)
 *   | slots (1) { id (4) epoch (4) kind (4) { length (2) bytes } x 4 } | stream header (24)
 *   chunks, each of BACKUP_CHUNK bytes and the stream's overhead, the last one of that or less
 *
 * Numbers are big endian; the time is wall milliseconds, the record the newest one of the audit log at that
 * time. The slots are those of the store: what opened it then opens the backup. The chunks are a stream under
 * the epoch's key for backups, and the header is authenticated with each. In them stand
 *
 *   kind (1) | number (8) | size (8) | content
 *
 * of the database, and then of each file of the audit log with the number of its first record. */
#ifndef CORE_BACKUP_FORM_H
#define CORE_BACKUP_FORM_H

#include <coffer/error.h>
#include <stdint.h>

#include "slice.h"
#include "store/store.h"
#include "vault/stream.h"

#define BACKUP_CHUNK      (32u * 1024)
#define BACKUP_SLOTS_MAX  16
#define BACKUP_FIELD_MAX  256 /* bytes of one field of a slot */
#define BACKUP_HEADER_MAX (128 + BACKUP_SLOTS_MAX * (12 + 4 * (2 + BACKUP_FIELD_MAX)))

struct backup_header {
	uint8_t uuid[STORE_UUID_LEN];
	uint32_t epoch;
	int64_t created_ms;
	uint64_t audit_seq;
	struct store_slot slots[BACKUP_SLOTS_MAX]; /* their fields are borrowed */
	size_t slots_len;
	uint8_t stream[STREAM_HEADER_LEN];
};

/* Appends the header without its slots; then one slot after the other; then the end, which is
 * STREAM_HEADER_LEN bytes for the caller to fill in. COFFER_RESOURCE_EXHAUSTED if it does not fit, or a slot is
 * larger than any is; what was appended is then to be dropped. */
COFFER_MUST_USE coffer_err backup_form_begin(const struct backup_header *header, struct buf *out);
COFFER_MUST_USE coffer_err backup_form_slot(const struct store_slot *slot, struct buf *out);
COFFER_MUST_USE coffer_err backup_form_end(struct buf *out, uint8_t **stream);

/* The length of the whole header, from its first BACKUP_PREFIX_LEN bytes; and the header, whose slots are slices of
 * bytes. COFFER_DATA_LOSS if it is none. */
#define BACKUP_PREFIX_LEN 12
COFFER_MUST_USE coffer_err backup_form_length(struct slice prefix, size_t *len);
COFFER_MUST_USE coffer_err backup_form_parse(struct slice bytes, struct backup_header *out);

/* What stands in front of one file's content. The numbers are stored. */
typedef enum backup_kind { BACKUP_DATABASE = 1, BACKUP_AUDIT = 2 } backup_kind;

struct backup_entry {
	backup_kind kind;
	uint64_t number; /* 0 for the database */
	uint64_t size;
};

#define BACKUP_ENTRY_LEN 17
void backup_form_entry(const struct backup_entry *entry, uint8_t out[BACKUP_ENTRY_LEN]);
/* COFFER_DATA_LOSS if it is none. */
COFFER_MUST_USE coffer_err backup_form_parse_entry(const uint8_t bytes[BACKUP_ENTRY_LEN],
						   struct backup_entry *out);

#endif
