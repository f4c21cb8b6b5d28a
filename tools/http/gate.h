/* gate.h - refusals are counted, so that one caller's do not hold up all. Layer: tools.
 *
 * To the daemon all callers are of one uid, and it holds back the replies of a uid that is refused too often: a
 * flood of wrong tokens would keep our threads waiting. So a caller's address has some refusals in each second,
 * all together twice as many, and then is sent away before the daemon is asked. A token that was good lately passes
 * all the same. Of those no more is kept than a hash under a key of this process; whether a token is good is
 * still the daemon's to say, each time.
 *
 * Any thread may call. */
#ifndef HTTP_GATE_H
#define HTTP_GATE_H

#include <pthread.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>

#include "address.h"

#define GATE_CALLERS 256
#define GATE_TOKENS  1024

struct gate {
	pthread_mutex_t mutex;
	uint8_t key[crypto_shorthash_KEYBYTES];
	unsigned refusals_max;
	int64_t second;
	unsigned refusals;          /* of all, in that second */
	unsigned of[GATE_CALLERS];  /* of those whose address falls on a place */
	uint64_t good[GATE_TOKENS]; /* 0: none */
};

/* COFFER_INTERNAL: there is no randomness. */
COFFER_MUST_USE coffer_err gate_init(struct gate *gate, unsigned refusals_max);
void gate_destroy(struct gate *gate); /* wipes */

/* False: not in this second. token has COFFER_TOKEN_LEN bytes. */
bool gate_enter(struct gate *gate, const struct address *caller, const char *token);

/* What came of it: a good token; or a refusal for want of authority. */
void gate_passed(struct gate *gate, const char *token);
void gate_refused(struct gate *gate, const struct address *caller, const char *token);

#endif
