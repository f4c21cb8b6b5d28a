/* One input as what a bucket has: a key, a root object, and what a record would be once it is open. What is taken
 * writes back as the same bytes. */
#include "core/mirror/object.h"
#include "core/mirror/root.h"

#include "check.h"

static void parse_key(struct slice input)
{
	const struct mirror_key key = mirror_key_parse(input);
	char text[MIRROR_KEY_MAX + 1];

	if (key.kind != MIRROR_KEY_RECORD && key.kind != MIRROR_KEY_BATCH)
		return;
	if (key.kind == MIRROR_KEY_RECORD)
		mirror_key_record(text, key.name, key.version);
	else
		mirror_key_batch(text, key.batch);
	CHECK(slice_equal(input, slice_str(text)));
}

static void parse_record(struct slice input)
{
	struct mirror_record record;
	const uint8_t *end = input.data + input.len;

	if (mirror_record_parse(input, &record) != COFFER_OK) {
		CHECK(record.scope.len == 0 && record.value.len == 0);
		return;
	}
	CHECK(record.value.data + record.value.len == end);
	CHECK(record.note.data + record.note.len == record.value.data);
}

static void parse_root(struct slice input)
{
	struct mirror_root root;

	if (mirror_root_parse(input, &root) != COFFER_OK)
		return;
	CHECK(root.count > 0 && root.slots.data + root.slots.len == input.data + input.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct slice input = { data, len };

	parse_key(input);
	parse_record(input);
	parse_root(input);
	return 0;
}
