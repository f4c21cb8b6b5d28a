/* ballast.h - disk space that is kept back, so that a full disk does not keep an operator from making
 * room. Layer: base. One file, preallocated; giving it up and taking it again are plain file calls. */
#ifndef BASE_BALLAST_H
#define BASE_BALLAST_H

#include <coffer/error.h>
#include <stdbool.h>

struct ballast;

/* Uses the file at path (NULL: no ballast at all, for a store in memory) and tries to fill it.
 * COFFER_RESOURCE_EXHAUSTED without memory, COFFER_UNAVAILABLE if the file cannot be opened. A disk that
 * is too full to fill it is no error. */
COFFER_MUST_USE coffer_err ballast_open(struct ballast **out, const char *path);
void ballast_close(struct ballast *ballast); /* the file stays; NULL is fine */

/* Gives the space up. True if there was any to give. */
bool ballast_release(struct ballast *ballast);

/* Takes the space back if it was given up and the disk has twice as much free. */
void ballast_restore(struct ballast *ballast);

#endif
