#include "base64.h"

static int digit(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool base64_decode(struct slice text, uint8_t *out, size_t *len)
{
	uint32_t bits = 0;
	size_t used = 0, end = text.len;

	*len = 0;
	if (text.len % 4 != 0)
		return false;
	while (end > 0 && text.len - end < 2 && text.data[end - 1] == '=')
		end--;
	for (size_t i = 0; i < end; i++) {
		int value = digit(text.data[i]);
		if (value < 0)
			return false;
		bits = bits << 6 | (uint32_t)value;
		used += 6;
		if (used < 8)
			continue;
		used -= 8;
		out[(*len)++] = (uint8_t)(bits >> used);
	}
	/* What is left over must be zero, or one value would have several texts. */
	return (bits & ((1u << used) - 1)) == 0;
}
