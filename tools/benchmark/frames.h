/* frames.h - the precomputed coffer.v1 frames that the benchmark sends. Layer: benchmark.
 * Every function returns false, with a line on stderr, if the frame does not fit into out. */
#ifndef BENCHMARK_FRAMES_H
#define BENCHMARK_FRAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "slice.h"

/* Bytes of every benchmark secret's value; its name, with the NUL; where it is stored. */
#define FRAMES_VALUE_LEN 100
#define FRAMES_NAME_SIZE sizeof("SECRET_0000000")
#define FRAMES_SCOPE     "global"

/* The ids of Hello and of all other requests, which are equal so that every reply is. */
#define FRAMES_HELLO_ID   1
#define FRAMES_REQUEST_ID 2

/* The name of secret number i (0 .. 9,999,999). */
void frames_name(size_t i, char out[FRAMES_NAME_SIZE]);

/* The value that every secret has. */
void frames_value(uint8_t out[FRAMES_VALUE_LEN]);

bool frames_hello(struct buf *out, struct slice token);
bool frames_get(struct buf *out, size_t i);

/* One GetSecrets of the count names from number i on. */
bool frames_get_many(struct buf *out, size_t i, size_t count);

/* A reply to frames_get as the daemon gives it. */
bool frames_get_reply(struct buf *out);

#endif
