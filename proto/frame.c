#include "frame.h"

#include <assert.h>

coffer_err frame_parse(struct slice in, size_t max, size_t *header, size_t *body)
{
	size_t value = 0;

	*header = *body = 0;
	for (size_t i = 0; i < FRAME_HEADER_MAX; i++) {
		if (i == in.len)
			return COFFER_UNAVAILABLE;
		uint8_t byte = in.data[i];
		value |= (size_t)(byte & 0x7f) << (7 * i);
		if (byte & 0x80)
			continue;
		/* A last byte of zero adds nothing: the same length has a shorter form. */
		if ((byte == 0 && i > 0) || value == 0 || value > max)
			return COFFER_INVALID_ARGUMENT;
		*header = i + 1;
		*body = value;
		return COFFER_OK;
	}
	return COFFER_INVALID_ARGUMENT;
}

size_t frame_header(uint8_t out[FRAME_HEADER_MAX], size_t body)
{
	size_t n = 0;

	assert(body > 0 && body <= FRAME_BODY_MAX);
	do {
		out[n] = (uint8_t)((body & 0x7f) | (body > 0x7f ? 0x80 : 0));
		body >>= 7;
		n++;
	} while (body > 0);
	return n;
}
