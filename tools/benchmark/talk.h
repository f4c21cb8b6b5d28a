/* talk.h - round trips with a target. Layer: benchmark.
 *
 * Whatever the protocol, a round trip is one send of ready bytes, then poll and recv until as many bytes
 * are there as the first reply had; so the client costs every server the same. The protocols differ in
 * talk_learn alone, which finds out that number, and which no measurement contains.
 * Functions that return false have told why on stderr. */
#ifndef BENCHMARK_TALK_H
#define BENCHMARK_TALK_H

#include <stdbool.h>

#include "target.h"

/* Connects, says hello, asks once, and keeps the sizes of the replies and the last reply. The target
 * stays connected. A reply that is an error or has no value is a failure. */
bool talk_learn(struct target *target);

/* The same on an open connection, and content with any reply but an error of coffer's. */
bool talk_first(struct target *target);

/* Connects without a word; talk_try tells nothing of a failure. talk_close may follow a failure and may
 * be repeated. */
bool talk_connect(struct target *target);
bool talk_try(struct target *target);
void talk_close(struct target *target);

/* Says hello, if the protocol has one, and waits for the reply. */
bool talk_greet(struct target *target);

/* One round trip on the open connection. */
bool talk_ask(struct target *target);

/* Connects, greets, asks and closes, where hello and request leave in one send. */
bool talk_visit(struct target *target);

/* Whether the reply that came last is the one that was learnt. */
bool talk_check(const struct target *target);

#endif
