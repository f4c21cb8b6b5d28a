/* pingpong.h - the floor: a libev server that does nothing but answer. Layer: benchmark. */
#ifndef BENCHMARK_PINGPONG_H
#define BENCHMARK_PINGPONG_H

#include <stdbool.h>

/* Serves the socket at path: one recv and one send for each request, of the sizes of GetSecret's frames
 * (frames.h). Returns only on failure, with a line on stderr. */
bool pingpong_serve(const char *path);

#endif
