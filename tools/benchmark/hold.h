/* hold.h - many idle connections. Layer: benchmark. */
#ifndef BENCHMARK_HOLD_H
#define BENCHMARK_HOLD_H

#include <stdbool.h>
#include <stddef.h>

#include "target.h"

/* Opens count connections, says hello and asks once on each, prints "held" on stdout, and keeps them until
 * stdin ends. False as in talk.h. */
bool hold_connections(struct target *target, size_t count);

#endif
