#include "core/mirror/object.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/secrets.h"
#include "vault/bytes.h"

#define OBJECT_SCOPE   "__coffer_object"
#define RECORD_FORMAT  1
#define RECORD_FIXED   (1 + 4 + 8 + 8 + STORE_BATCH_LEN)
#define RECORD_LENGTHS (3 * 2)

#define RECORD_PREFIX  "v1/"
#define BATCH_PREFIX   "v1/batch/"
#define VERSION_DIGITS 20

/* --- keys ----------------------------------------------------------------------------------------------- */

static void put_hex(char *out, const uint8_t *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
	out[2 * len] = '\0';
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool get_hex(struct slice text, uint8_t *out, size_t len)
{
	if (text.len != 2 * len)
		return false;
	for (size_t i = 0; i < len; i++) {
		int high = hex_digit(text.data[2 * i]), low = hex_digit(text.data[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static bool get_version(struct slice digits, uint32_t *version)
{
	uint64_t number = 0;

	if (digits.len != VERSION_DIGITS)
		return false;
	for (size_t i = 0; i < digits.len; i++) {
		if (digits.data[i] < '0' || digits.data[i] > '9' || number > UINT32_MAX)
			return false;
		number = number * 10 + (uint64_t)(digits.data[i] - '0');
	}
	*version = (uint32_t)number;
	return number > 0 && number < UINT32_MAX;
}

static bool begins(struct slice text, struct slice prefix)
{
	return text.len >= prefix.len && memcmp(text.data, prefix.data, prefix.len) == 0;
}

struct mirror_key mirror_key_parse(struct slice key)
{
	const struct slice batch = SLICE_LITERAL(BATCH_PREFIX),
			   record = SLICE_LITERAL(RECORD_PREFIX);
	const size_t slash = record.len + 2 * OBJECT_NAME_LEN;
	struct mirror_key out = { .kind = MIRROR_KEY_FOREIGN };

	if (slice_equal(key, SLICE_LITERAL(MIRROR_ROOT)))
		out.kind = MIRROR_KEY_ROOT;
	else if (begins(key, batch) &&
		 get_hex((struct slice){ key.data + batch.len, key.len - batch.len }, out.batch,
			 sizeof(out.batch)))
		out.kind = MIRROR_KEY_BATCH;
	else if (begins(key, record) && key.len > slash && key.data[slash] == '/' &&
		 get_hex((struct slice){ key.data + record.len, 2 * OBJECT_NAME_LEN }, out.name,
			 sizeof(out.name)) &&
		 get_version((struct slice){ key.data + slash + 1, key.len - slash - 1 },
			     &out.version))
		out.kind = MIRROR_KEY_RECORD;
	return out;
}

void mirror_key_record(char out[MIRROR_KEY_MAX + 1], const uint8_t name[OBJECT_NAME_LEN],
		       uint32_t version)
{
	char hex[2 * OBJECT_NAME_LEN + 1];

	put_hex(hex, name, OBJECT_NAME_LEN);
	snprintf(out, MIRROR_KEY_MAX + 1, RECORD_PREFIX "%s/%0*" PRIu32, hex, VERSION_DIGITS,
		 version);
}

void mirror_key_batch(char out[MIRROR_KEY_MAX + 1], const uint8_t batch[STORE_BATCH_LEN])
{
	char hex[2 * STORE_BATCH_LEN + 1];

	put_hex(hex, batch, STORE_BATCH_LEN);
	snprintf(out, MIRROR_KEY_MAX + 1, BATCH_PREFIX "%s", hex);
}

/* --- records -------------------------------------------------------------------------------------------- */

static uint8_t *put_text(uint8_t *at, struct slice text)
{
	return bytes_put(bytes_put_u16(at, (uint16_t)text.len), text.data, text.len);
}

static void put_record(uint8_t *at, const struct mirror_record *record)
{
	*at++ = RECORD_FORMAT;
	at = bytes_put_u32(at, record->flags);
	at = bytes_put_u64(at, (uint64_t)record->created_ms);
	at = bytes_put_u64(at, (uint64_t)record->expires_ms);
	at = bytes_put(at, record->batch, STORE_BATCH_LEN);
	at = put_text(at, record->scope);
	at = put_text(at, record->name);
	at = put_text(at, record->note);
	bytes_put(at, record->value.data, record->value.len);
}

static bool take_text(struct slice *rest, struct slice *text)
{
	size_t len;

	if (rest->len < 2)
		return false;
	len = bytes_get_u16(rest->data);
	if (rest->len - 2 < len)
		return false;
	*text = (struct slice){ rest->data + 2, len };
	*rest = (struct slice){ rest->data + 2 + len, rest->len - 2 - len };
	return true;
}

coffer_err mirror_record_parse(struct slice in, struct mirror_record *record)
{
	struct slice rest;

	*record = (struct mirror_record){ .flags = 0 };
	if (in.len < RECORD_FIXED || in.data[0] != RECORD_FORMAT)
		return COFFER_DATA_LOSS;
	rest = (struct slice){ in.data + RECORD_FIXED, in.len - RECORD_FIXED };
	if (!take_text(&rest, &record->scope) || !take_text(&rest, &record->name) ||
	    !take_text(&rest, &record->note)) {
		*record = (struct mirror_record){ .flags = 0 };
		return COFFER_DATA_LOSS;
	}
	record->flags = bytes_get_u32(in.data + 1);
	record->created_ms = (int64_t)bytes_get_u64(in.data + 5);
	record->expires_ms = (int64_t)bytes_get_u64(in.data + 13);
	memcpy(record->batch, in.data + 21, STORE_BATCH_LEN);
	record->value = rest;
	return COFFER_OK;
}

/* --- objects -------------------------------------------------------------------------------------------- */

/* hex is the context's name, and its memory. */
static struct seal_context context_of(char hex[2 * OBJECT_NAME_LEN + 1],
				      const uint8_t name[OBJECT_NAME_LEN], uint32_t version)
{
	put_hex(hex, name, OBJECT_NAME_LEN);
	return (struct seal_context){ .scope = SLICE_LITERAL(OBJECT_SCOPE),
				      .name = { (const uint8_t *)hex, 2 * OBJECT_NAME_LEN },
				      .version = version };
}

coffer_err mirror_object_seal(const struct core *core, const uint8_t name[OBJECT_NAME_LEN],
			      uint32_t version, const struct mirror_record *record, struct buf *out)
{
	const size_t len = RECORD_FIXED + RECORD_LENGTHS + record->scope.len + record->name.len +
			   record->note.len + record->value.len;
	char hex[2 * OBJECT_NAME_LEN + 1];
	struct seal_context context = context_of(hex, name, version);
	struct secret plain = SECRET_EMPTY;
	coffer_err err;

	assert(record->note.len <= UINT16_MAX);
	*out = (struct buf){ malloc(len + SEAL_OVERHEAD_MAX), 0, len + SEAL_OVERHEAD_MAX };
	if (out->data == NULL)
		err = COFFER_RESOURCE_EXHAUSTED;
	else
		err = secret_reserve(&plain, core->arena, len);
	if (err == COFFER_OK) {
		plain.len = len;
		put_record(plain.data, record);
		err = seal_record(core->keyring, core->algorithm, &context,
				  (struct slice){ plain.data, len }, out);
	}
	secret_free(&plain);
	if (err != COFFER_OK) {
		free(out->data);
		*out = (struct buf){ NULL, 0, 0 };
	}
	return err;
}

/* One behind the other in out: what is sealed in the row, and its note. */
static coffer_err open_row(struct core *core, const struct store_secret *row, struct secret *out,
			   struct mirror_record *record)
{
	size_t len, note_len = 0;
	coffer_err err;

	if ((err = secrets_value_len(row, &len)) != COFFER_OK ||
	    (row->note.len > 0 && (err = secrets_note_len(row, &note_len)) != COFFER_OK) ||
	    (err = secret_reserve(out, core->arena, len + note_len + 1)) != COFFER_OK)
		return err;
	out->len = len + note_len;
	record->value = (struct slice){ out->data, len };
	record->note = (struct slice){ out->data + len, note_len };
	if ((err = secrets_open(core, row, out->data)) != COFFER_OK || note_len == 0)
		return err;
	return secrets_open_note(core, row, out->data + len);
}

coffer_err mirror_object_of_row(struct core *core, const struct store_secret *row,
				const uint8_t batch[STORE_BATCH_LEN], struct buf *out)
{
	struct mirror_record record = { .flags = row->flags,
					.created_ms = row->created_ms,
					.expires_ms = row->expires_ms,
					.scope = row->scope,
					.name = row->name };
	uint8_t hash[OBJECT_NAME_LEN];
	struct secret content = SECRET_EMPTY;
	coffer_err err;

	*out = (struct buf){ NULL, 0, 0 };
	memcpy(record.batch, batch, sizeof(record.batch));
	object_name(core->keyring, row->scope, row->name, hash);
	if ((err = open_row(core, row, &content, &record)) == COFFER_OK)
		err = mirror_object_seal(core, hash, row->version, &record, out);
	secret_free(&content);
	return err;
}

coffer_err mirror_object_open(const struct core *core, const struct mirror_key *key,
			      struct slice body, struct secret *plain, struct mirror_record *record)
{
	char hex[2 * OBJECT_NAME_LEN + 1];
	struct seal_context context = context_of(hex, key->name, key->version);
	size_t len;
	coffer_err err;

	*plain = SECRET_EMPTY;
	if ((err = seal_plain_len(body, &len)) != COFFER_OK ||
	    (err = secret_reserve(plain, core->arena, len + 1)) != COFFER_OK)
		return err;
	plain->len = len;
	if ((err = seal_open(core->keyring, &context, body, plain->data)) == COFFER_OK)
		err = mirror_record_parse((struct slice){ plain->data, len }, record);
	if (err != COFFER_OK)
		secret_free(plain);
	return err;
}
