/* process.h - the time of whole processes. Layer: benchmark.
 *
 * Commands are given as argument lists with ":::" between them; the first word of each is not run: it
 * names the command. Output of the commands goes to /dev/null. Both functions print a line as
 * sample_print does for each round and command, and run the commands in turn. They return false, with a
 * line on stderr, if a command cannot be started, fails, or does not answer. */
#ifndef BENCHMARK_PROCESS_H
#define BENCHMARK_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

#define PROCESS_COMMANDS_MAX 8

/* The first word is a label: from the start of the process to its end, which must be exit 0. With a label "tty:..."
 * the command has a terminal of its own. */
bool process_measure(size_t rounds, size_t count, char **words, size_t words_len);

/* The first word is a target (target.h): from the start of the server to the first reply that it gives.
 * It is then ended with SIGTERM. */
bool process_measure_start(size_t rounds, size_t count, char **words, size_t words_len);

#endif
