#include "core/backup_form.h"

#include "vault/bytes.h"

#define MAGIC     "CofferB1"
#define MAGIC_LEN (sizeof(MAGIC) - 1)
#define FIXED_LEN (BACKUP_PREFIX_LEN + STORE_UUID_LEN + 4 + 8 + 8 + 1)
#define COUNT_AT  (FIXED_LEN - 1)

_Static_assert(MAGIC_LEN + 4 == BACKUP_PREFIX_LEN, "the length stands behind the magic");
_Static_assert(FIXED_LEN + STREAM_HEADER_LEN <= 128, "the header has room for what is not slots");

/* Room for len bytes more, or NULL. */
static uint8_t *extend(struct buf *out, size_t len)
{
	uint8_t *at = out->data + out->len;

	if (out->cap - out->len < len)
		return NULL;
	out->len += len;
	return at;
}

coffer_err backup_form_begin(const struct backup_header *header, struct buf *out)
{
	uint8_t *at = extend(out, FIXED_LEN);

	if (at == NULL)
		return COFFER_RESOURCE_EXHAUSTED;
	at = bytes_put(at, (const uint8_t *)MAGIC, MAGIC_LEN);
	at = bytes_put_u32(at, 0); /* the length is known at the end */
	at = bytes_put(at, header->uuid, sizeof(header->uuid));
	at = bytes_put_u32(at, header->epoch);
	at = bytes_put_u64(at, (uint64_t)header->created_ms);
	at = bytes_put_u64(at, header->audit_seq);
	*at = 0;
	return COFFER_OK;
}

coffer_err backup_form_slot(const struct store_slot *slot, struct buf *out)
{
	const struct slice fields[] = { slot->params, slot->nonce, slot->commitment,
					slot->wrapped };
	uint8_t *at = extend(out, 12);

	if (at == NULL || out->data[COUNT_AT] == BACKUP_SLOTS_MAX)
		return COFFER_RESOURCE_EXHAUSTED;
	out->data[COUNT_AT]++;
	at = bytes_put_u32(at, slot->id);
	at = bytes_put_u32(at, slot->epoch);
	(void)bytes_put_u32(at, slot->kind);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (fields[i].len > BACKUP_FIELD_MAX ||
		    (at = extend(out, 2 + fields[i].len)) == NULL)
			return COFFER_RESOURCE_EXHAUSTED;
		at = bytes_put_u16(at, (uint16_t)fields[i].len);
		(void)bytes_put(at, fields[i].data, fields[i].len);
	}
	return COFFER_OK;
}

coffer_err backup_form_end(struct buf *out, uint8_t **stream)
{
	if ((*stream = extend(out, STREAM_HEADER_LEN)) == NULL)
		return COFFER_RESOURCE_EXHAUSTED;
	(void)bytes_put_u32(out->data + MAGIC_LEN, (uint32_t)out->len);
	return COFFER_OK;
}

coffer_err backup_form_length(struct slice prefix, size_t *len)
{
	*len = 0;
	if (prefix.len < BACKUP_PREFIX_LEN || memcmp(prefix.data, MAGIC, MAGIC_LEN) != 0)
		return COFFER_DATA_LOSS;
	*len = bytes_get_u32(prefix.data + MAGIC_LEN);
	if (*len >= FIXED_LEN + STREAM_HEADER_LEN && *len <= BACKUP_HEADER_MAX)
		return COFFER_OK;
	*len = 0;
	return COFFER_DATA_LOSS;
}

/* Takes len bytes off the front; NULL if there are not so many. */
static const uint8_t *take(struct slice *rest, size_t len)
{
	const uint8_t *at = rest->data;

	if (rest->len < len)
		return NULL;
	*rest = (struct slice){ at + len, rest->len - len };
	return at;
}

static coffer_err take_field(struct slice *rest, struct slice *field)
{
	const uint8_t *at = take(rest, 2);
	size_t len = at != NULL ? bytes_get_u16(at) : 0;

	if (at == NULL || len > BACKUP_FIELD_MAX || (at = take(rest, len)) == NULL)
		return COFFER_DATA_LOSS;
	*field = (struct slice){ at, len };
	return COFFER_OK;
}

static coffer_err take_slot(struct slice *rest, struct store_slot *slot)
{
	const uint8_t *at = take(rest, 12);
	coffer_err err;

	if (at == NULL)
		return COFFER_DATA_LOSS;
	slot->id = bytes_get_u32(at);
	slot->epoch = bytes_get_u32(at + 4);
	slot->kind = bytes_get_u32(at + 8);
	if (slot->id == 0 || slot->epoch == 0 || slot->kind == 0)
		return COFFER_DATA_LOSS;
	if ((err = take_field(rest, &slot->params)) != COFFER_OK ||
	    (err = take_field(rest, &slot->nonce)) != COFFER_OK ||
	    (err = take_field(rest, &slot->commitment)) != COFFER_OK)
		return err;
	return take_field(rest, &slot->wrapped);
}

coffer_err backup_form_parse(struct slice bytes, struct backup_header *out)
{
	struct slice rest = bytes;
	const uint8_t *at;
	size_t len;
	coffer_err err;

	*out = (struct backup_header){ .epoch = 0 };
	if ((err = backup_form_length(bytes, &len)) != COFFER_OK)
		return err;
	if (len != bytes.len)
		return COFFER_DATA_LOSS;
	at = take(&rest, FIXED_LEN) + BACKUP_PREFIX_LEN; /* which the length has room for */
	memcpy(out->uuid, at, sizeof(out->uuid));
	at += sizeof(out->uuid);
	out->epoch = bytes_get_u32(at);
	out->created_ms = (int64_t)bytes_get_u64(at + 4);
	out->audit_seq = bytes_get_u64(at + 12);
	len = at[20];
	if (out->created_ms < 0 || len > BACKUP_SLOTS_MAX)
		return COFFER_DATA_LOSS;
	while (out->slots_len < len) {
		if ((err = take_slot(&rest, &out->slots[out->slots_len])) != COFFER_OK)
			return err;
		out->slots_len++;
	}
	if (rest.len != STREAM_HEADER_LEN)
		return COFFER_DATA_LOSS;
	memcpy(out->stream, rest.data, STREAM_HEADER_LEN);
	return COFFER_OK;
}

void backup_form_entry(const struct backup_entry *entry, uint8_t out[BACKUP_ENTRY_LEN])
{
	out[0] = (uint8_t)entry->kind;
	(void)bytes_put_u64(bytes_put_u64(out + 1, entry->number), entry->size);
}

coffer_err backup_form_parse_entry(const uint8_t bytes[BACKUP_ENTRY_LEN], struct backup_entry *out)
{
	*out = (struct backup_entry){ .kind = (backup_kind)bytes[0],
				      .number = bytes_get_u64(bytes + 1),
				      .size = bytes_get_u64(bytes + 9) };
	if ((out->kind == BACKUP_DATABASE && out->number == 0) ||
	    (out->kind == BACKUP_AUDIT && out->number > 0))
		return COFFER_OK;
	return COFFER_DATA_LOSS;
}
