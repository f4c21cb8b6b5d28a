/* envfile.h - files of variables, a line each: NAME=VALUE. Layer: tools.
 *
 * A line may begin with "export ". Of a plain value, white space around it and a comment ("#" behind white
 * space) are taken off. In single quotes every byte stands for itself; in double quotes \n, \t, \", \\ and \$
 * are escapes, and any other backslash stands for itself. A quoted value may have several lines. Nothing is
 * expanded or run: "$" and "`" are like any other byte. */
#ifndef EXEC_ENVFILE_H
#define EXEC_ENVFILE_H

#include "bytes.h"
#include "cli.h"

/* Reads the file at path into *out: "NAME=VALUE" and a NUL for each variable, in its order. The caller frees
 * *out. Refused with a message of path and line: what is of no such form. No message repeats the line. */
COFFER_MUST_USE cli_exit envfile_read(const struct cli *cli, const char *path, struct bytes *out);

/* The same from bytes in memory; a NUL among them is refused too. NULL, or what is wrong with the line *line;
 * *out may then hold a part. Only out->failed tells of missing memory. */
COFFER_MUST_USE const char *envfile_parse(const char *data, size_t len, struct bytes *out,
					  unsigned *line);

/* envfile_parse, but whatever stands before '=' is taken for a name: the caller looks at them. Appends to lines
 * the line of each variable, an unsigned. */
const char *envfile_parse_lines(const char *data, size_t len, struct bytes *out,
				struct bytes *lines, unsigned *line);

/* The variable behind the one at text, or the first for NULL; NULL behind the last. */
const char *envfile_next(const struct bytes *file, const char *text);

#endif
