/* clock.h - the two clocks. Layer: base. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* Milliseconds since 1970-01-01 UTC: what is stored, audited and shown. It can jump. */
int64_t clock_wall_ms(void);

/* Milliseconds since some fixed point: for deadlines. It never goes back. */
int64_t clock_mono_ms(void);

/* The same in nanoseconds: for how long something took. */
int64_t clock_mono_ns(void);

/* "2026-11-22T01:40:08.123Z" and its NUL, from wall milliseconds. */
#define CLOCK_TEXT_LEN 24
void clock_format(int64_t wall_ms, char out[CLOCK_TEXT_LEN + 1]);

#endif
