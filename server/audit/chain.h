/* chain.h - the keyed hash chain over audit records. Layer: audit.
 *
 *   mac(n) = BLAKE2b-256(key, mac(n-1) | text(n))
 *
 * text(n) is the record's line up to its "mac" field, and holds the sequence number n. So a record
 * cannot be edited, moved or left out without the key, and a cut end shows against the stored head. */
#ifndef AUDIT_CHAIN_H
#define AUDIT_CHAIN_H

#include <stdint.h>

#include "slice.h"

#define CHAIN_KEY_LEN 32
#define CHAIN_MAC_LEN 32

/* The newest record: seq 0 and an all-zero mac before the first. */
struct chain_head {
	uint64_t seq;
	uint8_t mac[CHAIN_MAC_LEN];
};

/* The head after a record with that text, whose number is head->seq + 1. next may be head. */
void chain_extend(const uint8_t key[CHAIN_KEY_LEN], const struct chain_head *head,
		  struct slice text, struct chain_head *next);

/* Whether two heads are the same record. The macs are compared in constant time, so that a verdict's
 * timing does not help to guess one. */
bool chain_equal(const struct chain_head *a, const struct chain_head *b);

#endif
