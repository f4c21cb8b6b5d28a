/* oneshot.h - one object fetched or stored, or the bucket looked at: for who has no daemon yet. Layer: s3. */
#ifndef S3_ONESHOT_H
#define S3_ONESHOT_H

#include <coffer/error.h>

#include "s3/settings.h"

/* Each logs what is wrong. Results as of struct answer; COFFER_NOT_FOUND and COFFER_ALREADY_EXISTS are not logged. */

/* Writes the object to standard output. */
COFFER_MUST_USE coffer_err oneshot_get(const struct settings *settings, const char *key);

/* Stores the file's content if there is no such object. COFFER_UNIMPLEMENTED: the store takes the condition and
 * does not keep to it; then there is no such object again. COFFER_NOT_FOUND, logged: there is no such file. */
COFFER_MUST_USE coffer_err oneshot_put(const struct settings *settings, const char *key,
				       const char *path);

/* Whether the bucket can be listed. */
COFFER_MUST_USE coffer_err oneshot_check(const struct settings *settings);

#endif
