#include "core/slots.h"

#include "vault/bytes.h"

/* A KDF's parameters as they are stored: memory in KiB, passes (both big endian), salt. */
#define PARAMS_LEN (4 + 4 + KDF_SALT_LEN)

coffer_err slots_put(struct store *store, const struct slot *slot)
{
	uint8_t params[PARAMS_LEN], *at;
	struct store_slot row = { .id = slot->id,
				  .epoch = slot->epoch,
				  .kind = (uint32_t)slot->kind,
				  .params = { params, sizeof(params) },
				  .nonce = { slot->nonce, sizeof(slot->nonce) },
				  .commitment = { slot->commitment, sizeof(slot->commitment) },
				  .wrapped = { slot->wrapped, sizeof(slot->wrapped) } };

	at = bytes_put_u32(params, slot->kdf.memory_kib);
	at = bytes_put_u32(at, slot->kdf.passes);
	bytes_put(at, slot->kdf.salt, KDF_SALT_LEN);
	return store_slot_put(store, &row);
}

static bool take(uint8_t *out, size_t len, struct slice in)
{
	if (in.len != len)
		return false;
	memcpy(out, in.data, len);
	return true;
}

coffer_err slots_next(struct store *store, uint32_t after_id, struct slot *slot)
{
	uint8_t params[PARAMS_LEN];
	struct store_slot row;
	coffer_err err;

	memset(slot, 0, sizeof(*slot));
	if ((err = store_slot_next(store, after_id, &row)) != COFFER_OK)
		return err;
	if ((row.kind != SLOT_KEY_FILE && row.kind != SLOT_PASSPHRASE) ||
	    !take(params, sizeof(params), row.params) ||
	    !take(slot->nonce, sizeof(slot->nonce), row.nonce) ||
	    !take(slot->commitment, sizeof(slot->commitment), row.commitment) ||
	    !take(slot->wrapped, sizeof(slot->wrapped), row.wrapped))
		return COFFER_DATA_LOSS;
	slot->id = row.id;
	slot->epoch = row.epoch;
	slot->kind = (slot_kind)row.kind;
	slot->kdf.memory_kib = bytes_get_u32(params);
	slot->kdf.passes = bytes_get_u32(params + 4);
	memcpy(slot->kdf.salt, params + 8, KDF_SALT_LEN);
	return COFFER_OK;
}
