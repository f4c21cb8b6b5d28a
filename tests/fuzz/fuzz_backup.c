/* One input as the header of a backup, and its begin as what stands in front of a file in it. What is taken
 * writes back as the same bytes. */
#include "core/backup_form.h"

#include "check.h"

static void parse_header(struct slice input)
{
	static uint8_t room[BACKUP_HEADER_MAX];
	struct buf out = { room, 0, sizeof(room) };
	struct backup_header header;
	uint8_t *stream;
	size_t len;

	if (backup_form_parse(input, &header) != COFFER_OK)
		return;
	CHECK(backup_form_length(input, &len) == COFFER_OK && len == input.len);
	CHECK(backup_form_begin(&header, &out) == COFFER_OK);
	for (size_t i = 0; i < header.slots_len; i++)
		CHECK(backup_form_slot(&header.slots[i], &out) == COFFER_OK);
	CHECK(backup_form_end(&out, &stream) == COFFER_OK);
	memcpy(stream, header.stream, sizeof(header.stream));
	CHECK(slice_equal(input, (struct slice){ out.data, out.len }));
}

static void parse_entry(struct slice input)
{
	uint8_t again[BACKUP_ENTRY_LEN];
	struct backup_entry entry;

	if (input.len < BACKUP_ENTRY_LEN ||
	    backup_form_parse_entry(input.data, &entry) != COFFER_OK)
		return;
	backup_form_entry(&entry, again);
	CHECK(memcmp(again, input.data, sizeof(again)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	parse_header((struct slice){ data, len });
	parse_entry((struct slice){ data, len });
	return 0;
}
