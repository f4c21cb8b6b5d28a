#include "gate.h"

#include <coffer/limits.h>
#include <string.h>
#include <time.h>

coffer_err gate_init(struct gate *gate, unsigned refusals_max)
{
	*gate = (struct gate){ .mutex = PTHREAD_MUTEX_INITIALIZER, .refusals_max = refusals_max };
	if (sodium_init() < 0)
		return COFFER_INTERNAL;
	crypto_shorthash_keygen(gate->key);
	return COFFER_OK;
}

void gate_destroy(struct gate *gate)
{
	(void)pthread_mutex_destroy(&gate->mutex);
	sodium_memzero(gate, sizeof(*gate));
}

static uint64_t hash(const struct gate *gate, const void *data, size_t len)
{
	uint64_t out;
	uint8_t bytes[crypto_shorthash_BYTES];

	crypto_shorthash(bytes, data, len, gate->key);
	memcpy(&out, bytes, sizeof(out));
	return out;
}

static size_t place(const struct gate *gate, const struct address *caller)
{
	size_t len;
	const uint8_t *bytes = address_bytes(caller, &len);

	return hash(gate, bytes, len) % GATE_CALLERS;
}

static void turn(struct gate *gate)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec == gate->second)
		return;
	gate->second = now.tv_sec;
	gate->refusals = 0;
	memset(gate->of, 0, sizeof(gate->of));
}

bool gate_enter(struct gate *gate, const struct address *caller, const char *token)
{
	uint64_t hashed = hash(gate, token, COFFER_TOKEN_LEN);
	bool open;

	pthread_mutex_lock(&gate->mutex);
	turn(gate);
	open = gate->good[hashed % GATE_TOKENS] == hashed ||
	       (gate->refusals < 2 * gate->refusals_max &&
		gate->of[place(gate, caller)] < gate->refusals_max);
	pthread_mutex_unlock(&gate->mutex);
	return open;
}

void gate_passed(struct gate *gate, const char *token)
{
	uint64_t hashed = hash(gate, token, COFFER_TOKEN_LEN);

	pthread_mutex_lock(&gate->mutex);
	gate->good[hashed % GATE_TOKENS] = hashed;
	pthread_mutex_unlock(&gate->mutex);
}

void gate_refused(struct gate *gate, const struct address *caller, const char *token)
{
	uint64_t hashed = hash(gate, token, COFFER_TOKEN_LEN);

	pthread_mutex_lock(&gate->mutex);
	turn(gate);
	gate->refusals++;
	gate->of[place(gate, caller)]++;
	if (gate->good[hashed % GATE_TOKENS] == hashed)
		gate->good[hashed % GATE_TOKENS] = 0;
	pthread_mutex_unlock(&gate->mutex);
}
