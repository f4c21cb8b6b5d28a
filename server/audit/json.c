#include "audit/json.h"

#include <assert.h>

#include "names.h"

/* The longest escaped form of one character. */
#define FORM_MAX 6

static const char hex_digits[] = "0123456789abcdef";

void json_number(struct buf *out, uint64_t number)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	json_raw(out, digits + at, sizeof(digits) - at);
}

void json_hex(struct buf *out, const uint8_t *bytes, size_t len)
{
	uint8_t *at = out->data + out->len;

	assert(2 * len <= out->cap - out->len);
	if (2 * len > out->cap - out->len)
		return;
	for (size_t i = 0; i < len; i++) {
		at[2 * i] = (uint8_t)hex_digits[bytes[i] >> 4];
		at[2 * i + 1] = (uint8_t)hex_digits[bytes[i] & 15];
	}
	out->len += 2 * len;
}

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* The top bit of at least one byte, if one of them is below bound, which is at most 0x80; else 0. */
static uint64_t below(uint64_t bytes, uint8_t bound)
{
	return (bytes - EACH(bound)) & ~bytes & EACH(0x80);
}

/* Whether eight bytes stand for themselves: a look at each would be the most that is done for a record, but for its
 * hash. */
static bool are_plain(const uint8_t *at)
{
	uint64_t bytes;

	memcpy(&bytes, at, sizeof(bytes));
	return ((bytes & EACH(0x80)) | below(bytes, 0x20) | below(bytes ^ EACH(0x7f), 1) |
		below(bytes ^ EACH('"'), 1) | below(bytes ^ EACH('\\'), 1)) == 0;
}

static bool is_plain(uint8_t c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static size_t plain_run(struct slice text)
{
	size_t n = 0;

	while (text.len - n >= sizeof(uint64_t) && are_plain(text.data + n))
		n += sizeof(uint64_t);
	while (n < text.len && is_plain(text.data[n]))
		n++;
	return n;
}

/* Writes the escaped form of the character that text begins with, which is not plain, and returns its
 * size; *used is the character's own. */
static size_t escape(struct slice text, char out[FORM_MAX], size_t *used)
{
	uint8_t c = text.data[0];

	*used = names_utf8(text);
	if (*used == 0) {
		*used = 1;
		memcpy(out, "\xef\xbf\xbd", 3);
		return 3;
	}
	if (*used > 1) {
		memcpy(out, text.data, *used);
		return *used;
	}
	if (c == '"' || c == '\\') {
		out[0] = '\\';
		out[1] = (char)c;
		return 2;
	}
	memcpy(out, "\\u00", 4);
	out[4] = hex_digits[c >> 4];
	out[5] = hex_digits[c & 15];
	return FORM_MAX;
}

void json_text(struct buf *out, struct slice text, size_t max)
{
	char form[FORM_MAX];
	size_t used, len;

	while (text.len > 0 && max > 0) {
		used = len = plain_run(text);
		if (len > max)
			used = len = max;
		if (len > 0) {
			json_raw(out, text.data, len);
		} else {
			len = escape(text, form, &used);
			if (len > max)
				return;
			json_raw(out, form, len);
		}
		max -= len;
		text = (struct slice){ text.data + used, text.len - used };
	}
}

void json_field(struct buf *out, struct slice key, struct slice text, size_t max)
{
	if (text.len == 0)
		return;
	JSON_LITERAL(out, ",\"");
	json_raw(out, key.data, key.len);
	JSON_LITERAL(out, "\":\"");
	json_text(out, text, max);
	JSON_LITERAL(out, "\"");
}
