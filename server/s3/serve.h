/* serve.h - the worker and what keeps it running: what coffer-s3 does for a daemon. Layer: s3. */
#ifndef S3_SERVE_H
#define S3_SERVE_H

#include <coffer/error.h>

#include "s3/settings.h"

/* Works until SIGTERM or SIGINT, or until the process that started this one ends. A worker that dies is started
 * again, after a pause that grows. It returns in each worker, too, with what worker_run did. COFFER_INTERNAL: it
 * cannot work at all. */
COFFER_MUST_USE coffer_err serve_run(const struct settings *settings);

#endif
