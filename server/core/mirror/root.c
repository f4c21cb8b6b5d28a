#include "core/mirror/root.h"

#include "core/mirror/mirror.h"
#include "vault/bytes.h"

#define MAGIC      "cofr"
#define MAGIC_LEN  (sizeof(MAGIC) - 1)
#define FORMAT     1
#define SLOTS_MAX  64
#define SLOT_FIXED 12

/* --- making ----------------------------------------------------------------------------------------------- */

static bool append(struct buf *out, const uint8_t *bytes, size_t len)
{
	if (out->cap - out->len < len)
		return false;
	bytes_put(out->data + out->len, bytes, len);
	out->len += len;
	return true;
}

static bool append_u32(struct buf *out, uint32_t number)
{
	uint8_t bytes[4];

	bytes_put_u32(bytes, number);
	return append(out, bytes, sizeof(bytes));
}

static bool append_sized(struct buf *out, struct slice text)
{
	uint8_t bytes[2];

	if (text.len > UINT16_MAX)
		return false;
	bytes_put_u16(bytes, (uint16_t)text.len);
	return append(out, bytes, sizeof(bytes)) && append(out, text.data, text.len);
}

static bool append_slot(struct buf *out, const struct store_slot *slot)
{
	return append_u32(out, slot->id) && append_u32(out, slot->epoch) &&
	       append_u32(out, slot->kind) && append_sized(out, slot->params) &&
	       append_sized(out, slot->nonce) && append_sized(out, slot->commitment) &&
	       append_sized(out, slot->wrapped);
}

static coffer_err append_slots(struct store *store, struct buf *out)
{
	struct store_slot slot = { .id = 0 };
	size_t mark = out->len;
	uint16_t count = 0;
	coffer_err err;

	if (!append_sized(out, SLICE_EMPTY)) /* where the count goes */
		return COFFER_RESOURCE_EXHAUSTED;
	while ((err = store_slot_next(store, slot.id, &slot)) == COFFER_OK) {
		if (count == SLOTS_MAX || !append_slot(out, &slot))
			return COFFER_RESOURCE_EXHAUSTED;
		count++;
	}
	bytes_put_u16(out->data + mark, count);
	return err == COFFER_NOT_FOUND ? COFFER_OK : err;
}

coffer_err mirror_root_make(struct store *store, struct buf *out)
{
	static const uint8_t format = FORMAT;
	struct store_identity id;
	struct slice lasting;
	coffer_err err;

	if ((err = store_identity_get(store, &id)) != COFFER_OK)
		return err;
	if (!append(out, (const uint8_t *)MAGIC, MAGIC_LEN) || !append(out, &format, 1) ||
	    !append(out, id.uuid, sizeof(id.uuid)) || !append_u32(out, id.algorithm))
		return COFFER_RESOURCE_EXHAUSTED;
	err = store_lasting_get(store, &lasting);
	if (err != COFFER_OK && err != COFFER_NOT_FOUND)
		return err;
	if (!append_sized(out, lasting))
		return COFFER_RESOURCE_EXHAUSTED;
	return append_slots(store, out);
}

/* --- reading ---------------------------------------------------------------------------------------------- */

static bool take(struct slice *rest, size_t len, struct slice *out)
{
	if (rest->len < len)
		return false;
	*out = (struct slice){ rest->data, len };
	*rest = (struct slice){ rest->data + len, rest->len - len };
	return true;
}

static bool take_sized(struct slice *rest, struct slice *out)
{
	struct slice len;

	return take(rest, 2, &len) && take(rest, bytes_get_u16(len.data), out);
}

static bool take_slot(struct slice *rest, struct store_slot *slot)
{
	struct slice fixed;

	if (!take(rest, SLOT_FIXED, &fixed) || !take_sized(rest, &slot->params) ||
	    !take_sized(rest, &slot->nonce) || !take_sized(rest, &slot->commitment) ||
	    !take_sized(rest, &slot->wrapped))
		return false;
	slot->id = bytes_get_u32(fixed.data);
	slot->epoch = bytes_get_u32(fixed.data + 4);
	slot->kind = bytes_get_u32(fixed.data + 8);
	return slot->id > 0;
}

static bool parse(struct slice rest, struct mirror_root *root)
{
	struct slice fixed, count;
	struct store_slot slot;

	if (!take(&rest, MAGIC_LEN + 1 + STORE_UUID_LEN + 4, &fixed) ||
	    memcmp(fixed.data, MAGIC, MAGIC_LEN) != 0 || fixed.data[MAGIC_LEN] != FORMAT ||
	    !take_sized(&rest, &root->lasting) || !take(&rest, 2, &count))
		return false;
	memcpy(root->uuid, fixed.data + MAGIC_LEN + 1, STORE_UUID_LEN);
	root->algorithm = bytes_get_u32(fixed.data + MAGIC_LEN + 1 + STORE_UUID_LEN);
	root->count = bytes_get_u16(count.data);
	root->slots = rest;
	if (root->count == 0 || root->count > SLOTS_MAX)
		return false;
	for (size_t i = 0; i < root->count; i++)
		if (!take_slot(&rest, &slot))
			return false;
	return rest.len == 0;
}

coffer_err mirror_root_parse(struct slice in, struct mirror_root *root)
{
	*root = (struct mirror_root){ .count = 0 };
	if (parse(in, root))
		return COFFER_OK;
	*root = (struct mirror_root){ .count = 0 };
	return COFFER_DATA_LOSS;
}

coffer_err mirror_root_install(struct store *store, const struct mirror_root *root, int64_t now_ms)
{
	struct store_identity id = { .algorithm = root->algorithm, .created_ms = now_ms };
	struct slice rest = root->slots;
	struct store_slot slot;
	coffer_err err;

	memcpy(id.uuid, root->uuid, sizeof(id.uuid));
	if ((err = store_identity_put(store, &id)) != COFFER_OK ||
	    (root->lasting.len > 0 && (err = store_lasting_put(store, root->lasting)) != COFFER_OK))
		return err;
	for (size_t i = 0; i < root->count; i++)
		if (!take_slot(&rest, &slot))
			return COFFER_DATA_LOSS;
		else if ((err = store_slot_put(store, &slot)) != COFFER_OK)
			return err == COFFER_ALREADY_EXISTS ? COFFER_DATA_LOSS : err;
	return store_mark_put(store, STORE_MARK_MIRRORED, now_ms);
}

void mirror_root_look(struct core *core, struct slice body)
{
	struct mirror *mirror = core->mirror;
	struct mirror_root root;

	mirror->root_seen = true;
	mirror->root_same =
	    mirror_root_parse(body, &root) == COFFER_OK &&
	    memcmp(root.uuid, keyring_store_uuid(core->keyring), sizeof(root.uuid)) == 0;
}
