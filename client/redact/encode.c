#include "encode.h"

#include <assert.h>

static size_t hex(const char digits[16], uint8_t *out, const uint8_t *in, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		out[2 * i] = (uint8_t)digits[in[i] >> 4];
		out[2 * i + 1] = (uint8_t)digits[in[i] & 15];
	}
	return 2 * len;
}

/* Character i of a text's base64 is its bits 6i to 6i+5. Behind offset unknown bytes the value has the bits
 * 8 * offset to 8 * (offset + len): the characters that lie within are the same in every text. */
static size_t base64(const char digits[64], size_t offset, uint8_t *out, const uint8_t *in,
		     size_t len)
{
	size_t first = (8 * offset + 5) / 6, last = 8 * (offset + len) / 6;

	for (size_t i = first; i < last; i++) {
		size_t bit = 6 * i - 8 * offset;
		unsigned pair = (unsigned)in[bit / 8] << 8;

		if (bit / 8 + 1 < len)
			pair |= in[bit / 8 + 1];
		out[i - first] = (uint8_t)digits[pair >> (10 - bit % 8) & 63];
	}
	return last - first;
}

size_t encode_form(size_t form, uint8_t *out, const uint8_t *in, size_t len)
{
	static const char standard[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	static const char url_safe[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

	assert(form < ENCODE_FORMS);
	if (form < 2)
		return hex(form == 0 ? "0123456789abcdef" : "0123456789ABCDEF", out, in, len);
	return base64(form < 5 ? standard : url_safe, (form - 2) % 3, out, in, len);
}
