/* clock.h - the two clocks, in milliseconds. Layer: client. */
#ifndef CLIENT_CLOCK_H
#define CLIENT_CLOCK_H

#include <stdint.h>

/* Since 1970, as people set it. */
int64_t clock_wall_ms(void);

/* Since some moment; never set back. For deadlines. */
int64_t clock_mono_ms(void);

#endif
