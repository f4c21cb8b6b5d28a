/* worker.h - does what one daemon asks of its bucket, and tells it what else is there. Layer: s3. */
#ifndef S3_WORKER_H
#define S3_WORKER_H

#include <coffer/error.h>

#include "s3/settings.h"

/* Works until SIGTERM or SIGINT: COFFER_OK. Anything else is logged: COFFER_INVALID_ARGUMENT: no admin_socket, or
 * what bucket_open and link_open return. */
COFFER_MUST_USE coffer_err worker_run(const struct settings *settings);

#endif
