/* prompt.h - a value typed at the terminal, unseen. Layer: tools. */
#ifndef PROMPT_H
#define PROMPT_H

#include "bytes.h"
#include "cli.h"

/* Asks the question on standard error, and once more; reads standard input, which is a terminal, without echo. The
 * value is the line without its newline. Refused with a message: two that differ, no line, a
 * line too long for a terminal. A signal that ends the process finds the terminal as it was. */
COFFER_MUST_USE cli_exit prompt_twice(const struct cli *cli, const char *question,
				      struct bytes *out);

#endif
