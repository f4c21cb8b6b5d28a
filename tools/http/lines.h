/* lines.h - the lines of the settings file, each of them whole. Layer: tools. */
#ifndef HTTP_LINES_H
#define HTTP_LINES_H

#include <coffer/error.h>
#include <ini.h>
#include <stdbool.h>

/* Gives take what each line sets; it returns 0 for what is wrong, and has said so. A file that is not there is as good
 * as an empty one, unless it is required. COFFER_INVALID_ARGUMENT, with the place printed on stderr: a line was refused,
 * is none, or is longer than can be read. */
COFFER_MUST_USE coffer_err lines_read(const char *path, bool required, ini_handler take,
				      void *user);

#endif
