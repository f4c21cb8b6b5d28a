#include "base/id.h"

#include <sodium.h>

#include <stddef.h>
#include <string.h>

#define UUID_LEN  16
#define COUNT_MAX 0xfffu

/* RFC 9562, 6.2, method 1: rand_a is a counter that starts each millisecond at a random number of
 * 11 bits. When its 12 bits run over, or the clock stands or goes back, the source's own time goes
 * on. */
static void source_advance(struct id_source *source, int64_t wall_ms)
{
	if (wall_ms <= source->ms && source->count < COUNT_MAX) {
		source->count++;
		return;
	}
	source->ms = wall_ms > source->ms ? wall_ms : source->ms + 1;
	source->count = randombytes_uniform((COUNT_MAX + 1) / 2);
}

static void uuid_format(const uint8_t uuid[UUID_LEN], char out[COFFER_ID_LEN + 1])
{
	static const size_t groups[] = { 8, 4, 4, 4, 12 };
	char hex[2 * UUID_LEN + 1];
	const char *from = hex;

	sodium_bin2hex(hex, sizeof(hex), uuid, UUID_LEN);
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		memcpy(out, from, groups[i]);
		from += groups[i];
		out += groups[i];
		*out++ = '-';
	}
	out[-1] = '\0';
}

void id_make(struct id_source *source, int64_t wall_ms, char out[COFFER_ID_LEN + 1])
{
	uint8_t uuid[UUID_LEN];

	source_advance(source, wall_ms);
	randombytes_buf(uuid, sizeof(uuid));
	for (int i = 0; i < 6; i++)
		uuid[i] = (uint8_t)((uint64_t)source->ms >> (8 * (5 - i)));
	uuid[6] = (uint8_t)(0x70 | source->count >> 8); /* version 7 */
	uuid[7] = (uint8_t)source->count;
	uuid[8] = (uint8_t)(0x80 | (uuid[8] & 0x3f)); /* variant of RFC 9562 */
	uuid_format(uuid, out);
}

coffer_err id_copy(char out[COFFER_ID_LEN + 1], struct slice id)
{
	if (id.len != COFFER_ID_LEN)
		return COFFER_DATA_LOSS;
	memcpy(out, id.data, COFFER_ID_LEN);
	out[COFFER_ID_LEN] = '\0';
	return COFFER_OK;
}

void id_make_token(char out[COFFER_TOKEN_LEN])
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "abcdefghijklmnopqrstuvwxyz0123456789";

	/* One character at a time, straight into out: no other memory ever holds the token. */
	for (size_t i = 0; i < COFFER_TOKEN_LEN; i++)
		out[i] = alphabet[randombytes_uniform(sizeof(alphabet) - 1)];
}
