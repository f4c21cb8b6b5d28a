/* status.h - what the daemon tells operators of itself, as Prometheus reads it. Layer: tools. */
#ifndef HTTP_STATUS_H
#define HTTP_STATUS_H

#include <coffer/admin.h>

#include "body.h"

void status_print(struct body *out, const struct coffer_status *status);

#endif
