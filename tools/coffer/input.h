/* input.h - where a secret's value comes from. Layer: tools.
 *
 * Bytes are taken as they are, a newline at the end too, unless trim is set: then one is taken
 * off. */
#ifndef INPUT_H
#define INPUT_H

#include <coffer/admin.h>

#include "bytes.h"
#include "cli.h"

/* Reads a file, or standard input for "-". Refused with a message: what cannot be read, and more
 * than any daemon takes. On failure *out is empty. */
COFFER_MUST_USE cli_exit input_file(const struct cli *cli, const char *path, bool trim,
				    struct bytes *out);
/* The same for up to max bytes. */
COFFER_MUST_USE cli_exit input_file_up_to(const struct cli *cli, const char *path, size_t max,
					  struct bytes *out);
/* Reads standard input, or asks if it is a terminal. */
COFFER_MUST_USE cli_exit input_stdin(const struct cli *cli, bool trim, struct bytes *out);

/* Secrets to write and the memory of their values. Zero it to begin. */
struct inputs {
	struct coffer_write *writes;
	struct bytes *values;
	size_t len;
};

/* Reads each of count words, "NAME=@FILE", "NAME=-" or "NAME=VALUE". The name is cut off in
 * place; a VALUE is wiped from the word, and its use warned about. On failure *out is empty. */
COFFER_MUST_USE cli_exit input_assignments(const struct cli *cli, char **words, size_t count,
					   bool trim, struct inputs *out);
void input_free(struct inputs *inputs); /* wipes and empties */

#endif
