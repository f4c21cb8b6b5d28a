/* audit_print.h - audit records, for people. Layer: tools. */
#ifndef AUDIT_PRINT_H
#define AUDIT_PRINT_H

#include <stddef.h>

#include "bytes.h"

/* Appends one record, a line of JSON without its newline, as "TIME OP OUTCOME run=ID uid=0 pid=1 via=X
 * scope/name@version (reason)". */
void audit_print(struct bytes *out, const char *line, size_t len);

#endif
