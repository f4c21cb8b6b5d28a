#include "s3/keys.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define HASH_LEN   32
#define BATCH_LEN  16
#define DIGITS_LEN 20

_Static_assert(sizeof(struct keys_entry) == 42, "there is one for every version of every secret");

/* Takes what stands at the beginning of *text, if it does. */
static bool skip(struct slice *text, const char *prefix)
{
	size_t len = strlen(prefix);

	if (text->len < len || memcmp(text->data, prefix, len) != 0)
		return false;
	*text = (struct slice){ text->data + len, text->len - len };
	return true;
}

/* Small letters only: one object has one key. */
static int digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool take_hex(struct slice *text, uint8_t *out, size_t len)
{
	if (text->len < 2 * len)
		return false;
	for (size_t i = 0; i < len; i++) {
		int high = digit(text->data[2 * i]), low = digit(text->data[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high * 16 + low);
	}
	*text = (struct slice){ text->data + 2 * len, text->len - 2 * len };
	return true;
}

/* A version from 1 to the largest of 64 bits, as 8 bytes that sort as it does. */
static bool take_version(struct slice *text, uint8_t out[8])
{
	uint64_t version = 0;

	if (text->len != DIGITS_LEN)
		return false;
	for (size_t i = 0; i < DIGITS_LEN; i++) {
		int d = digit(text->data[i]);
		if (d < 0 || d > 9 || version > (UINT64_MAX - (uint64_t)d) / 10)
			return false;
		version = version * 10 + (uint64_t)d;
	}
	for (size_t i = 0; i < 8; i++)
		out[i] = (uint8_t)(version >> (56 - 8 * i));
	*text = SLICE_EMPTY;
	return version > 0;
}

static bool parse(struct slice key, keys_kind kind, struct keys_entry *out)
{
	*out = (struct keys_entry){ .kind = (uint8_t)kind };
	if (kind == KEYS_BATCH)
		return skip(&key, "v1/batch/") && take_hex(&key, out->bytes, BATCH_LEN) &&
		       key.len == 0;
	return skip(&key, "v1/") && take_hex(&key, out->bytes, HASH_LEN) && skip(&key, "/") &&
	       take_version(&key, out->bytes + HASH_LEN);
}

bool keys_add(struct keys *keys, keys_kind kind, struct slice key, coffer_err *err)
{
	struct keys_entry entry, *list;
	size_t cap = keys->cap > 0 ? keys->cap * 2 : 256;

	*err = COFFER_OK;
	if (!parse(key, kind, &entry))
		return false;
	if (keys->len == keys->cap) {
		if (keys->len >= KEYS_MAX ||
		    (list = realloc(keys->list, cap * sizeof(*list))) == NULL) {
			*err = COFFER_RESOURCE_EXHAUSTED;
			return false;
		}
		keys->list = list;
		keys->cap = cap;
	}
	keys->list[keys->len++] = entry;
	return true;
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, offsetof(struct keys_entry, known));
}

void keys_sort(struct keys *keys)
{
	size_t kept = 0;

	if (keys->len > 0)
		qsort(keys->list, keys->len, sizeof(*keys->list), compare);
	for (size_t i = 0; i < keys->len; i++)
		if (kept == 0 || compare(&keys->list[kept - 1], &keys->list[i]) != 0)
			keys->list[kept++] = keys->list[i];
	keys->len = kept;
}

void keys_mark_known(struct keys *keys, const struct keys *before)
{
	size_t at = 0;

	for (size_t i = 0; i < keys->len; i++) {
		while (at < before->len && compare(&before->list[at], &keys->list[i]) < 0)
			at++;
		if (at < before->len && compare(&before->list[at], &keys->list[i]) == 0)
			keys->list[i].known = before->list[at].known;
	}
}

void keys_forget(struct keys *keys)
{
	for (size_t i = 0; i < keys->len; i++)
		keys->list[i].known = false;
}

static char *put_hex(char *at, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		at += sprintf(at, "%02x", bytes[i]);
	return at;
}

void keys_format(const struct keys_entry *entry, char out[KEYS_TEXT_MAX + 1])
{
	uint64_t version = 0;

	if (entry->kind == KEYS_BATCH) {
		(void)put_hex(out + sprintf(out, "v1/batch/"), entry->bytes, BATCH_LEN);
		return;
	}
	for (size_t i = HASH_LEN; i < sizeof(entry->bytes); i++)
		version = version << 8 | entry->bytes[i];
	out = put_hex(out + sprintf(out, "v1/"), entry->bytes, HASH_LEN);
	(void)sprintf(out, "/%0*" PRIu64, DIGITS_LEN, version);
}

void keys_free(struct keys *keys)
{
	free(keys->list);
	*keys = (struct keys){ .list = NULL };
}
