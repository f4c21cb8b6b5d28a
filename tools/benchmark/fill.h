/* fill.h - the secrets that the daemon is measured with. Layer: benchmark. */
#ifndef BENCHMARK_FILL_H
#define BENCHMARK_FILL_H

#include <stdbool.h>
#include <stddef.h>

/* Stores count secrets (frames.h) in the daemon whose home that is, creates a run that sees them, and
 * writes its token to the file "token" of the home. False, with a line on stderr, if any of it fails. */
bool fill_home(const char *home, size_t count);

#endif
