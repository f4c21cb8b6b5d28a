/* credentials.h - the run's authority, taken out of the environment. Layer: tools. */
#ifndef EXEC_CREDENTIALS_H
#define EXEC_CREDENTIALS_H

#include <coffer/client.h>

#include "cli.h"

/* Zero it to begin. */
struct credentials {
	bool given;                  /* a variable of the token is set, though perhaps empty */
	struct coffer_tokens tokens; /* the first is the run's */
	char *bootstrap; /* the path of the file that hands everything over; NULL: none */
};

/* Copies them; the path only for the filesystem transport. A token file that cannot be read is refused; of one that is
 * a descriptor, /dev/fd/N, no other program gets it. On failure they are empty. */
COFFER_MUST_USE cli_exit credentials_read(const struct cli *cli, struct credentials *out);
void credentials_free(struct credentials *credentials); /* wipes and empties */

#endif
