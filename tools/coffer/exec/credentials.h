/* credentials.h - the run's authority, taken out of the environment. Layer: tools. */
#ifndef EXEC_CREDENTIALS_H
#define EXEC_CREDENTIALS_H

#include "bytes.h"
#include "cli.h"

/* Zero it to begin. */
struct credentials {
	bool given;             /* a variable of the token is set, though perhaps empty */
	struct bytes token;     /* with a NUL behind it, which counts; data is NULL: none */
	struct bytes bootstrap; /* the path of the file that hands everything over; the same */
};

/* Copies them. Where the library looks for the token, and in its order: $COFFER_TOKEN, the file
 * $COFFER_TOKEN_FILE, $SECRETS_API_TOKEN; the path only for the filesystem transport. A token file
 * that cannot be read is refused; of one that is a descriptor, /dev/fd/N, no other program gets it.
 * On failure they are empty. */
COFFER_MUST_USE cli_exit credentials_read(const struct cli *cli, struct credentials *out);
void credentials_free(struct credentials *credentials); /* wipes and empties */

#endif
